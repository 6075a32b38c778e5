"""What people are told of a drill: a page where what it broke is not undone, a post where it began and how it ended."""

from tminus import events as ev
from tminus.drills.course import Course
from tminus.drills.opened import OpenedDrills
from tminus.ledger.store import Letter
from tminus.messages.forms import PagerDutyLetter, SlackLetter
from tminus.spoken import role_said

_SUMMARY = 1000  # PagerDuty refuses a summary of more than 1,024 characters


def letters(opened: OpenedDrills, name: str, before: Course, event: ev.Event) -> list[Letter]:
    """What PagerDuty and Slack are told of an event; `before` is the course without it."""
    return [*_pages(opened, name, before, event), *_posts(opened, name, event)]


def _pages(opened: OpenedDrills, name: str, before: Course, event: ev.Event) -> list[Letter]:
    if opened.environment.pagerduty is None or not isinstance(event, ev.DrillEnded):
        return []
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
        summary=said if len(said) <= _SUMMARY else f"{said[: _SUMMARY - 1]}…",
        details={
            "drill": f"{name} ({drill.title})",
            "owner": owner,
            "what was broken": ", ".join(f"{key} {value}" for key, value in last.way.items()),
            "before": "; ".join(f"{key}: {value}" for key, value in last.before.items()),
            "to undo it": f"tminus drill {name} --undo",
            "what tminus does if nobody answers": "Nothing: the environment stays locked until that was done.",
            "environment": opened.environment.environment,
            "system": opened.system,
        },
    )
    return [page.letter(key)]


def _posts(opened: OpenedDrills, name: str, event: ev.Event) -> list[Letter]:
    if opened.environment.slack is None:
        return []
    match event:
        case ev.DrillBegan():
            way = ", ".join(f"{key} {value}" for key, value in event.way.items())
            text = f"{opened.system}: the drill {name} begins in {event.environment}: {way}"
        case ev.DrillEnded():
            text = f"{opened.system}: the drill {event.sentence}"
        case _:
            return []
    return [SlackLetter(text=text).letter(f"{opened.chain(name)}:{event.at:%Y%m%dT%H%M%S.%f}")]
