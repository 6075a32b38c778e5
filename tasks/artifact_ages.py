"""How old a report is: by what it says itself; by its file's time, which a copy renews, only where that is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from tasks.artifact_files import ArtifactFile, shown
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement

_AHEAD = timedelta(minutes=5)  # how far another machine's clock may be ahead of ours
_WESTERN = timedelta(hours=14)  # a time without a zone may be read as that much too late: UTC+14 is the furthest zone
_YEARS = range(1970, 9999)
_HOUR = 3600
_MILLISECONDS = 100_000_000_000  # epoch seconds reach this in the year 5138, epoch milliseconds did in 1973
_EPOCH_ENDS = 250_000_000_000  # epoch seconds of the year 9892


DatedBy = Literal["report", "file"]
"""What says how old a report is: it alone, or else its file's time, which a checkout or a copy renews."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a report was made.

    Attributes:
        name: the report's file.
        dated: whether it says so itself; else this is the file's own time.
    """

    name: str
    at: datetime
    dated: bool

    @property
    def hours(self) -> float:
        """How long ago."""
        return max(0.0, (now() - self.at).total_seconds()) / _HOUR


def stamp(file: ArtifactFile, said: datetime | None) -> Stamp:
    """When a file was made; raises CouldNotObserve for a time to come."""
    return Stamp(file.name, settled(file.written if said is None else said, file.name), said is not None)


def settled(at: datetime, where: str) -> datetime:
    """A time that somebody wrote, in UTC; without a zone it is read as UTC.

    What is within another clock's or zone's reach of now is now. Raises CouldNotObserve for a later one.
    """
    if at.year not in _YEARS:
        raise CouldNotObserve(f"{where} is said to be of the year {at.year}")
    ahead = _AHEAD if at.tzinfo else _WESTERN
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    if at > now() + ahead:
        raise CouldNotObserve(f"{where} is said to be of {at:%Y-%m-%d %H:%M} UTC, a time to come")
    return min(at, now())


def oldest(stamps: Sequence[Stamp]) -> float:
    """The age of the oldest, in hours; of at least one."""
    return round(max(one.hours for one in stamps), 6)


def age(stamps: Sequence[Stamp], by: DatedBy) -> tuple[Measurement, ...]:
    """The age of the oldest; none where one does not say when it was made, and its file's time is not to be taken."""
    if by == "report" and not all(one.dated for one in stamps):
        return ()
    return (Measurement.number("age", oldest(stamps), "h"),)


def undated(stamps: Sequence[Stamp], by: DatedBy) -> tuple[str, ...]:
    """A line for each report that does not say when it was made."""
    then = "its file's time is taken" if by == "file" else "so its age is not known (dated_by: file takes its file's)"
    return tuple(f"{one.name} does not say when it was made: {then}" for one in stamps if not one.dated)


def read_time(text: str) -> datetime | None:
    """A time in ISO 8601 or as mails have it; None where it is neither."""
    text = text.strip()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def read_epoch(number: float) -> datetime | None:
    """A time in seconds since 1970, or in milliseconds where it is too large for that; None where it is no time."""
    seconds = number / 1000 if number > _MILLISECONDS else number
    if not 0 < seconds < _EPOCH_ENDS:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def told(text: str, file: ArtifactFile) -> datetime:
    """A time that a report must say; raises CouldNotObserve where it is none."""
    at = read_time(text)
    if at is None:
        raise CouldNotObserve(f"{file.name} says {shown(text)!r} where a time should stand")
    return at
