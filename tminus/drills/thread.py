"""A drill in Slack: one message that says how it stands, and what happened, sentence by sentence, in its thread."""

from tminus import events as ev
from tminus.drills.course import Course, way_said
from tminus.drills.opened import OpenedDrills
from tminus.ledger.store import Letter
from tminus.messages.block_kit import button, buttons, context, escaped, header, sections
from tminus.messages.forms import Block, SlackLetter
from tminus.messages.slack_dialog import STOP

_MARK = {
    "held": ":white_check_mark:",
    "missed": ":warning:",
    "undone": ":leftwards_arrow_with_hook:",
    "not undone": ":no_entry:",
}


def posts(opened: OpenedDrills, before: Course, event: ev.Event) -> list[Letter]:
    """What Slack is told of an event; `before` is the course without it.

    The message has the drill's name for its key, so whoever goes on with a drill after a kill goes on with its thread.
    """
    if opened.environment.slack is None:
        return []
    match event:
        case ev.DrillBegan():
            return [_message(opened, event, _begins(opened, event), *_lever(opened, event))]
        case ev.DrillEnded():
            began = next((one.began for one in before.drills if one.name == event.drill), None)
            said = f"{opened.system}: the drill {event.sentence}"
            shown = [_message(opened, began, f"{_MARK[event.how]} {said}")] if began else []
            return [_reply(event.drill, event, said), *shown]
        case ev.DrillStageDone():
            return [_reply(event.drill, event, f"{event.stage}: {event.said}")]
        case ev.DrillBrokeOff():
            then = "Nothing more is done by itself." if event.stage == "undo" else _next(before)
            return [_reply(event.drill, event, f"{event.why}. {then}")]
        case ev.DrillWindow():
            return [_reply(event.drill, event, event.said)]
        case ev.DrillWindowEnded() if any(one.name == event.drill for one in before.drills):
            return [_reply(event.drill, event, "the maintenance window is over: everything pages again")]
        case ev.DrillStopped():
            return [_reply(event.drill, event, f"{event.why}. {_next(before)}")]
        case _:
            return []


def _next(before: Course) -> str:
    """What happens to a drill that goes no further."""
    broken = before.last is not None and before.last.injected
    return "What was broken is undone now." if broken else "Nothing was broken."


def _begins(opened: OpenedDrills, began: ev.DrillBegan) -> str:
    why = f" ({began.asked_by or 'the schedule'}: {began.reason})" if began.reason else ""
    return f"{opened.system}: the drill {began.scenario} begins in {began.environment}: {way_said(began.way)}{why}"


def _lever(opened: OpenedDrills, began: ev.DrillBegan) -> list[Block]:
    """The button that stops all of the system's drills, while one runs; none where nobody may."""
    drills = opened.environment.drills
    if drills is None or not drills.lever:
        return []
    chain = opened.chain(began.scenario)
    return [buttons(chain, [button("Stop all drills …", STOP, f"{chain}|{opened.system}", "danger")])]


def _message(opened: OpenedDrills, began: ev.DrillBegan, said: str, *more: Block) -> Letter:
    """The drill's message, which a later one changes instead of posting another."""
    blocks = [
        header(f"Drill: {opened.book.scenarios[began.scenario].title}"),
        *sections(said),
        *more,
        context(f"{began.drill} · {began.kind} · {began.environment} · tminus drills {began.scenario}"),
    ]
    return SlackLetter(text=escaped(said), blocks=blocks, living=True).letter(began.drill)


def _reply(drill: str, event: ev.Event, said: str) -> Letter:
    """One sentence in the drill's thread."""
    return SlackLetter(text=escaped(said), thread=drill).letter(f"{drill}:{event.type}:{event.at:%Y%m%dT%H%M%S.%f}")
