"""What people are told of a drill: a page where what it broke is not undone, change events, a thread in Slack."""

from tminus import events as ev
from tminus.drills.course import Course, way_said
from tminus.drills.opened import OpenedDrills
from tminus.drills.thread import posts
from tminus.ledger.store import Letter
from tminus.messages.forms import PagerDutyLetter
from tminus.spoken import role_said

_SUMMARY = 1000  # PagerDuty refuses a summary of more than 1,024 characters


def letters(opened: OpenedDrills, name: str, before: Course, event: ev.Event) -> list[Letter]:
    """What PagerDuty and Slack are told of an event; `before` is the course without it."""
    return [*_to_pagerduty(opened, name, before, event), *posts(opened, before, event)]


def _to_pagerduty(opened: OpenedDrills, name: str, before: Course, event: ev.Event) -> list[Letter]:
    if opened.environment.pagerduty is None:
        return []
    match event:
        case ev.DrillEnded():
            return _pages(opened, name, before, event)
        case ev.DrillStageBegan() if event.stage == "inject" and before.last is not None:
            way = way_said(before.last.began.way)
            return [_change(opened, event.drill, f"the drill {name} breaks something now, on purpose: {way}")]
        case ev.DrillStageDone() if event.stage == "undo":
            return [_change(opened, event.drill, f"the drill {name} has undone what it broke: {event.said}")]
        case _:
            return []


def _change(opened: OpenedDrills, drill: str, what: str) -> Letter:
    """For whoever looks at an incident of that time; it wakes nobody."""
    environment = opened.environment
    said = _summary(f"{opened.system} in {environment.environment}: {what}")
    return PagerDutyLetter(op="change", summary=said, link=environment.prefect.ui).letter(drill)


def _summary(said: str) -> str:
    return said if len(said) <= _SUMMARY else f"{said[: _SUMMARY - 1]}…"


def _pages(opened: OpenedDrills, name: str, before: Course, event: ev.DrillEnded) -> list[Letter]:
    key = opened.chain(name)
    paged = before.unproven is not None and before.unproven.ended is not None
    if event.how != "not undone":
        said = f"{opened.system}: the drill {name} is undone"
        return [PagerDutyLetter(op="resolve", summary=said).letter(key)] if paged else []
    drill = opened.book.scenarios[name]
    owner = role_said(drill.owner)
    said = f"{opened.system}: the drill {event.sentence}; {owner} owns it"
    last = before.drills[-1].began
    page = PagerDutyLetter(
        op="trigger",
        severity="critical",
        summary=_summary(said),
        details={
            "drill": f"{name} ({drill.title})",
            "owner": owner,
            "what was broken": way_said(last.way),
            "before": "; ".join(f"{key}: {value}" for key, value in last.before.items()),
            "to undo it": f"tminus drill {name} --undo",
            "what tminus does if nobody answers": "Nothing: the environment stays locked until that was done.",
            "environment": opened.environment.environment,
            "system": opened.system,
        },
    )
    return [page.letter(key)]
