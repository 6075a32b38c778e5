"""What the incidents of a time come to: how long they took, and how much of the time was free of them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from tasks.pagerduty_records import Incident, Service
from tminus.errors import CouldNotObserve


def mean_minutes(lengths: Sequence[timedelta]) -> float | None:
    """The arithmetic mean in minutes; None of nothing, which is not zero."""
    if not lengths:
        return None
    return sum(lengths, start=timedelta()).total_seconds() / len(lengths) / 60


def resolution_times(incidents: Iterable[Incident]) -> list[timedelta]:
    """From creation to resolution, of those that were resolved; raises CouldNotObserve where one does not say when."""
    return [end - one.created_at for one in incidents if (end := _end(one)) is not None]


def uptime(incidents: Iterable[Incident], begin: datetime, end: datetime) -> float:
    """The share (0 to 1) of the time between the two in which none of the incidents was open.

    Those that overlap count once. Raises CouldNotObserve where a resolved one does not say when it was.
    """
    spans = sorted((max(one.created_at, begin), min(_end(one) or end, end)) for one in incidents)
    down, until = timedelta(), begin
    for start, stop in spans:
        if stop > max(start, until):
            down += stop - max(start, until)
            until = stop
    return 1 - down / (end - begin)


def youngest(services: Iterable[Service], at: datetime) -> timedelta | None:
    """How long before then the youngest of them was made; None where there is none, or one does not say it."""
    made = [one.created_at for one in services]
    known = [one for one in made if one is not None]
    return at - max(known) if known and len(known) == len(made) else None


def _end(incident: Incident) -> datetime | None:
    end = incident.ended_at
    if incident.status == "resolved" and (end is None or end < incident.created_at):
        raise CouldNotObserve(f"pagerduty incident {incident.incident_number} is resolved, but does not say since when")
    return end
