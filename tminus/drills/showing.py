"""A system's drills in a terminal, and one's account for whoever was not there."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from rich.table import Table

from tminus import events as ev
from tminus.clock import show_duration
from tminus.drills.book import Drill
from tminus.drills.course import Course, Played, way_said
from tminus.drills.monthly import MonthsDrill
from tminus.drills.opened import OpenedDrills
from tminus.drills.outage import PARTS
from tminus.spoken import role_said

_BARS = "▁▂▃▄▅▆▇█"
_SHOWN = 12  # drills in a trend


def overview(opened: OpenedDrills, courses: dict[str, Course], played: AbstractSet[str]) -> Table:
    """Each scenario: what is promised, what the last drill measured, and how it ended.

    Args:
        opened: the book.
        courses: scenario → its drills.
        played: those that a process plays now.
    """
    table = Table(title=f"{opened.book.title} in {opened.environment.environment}", title_justify="left")
    table.add_column("drill", no_wrap=True)
    for column in ("last", "gone for", "at most", "lost", "at most", "trend", "owner"):
        table.add_column(column, overflow="fold")
    for name, drill in opened.book.scenarios.items():
        course = courses[name]
        table.add_row(name, *_row(drill, course, name in played), trend(course), drill.owner)
    return table


def _row(drill: Drill, course: Course, played: bool) -> list[str]:  # of a table, a cell each
    last = course.last
    promised = promises(drill, last)
    if last is None:
        return ["never", "", promised[0], "", promised[1]]
    how = last.ended.how if last.ended else "under way" if played else "interrupted, and not undone"
    found = last.measured
    gone = "" if found is None else gone_said(found)
    return [f"{last.began.at:%Y-%m-%d}: {how}", gone, promised[0], last.lost, promised[1]]


def due_said(months: MonthsDrill | None, courses: Mapping[str, Course]) -> str:
    """Which drill the month still wants; "" where it was begun already, or the month has none."""
    if months is None or any(one.began.at >= months.at for one in courses[months.name].drills):
        return ""
    return f"Due from {months.at:%Y-%m-%d %H:%M} UTC on: {months.name}"


def promises(drill: Drill, played: Played | None) -> tuple[str, str]:
    """RTO and RPO as they were promised when it was played; beside them what the book says now, where it differs."""
    today = drill.rto, drill.rpo
    then = (played.began.rto_s, played.began.rpo_s) if played else [Decimal(str(one.total_seconds())) for one in today]
    rto, rpo = (_promised(seconds, now) for seconds, now in zip(then, today, strict=True))
    return rto, rpo


def _promised(seconds: Decimal, now: timedelta) -> str:
    then = timedelta(seconds=float(seconds))
    return show_duration(now) if then == now else f"{show_duration(then)} (now {show_duration(now)})"


def lost_said(found: ev.DrillMeasured, counted: str) -> str:
    """What was counted, where anybody did."""
    return "not counted" if found.uncounted else counted


def gone_said(found: ev.DrillMeasured) -> str:
    """How long it was gone."""
    return "not back" if found.rto_s is None else f"{found.rto_s:.2f} s"


def shown(name: str, drill: Drill, course: Course, *, played: bool = False) -> dict[str, str | float | int | None]:
    """One scenario's last drill, for programs; times are in seconds, and promises are the book's of now.

    `played` says that a process plays it now, so that it is under way and not interrupted.
    """
    last = course.last
    found = last.measured if last else None
    return {
        "drill": name,
        "kind": drill.kind,
        "owner": drill.owner,
        "played": last.began.at.isoformat() if last else None,
        "how": last.ended.how if last and last.ended else None,
        "under_way": played and last is not None and last.ended is None,
        "rto_s": float(found.rto_s) if found and found.rto_s is not None else None,
        "rto_promised_s": drill.rto.total_seconds(),
        **_lost(last),
        "rpo_promised_s": drill.rpo.total_seconds(),
    }


def told_to_programs(name: str, played: Played) -> dict[str, object]:
    """One drill with its moments; times are in seconds."""
    found = played.measured
    return {
        "drill": name,
        "began": played.began.at.isoformat(),
        "how": played.ended.how if played.ended else None,
        "sentence": played.ended.sentence if played.ended else None,
        "rto_s": float(found.rto_s) if found and found.rto_s is not None else None,
        "rto_promised_s": float(played.began.rto_s),
        **_lost(played),
        "rpo_promised_s": float(played.began.rpo_s),
        "moments": [{"at": at.isoformat(), "said": said} for at, said in moments(played)],
    }


def _lost(played: Played | None) -> dict[str, int | float | None]:
    found, ended = (played.measured, played.ended) if played else (None, None)
    if found is not None and not found.uncounted:
        return {"lost_writes": found.lost, "lost_s": float(found.lost_s)}
    if found is None and ended is not None and ended.lost is not None:
        return {"lost_writes": ended.lost, "lost_s": float(ended.lost_s or 0)}
    return {"lost_writes": None, "lost_s": None}


def trend(course: Course) -> str:
    """How long it was gone, drill after drill, the latest last: a bar each, `!` where it was not measured."""
    times = [None if one.measured is None else one.measured.rto_s for one in course.drills[-_SHOWN:]]
    longest = max((one for one in times if one is not None), default=Decimal(0))
    return "".join("!" if one is None else _BARS[_height(one, longest)] for one in times)


def _height(seconds: Decimal, longest: Decimal) -> int:
    return 0 if longest == 0 else round(seconds / longest * (len(_BARS) - 1))


def history(course: Course) -> list[str]:
    """All that is known of a scenario's drills, a line each."""
    return [line for played in course.drills for line in told(played)]


def told(played: Played) -> list[str]:
    """One drill, moment by moment."""
    return [f"{at:%Y-%m-%d %H:%M:%S} {said}" for at, said in moments(played)]


def moments(played: Played) -> list[tuple[ev.Time, str]]:
    """The same: when, and what."""
    began = played.began
    by = f" for {began.asked_by}" if began.asked_by else ""
    by += f", outside the calendar ({began.outside}), which was overridden" if began.outside else ""
    lines = [(began.at, f"{began.drill} begins{by}: {began.reason or 'asked for'} ({way_said(began.way)})")]
    lines += [(played.window.at, played.window.said)] if played.window else []
    lines += [(done.at, f"{stage}: {done.said}") for stage, done in played.done.items()]
    lines += [(broke.at, f"broke off: {broke.why}") for broke in played.broke_off]
    lines += [(played.stopped.at, f"stopped: {played.stopped.why}")] if played.stopped else []
    lines += [(played.ended.at, f"{played.ended.how}: {played.ended.sentence}")] if played.ended else []
    return sorted(lines, key=lambda line: line[0])


def account(opened: OpenedDrills, name: str, course: Course) -> str:
    """The last drill in Markdown: against what was promised, moment by moment, and how it went before."""
    played, drill = course.drills[-1], opened.book.scenarios[name]
    where = f"{opened.system} in {opened.environment.environment}"
    how = played.ended.how if played.ended else f"not over: `tminus drill {name} --undo`, if nobody plays it"
    lines = [f"# {drill.title}: {how}", "", f"{where}, {_when(played)}."]
    lines += ["", *_measured(drill, played), "", "## What happened", ""]
    lines += [f"- {line}" for line in told(played)]
    lines += ["", "## The drills before", "", *_before(course.drills[-_SHOWN:])]
    if played.ended is not None and played.ended.how != "held":
        lines += ["", f"What deviated is {role_said(drill.owner)}'s to follow up: {played.ended.sentence}"]
    return "\n".join(lines) + "\n"


def _when(played: Played) -> str:
    return f"{played.began.at:%Y-%m-%d %H:%M:%S} UTC"


def _measured(drill: Drill, played: Played) -> list[str]:
    found, promised = played.measured, promises(drill, played)
    if found is None:
        return ["It was not measured."]
    parts = ", ".join(f"{part} {found.parts[part]:.2f}" for part in PARTS if part in found.parts)
    lost = lost_said(found, f"{found.lost:,} of {found.kept + found.lost:,} acknowledged writes, {found.lost_s:.2f} s")
    return [
        "| | measured | promised |",
        "|---|---|---|",
        f"| gone for | {gone_said(found)} ({parts or 'never gone'}) | {promised[0]} |",
        f"| lost | {lost} | {promised[1]} |",
        f"| never answered | {lost_said(found, f'{found.unknown:,}, of which {found.unknown_there:,} are there')} | |",
    ]


def _before(drills: Sequence[Played]) -> list[str]:
    rows = ["| when | how | gone for | against the one before | lost |", "|---|---|---|---|---|"]
    for before, played in pairwise([None, *drills]):
        if played is None or played.measured is None:
            continue
        found, how = played.measured, played.ended.how if played.ended else "under way"
        rows.append(
            f"| {played.began.at:%Y-%m-%d} | {how} | {gone_said(found)} | {_change(before, found)} "
            f"| {lost_said(found, f'{found.lost:,}')} |"
        )
    return rows


def _change(before: Played | None, found: ev.DrillMeasured) -> str:
    earlier = before.measured.rto_s if before is not None and before.measured is not None else None
    if earlier is None or found.rto_s is None:
        return ""
    return f"{found.rto_s - earlier:+.2f} s"
