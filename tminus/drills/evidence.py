"""What drills measured, as the files that a readiness book's lines read: `evidence/failover.json` and `drill.json`."""

from collections.abc import Mapping

from pydantic import BaseModel

from tminus import events as ev
from tminus.drills.book import DrillsBook
from tminus.drills.course import Course, Played
from tminus.errors import UsageError

_RECOVERED = ("held", "missed")


class Recovery(BaseModel, frozen=True):
    """How one system came back.

    Attributes:
        status: `recovered`, or how the drill ended where it did not go through.
        confirmed_writes_lost: None where nobody counted.
        seconds: how long it was gone; None where nobody measured.
        finished_at: when the drill was over.
    """

    status: str
    confirmed_writes_lost: int | None
    seconds: float | None
    finished_at: ev.Time


class Drilled(BaseModel, frozen=True):
    """The newest drill of all.

    Attributes:
        steps_failed: how many of its stages could not be done.
        recovery_seconds, loss_seconds: None where nobody measured.
    """

    drill: str
    status: str
    steps_failed: int
    recovery_seconds: float | None
    loss_seconds: float | None
    finished_at: ev.Time


def files(book: DrillsBook, courses: Mapping[str, Course]) -> dict[str, str]:
    """File name → what stands in it. Raises UsageError where nothing was drilled that could be told.

    `failover.json` has an entry for each scenario with `evidence: NAME` in the book, by that name; its `finished_at` is
    the oldest of them, so that it is no younger than any.
    """
    over = [one for course in courses.values() for one in course.drills if one.ended is not None]
    if not over:
        raise UsageError(f"no drill of {book.drills} is over, so there is nothing to show as evidence")
    newest = max(over, key=_ended_at)
    found = {"drill.json": _drilled(newest).model_dump_json(indent=2) + "\n"}
    parts = {
        drill.evidence: _recovery(last)
        for name, drill in book.scenarios.items()
        if drill.evidence and (last := _last_over(courses[name])) is not None
    }
    if parts:
        oldest = min(one.finished_at for one in parts.values()).isoformat()
        entries = ",\n".join(f'  "{name}": {one.model_dump_json()}' for name, one in parts.items())
        found["failover.json"] = f'{{\n{entries},\n  "finished_at": "{oldest}"\n}}\n'
    return found


def _last_over(course: Course) -> Played | None:
    return next((one for one in reversed(course.drills) if one.ended is not None), None)


def _ended_at(played: Played) -> ev.Time:
    return played.ended.at if played.ended else played.began.at


def _recovery(played: Played) -> Recovery:
    found = played.measured
    return Recovery(
        status=_status(played),
        confirmed_writes_lost=None if found is None or found.uncounted else found.lost,
        seconds=_seconds(found),
        finished_at=_ended_at(played),
    )


def _drilled(played: Played) -> Drilled:
    found = played.measured
    return Drilled(
        drill=played.began.scenario,
        status=_status(played),
        steps_failed=len({one.stage for one in played.broke_off}),
        recovery_seconds=_seconds(found),
        loss_seconds=None if found is None or found.uncounted else float(found.lost_s),
        finished_at=_ended_at(played),
    )


def _status(played: Played) -> str:
    how = played.ended.how if played.ended else "under way"
    return "recovered" if how in _RECOVERED and _seconds(played.measured) is not None else how


def _seconds(found: ev.DrillMeasured | None) -> float | None:
    return None if found is None or found.rto_s is None else float(found.rto_s)
