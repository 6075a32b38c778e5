"""What people are asked about a drill."""

from tminus import events as ev
from tminus.asked_change import Change
from tminus.chain_names import drills_asked
from tminus.clock import show_duration
from tminus.drills.course import way_said
from tminus.drills.opened import OpenedDrills
from tminus.drills.quiet import quiet_said

ASK = "drill"
"""What the question is called."""


def change_of(opened: OpenedDrills, asked: ev.DrillAsked) -> Change:
    """One drill, as those who approve it are asked."""
    drill, calendar = opened.book.scenarios[asked.scenario], opened.environment.calendar
    return Change(
        what=ASK,
        step="play",
        system=opened.system,
        of=asked.scenario,
        title=drill.title,
        owner=drill.owner,
        chains=drills_asked(opened.system, opened.environment.environment, asked.scenario),
        text=_text(opened, asked),
        roles=drill.approvers,
        besides=calendar.override if asked.outside and calendar else (),
    )


def _text(opened: OpenedDrills, asked: ev.DrillAsked) -> str:
    drill, place = opened.book.scenarios[asked.scenario], opened.environment.environment
    rto, rpo = (show_duration(promise) for promise in (drill.rto, drill.rpo))
    lines = [
        f"Break something real in {place} of {opened.system}: {drill.title} ({_what(asked)})?",
        f"It is promised to be back within {rto}, and to lose acknowledged writes of {rpo} at the most.",
        "What is broken is undone afterwards, whatever becomes of it.",
    ]
    if asked.may_lose is not None:
        lines.append(f"A yes signs for the loss of {asked.may_lose} acknowledged writes, which nobody brings back.")
    if asked.outside:
        lines.append(f"A yes overrides the calendar: {asked.outside}.")
    if quiet := quiet_said(drill, opened.environment):
        lines.append(quiet)
    if asked.reason:
        lines.append(f"{asked.asked_by or 'The schedule'}: {asked.reason}")
    return "\n".join(lines)


def _what(asked: ev.DrillAsked) -> str:
    return f"{asked.kind}: {way_said(asked.way)}" if asked.way else asked.kind
