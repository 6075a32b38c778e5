"""Durations as Prometheus and Alertmanager write them: `15d`, `1h30m`, `2w`, `1y`."""

import re
from datetime import timedelta

# https://prometheus.io/docs/prometheus/latest/querying/basics/#float-literals-and-time-durations: from the longest
# unit to the shortest, each at most once; a year has 365 days and a week seven.
_FORM = re.compile(
    r"(?:(\d{1,9})y)?(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?"
)
_UNITS = (
    timedelta(days=365),
    timedelta(weeks=1),
    timedelta(days=1),
    timedelta(hours=1),
    timedelta(minutes=1),
    timedelta(seconds=1),
    timedelta(milliseconds=1),
)


def read_duration(text: str) -> timedelta:
    """Reads `15d`; raises ValueError where it is no such duration, or longer than can be told."""
    found = _FORM.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        if text.strip() == "0":
            return timedelta()
        raise ValueError(f"{text[:40]!r} is no duration, such as '15d' or '1h30m'")
    try:
        return sum(
            (int(number) * unit for number, unit in zip(found.groups(), _UNITS, strict=True) if number), timedelta()
        )
    except OverflowError as e:
        raise ValueError(f"{text[:40]!r} is longer than can be told") from e
