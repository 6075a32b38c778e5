"""How much is lost with a restored copy, by its newest mark, which cannot be newer than the copy. Pure."""

from datetime import UTC, datetime, timedelta

from tminus.backups.contents import Marker
from tminus.expectation import Measurement

_CLOCKS = timedelta(minutes=1)  # by which the clocks of who marks and of what is marked may differ
NO_MARK = "it holds no mark, so what would be lost cannot be told: `tminus mark` writes them"
"""What is said of a copy without a mark."""


def loss(
    needed_at: datetime, mark: Marker | None, copied_at: datetime, until: datetime | None = None
) -> tuple[list[Measurement], list[str]]:
    """The measurement `loss` in seconds, and what is to be said where it cannot be told.

    Args:
        needed_at: the moment for which it is counted.
        mark: the newest in the restored data.
        copied_at: the moment that the copy is of: what was written later is lost, whatever its mark says.
        until: when the copying ended, where a mark could come into it meanwhile.
    """
    if mark is None:
        return [], [NO_MARK]
    if mark.at > (until or copied_at) + _CLOCKS:
        said, copied = (f"{one.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" for one in (mark.at, copied_at))
        wrong = "a clock is wrong, or the mark is not ours, so what would be lost cannot be told"
        return [], [f"its newest mark is of {said}, and the copy of {copied}: {wrong}"]
    lost = (needed_at - min(mark.at, copied_at)).total_seconds()
    return [Measurement.number("loss", max(0.0, lost), "s")], []
