"""Keys that expire, put into stretches of time, so that those that are left later can be held against a backup's."""

from bisect import bisect_right
from datetime import datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

HORIZONS: tuple[int, ...] = (
    0,
    *(_MINUTE * minutes for minutes in (1, 5, 15, 30)),
    *(_HOUR * hours for hours in range(1, 48)),
    *(_DAY * days for days in range(2, 40)),
    *(_DAY * days for days in (60, 90, 180, 365, 730)),
)
"""Seconds after `taken_at` at which a stretch begins: an hour long in the first two days, in which backups are looked
at, and a day in the month for which they are kept. What expired before `taken_at` belongs to the first one."""


def horizon(expires: int, taken_at: datetime) -> int:
    """The stretch in which a key expires: the seconds from `taken_at` at which it begins.

    Args:
        expires: when, in milliseconds since 1970.
        taken_at: the backup's moment.
    """
    after = (expires - round(taken_at.timestamp() * 1000)) / 1000
    return HORIZONS[max(0, bisect_right(HORIZONS, after) - 1)]
