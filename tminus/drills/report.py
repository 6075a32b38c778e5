"""A system's drills as one self-contained page: promised and measured, over the months, and what is left to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tminus import events as ev
from tminus.clock import show_duration
from tminus.drills.course import Course, Played, way_said
from tminus.drills.follow_up import FollowUp, follow_ups
from tminus.drills.opened import OpenedDrills
from tminus.drills.outage import PARTS
from tminus.drills.roster import Part
from tminus.drills.showing import gone_said, moments, promises
from tminus.people import Person
from tminus.report.chart import Chart
from tminus.report.rendering import templates
from tminus.report.trend import LARGE, Value, draw_trend
from tminus.spoken import role_said

_NEAR = 20  # times the longest outage: a promise beyond that would make the outages a line at the bottom
_DRAWN = 2  # measured drills from which on there is a trend
_TONES = {"held": ("good", "✓"), "missed": ("warn", "!"), "undone": ("warn", "↶"), "not undone": ("bad", "✗")}


@dataclass(frozen=True)
class Mark:
    """How one ended, as it is shown."""

    tone: str
    symbol: str
    word: str


@dataclass(frozen=True)
class Row:
    """One drill among those of its scenario."""

    at: ev.Time
    mark: Mark
    gone: str
    parts: str
    lost: str
    who: str


@dataclass(frozen=True)
class Shown:
    """One scenario.

    Attributes:
        rto, rpo: what was promised when it was played last, beside what is promised now where that is another.
        promised: its RTO now.
        last: its last drill; None where it was never played.
        told: that one, moment by moment.
        rows: all of them, the latest first.
        chart: how long it was gone, drill after drill, below what is promised; None where there is too little.
    """

    name: str
    title: str
    kind: str
    owner: str
    rto: str
    rpo: str
    promised: str
    last: Row | None
    way: str
    sentence: str
    told: Sequence[tuple[ev.Time, str]]
    rows: Sequence[Row]
    chart: Chart | None


def page(
    opened: OpenedDrills,
    courses: Mapping[str, Course],
    taken: Sequence[Part],
    missing: Sequence[Person] | None,
    at: ev.Time,
) -> str:
    """HTML, in one file that needs no network.

    Args:
        opened: the book.
        courses: of the scenarios that are shown.
        taken: who took part.
        missing: who did not for half a year; None where that is not known.
        at: when it is drawn up.
    """
    left = [one for one in follow_ups(opened.book, {**_none(opened), **courses}) if one.scenario in courses]
    shown = [_shown(opened, name, courses[name]) for name in opened.book.scenarios if name in courses]
    return (
        templates()
        .get_template("drills.html.jinja")
        .render(
            title=opened.book.title,
            system=opened.system,
            environment=opened.environment.environment,
            at=at,
            verdict=_verdict(shown, left),
            scenarios=shown,
            follow_ups=left,
            taken=taken,
            missing=missing,
            role_said=role_said,
        )
    )


def _none(opened: OpenedDrills) -> dict[str, Course]:
    return {name: Course() for name in opened.book.scenarios}


def _verdict(shown: Sequence[Shown], left: Sequence[FollowUp]) -> tuple[Mark, str]:
    never = [one.name for one in shown if one.last is None]
    held = sum(one.last is not None and one.last.mark.word == "held" for one in shown)
    said = f"{held} of {len(shown)} scenarios held what is promised when they were played last"
    said += f"; never played: {', '.join(never)}." if never else "."
    if open_ones := [one.name for one in shown if one.last and one.last.mark.word in {"not undone", "not over"}]:
        names = ", ".join(f"tminus drill {name} --undo" for name in open_ones)
        return Mark("bad", "✗", "not undone"), f"Something is not undone, unless it is played now: {names}. {said}"
    if left or never:
        return Mark("warn", "!", "open"), said
    return Mark("good", "✓", "held"), said


def _shown(opened: OpenedDrills, name: str, course: Course) -> Shown:
    drill, last = opened.book.scenarios[name], course.last
    rows = [_row(one) for one in reversed(course.drills)]
    rto, rpo = promises(drill, last)
    return Shown(
        name=name,
        title=drill.title,
        kind=drill.kind,
        owner=role_said(drill.owner),
        rto=rto,
        rpo=rpo,
        promised=show_duration(drill.rto),
        last=rows[0] if rows else None,
        way=way_said(last.began.way) if last else "",
        sentence=last.ended.sentence if last and last.ended else "",
        told=moments(last) if last else (),
        rows=rows,
        chart=_chart(course, drill.rto),
    )


def _row(played: Played) -> Row:
    found, how = played.measured, played.ended.how if played.ended else ""
    tone, symbol = _TONES.get(how, ("live", "…"))
    split = ", ".join(f"{part} {found.parts[part]:.2f}" for part in PARTS if part in found.parts) if found else ""
    return Row(
        at=played.began.at,
        mark=Mark(tone, symbol, how or "not over"),
        gone=gone_said(found) if found else "not measured",
        parts=split,
        lost=played.lost or "not measured",
        who=played.began.asked_by or "the schedule",
    )


def _chart(course: Course, promised: timedelta) -> Chart | None:
    """The promise is drawn where it is near; it is said in any case."""
    values = [Value(one.began.at, _seconds(one), _bad(one)) for one in course.drills]
    known = [one.value for one in values if one.value is not None]
    if len(known) < _DRAWN:
        return None
    limit = promised.total_seconds()
    return draw_trend(values, limit if limit <= _NEAR * max(known) else None, "s", LARGE, "promised")


def _seconds(played: Played) -> float | None:
    found = played.measured
    return float(found.rto_s) if found is not None and found.rto_s is not None else None


def _bad(played: Played) -> bool:
    return played.ended is None or played.ended.how != "held"
