"""Slack: one living message a launch, one a question with its buttons, and notes in the thread."""

from collections.abc import Sequence

from tminus import events as ev
from tminus.asking import name_of
from tminus.chain_names import is_only_answered
from tminus.foreign_text import one_line
from tminus.foresight import record_after
from tminus.frozen import Frozen
from tminus.headline import told_once
from tminus.ledger.store import Letter
from tminus.messages.block_kit import escaped
from tminus.messages.forms import SlackLetter
from tminus.messages.slack_board import BOARD, board
from tminus.messages.slack_question import question
from tminus.messages.slack_reminder import asked_anew, reminders
from tminus.outline import outline_of
from tminus.record import Record
from tminus.record_parts import is_persons
from tminus.runbook import RollCall
from tminus.sentence import gist
from tminus.spoken import role_said

_MARK = {"launched": ":white_check_mark:", "rolled back": ":leftwards_arrow_with_hook:"}


def letters(frozen: Frozen, event: ev.Event, record: Record) -> Sequence[Letter]:
    """What Slack is told of an event; `record` is the launch before it.

    A sign-off has no countdown, so only its question is shown.
    """
    asked = reminders(frozen, event, record) if isinstance(event, ev.Reminded) else _question(frozen, event, record)
    if asked or is_only_answered(frozen.created.launch):
        return asked
    said = _on_board(frozen, event, record)
    shown = [board(frozen, record_after(record, event), said)] if said else []
    noted = _noted(frozen, event, record)
    return [*shown, _note(noted, event, record)] if noted else shown


def _question(frozen: Frozen, event: ev.Event, record: Record) -> list[Letter]:
    if not isinstance(event, ev.AskOpened | ev.Answered | ev.AskEnded):
        return []
    after = record_after(record, event)
    if event.ask not in after.asks:
        return []
    told = asked_anew(frozen, event, record) if isinstance(event, ev.AskOpened) else []
    return [question(frozen, after.asks[event.ask]), *told]


def _on_board(frozen: Frozen, event: ev.Event, record: Record) -> str:
    """What the living message says from now on; "" where it stays as it is."""
    match event:
        case ev.LaunchCreated():
            by = name_of(frozen.people, event.started_by)
            return f"Created by {by}. T-0 at {event.t0:%Y-%m-%d %H:%M:%S} UTC."
        case ev.PhaseStarted() if record.held is None and record.rollback is None:
            return f"{event.phase} is under way."
        case ev.StepIntended() if event.undo is not None and not (event.harmless_if_left or record.change_began):
            step = outline_of(frozen).step(event.step)
            return f"A change has begun: {step.title if step else event.step}."
        case ev.Held():
            return _held_on_board(frozen, [*record.holding, event])
        case ev.Ordered():
            return _ordered_on_board(frozen, event, record)
        case ev.RollbackBegan():
            return f"ROLLING BACK. {one_line(event.why)}"
        case ev.RollbackEnded():
            return f"ROLLED BACK. {event.said}" if event.proven else f"The way back is NOT PROVEN. {event.said}"
        case ev.LaunchClosed():
            return f"{_MARK.get(event.result, ':no_entry:')} {event.sentence}"
        case _:
            return ""


def _ordered_on_board(frozen: Frozen, event: ev.Ordered, record: Record) -> str:
    by, why = name_of(frozen.people, event.person), _because(event)
    if event.order == "hold":
        return _held_on_board(frozen, [*record.holding, event])
    if event.order in {"scrub", "rollback"}:
        return f"{event.order.upper()} ordered by {by}{why}"
    after = record_after(record, event)
    if after.holding == record.holding:
        return ""
    if after.holding:
        return _held_on_board(frozen, after.holding)
    return f"It goes on: {event.order} {event.step}".rstrip() + f", by {by}{why}"


def _held_on_board(frozen: Frozen, holding: Sequence[ev.Held | ev.Ordered]) -> str:
    """Every hold, whose and why, the first one first: it goes on only when all of them have ended."""
    first, *others = told_once(holding)
    top = f"HELD. {one_line(first.why)}" if isinstance(first, ev.Held) else f"HELD by {_holder_said(frozen, first)}"
    return "\n".join((top, *(f"Also held by {_holder_said(frozen, other)}" for other in others)))


def _holder_said(frozen: Frozen, hold: ev.Held | ev.Ordered) -> str:
    if isinstance(hold, ev.Held):
        return f"tminus: {one_line(hold.why)}"
    return f"{name_of(frozen.people, hold.person)}{_because(hold)}"


def _because(order: ev.Ordered) -> str:
    """A person's reason, on one line: no line of it is taken for one of tminus."""
    return f": {said}" if (said := gist(order.reason)) else ""


def lets_go(event: ev.Ordered, record: Record) -> bool:
    """Whether this order ends the hold that stands."""
    if record.held is None:
        return False
    if event.order == "recycle":
        return not any(is_persons(hold) for hold in record.holding)
    if event.order == "resume":
        return len(record.let_go_by(event.seen)) == len(record.holding)
    about_it = isinstance(record.held, ev.Held) and record.held.step == event.step
    return event.order in {"retry", "waive"} and about_it


def _noted(frozen: Frozen, event: ev.Event, record: Record) -> str:
    """What is noted in the thread; "" where nothing is."""
    match event:
        case ev.AnswerRefused() if not _noted_before(event, record):
            return f"{name_of(frozen.people, event.who)}: {event.what} does not count: {event.why}"
        case ev.Ordered():
            return f"{name_of(frozen.people, event.person)} said {event.order} {event.step}".rstrip() + _because(event)
        case ev.Held():
            return f"Held: {one_line(event.why)}"
        case ev.RollbackBegan():
            return f"Rolling back: {one_line(event.why)}"
        case ev.RollbackEnded():
            return f"Rollback {'proven' if event.proven else 'NOT PROVEN'}: {event.said}"
        case ev.FollowUp() if _of_roll_call(frozen, event):
            return f"Follow-up for {role_said(event.owner)}: {event.what}"
        case ev.HeadAnchored() if event.where == "slack":
            return f"Head of the record: {frozen.created.launch}#{event.seq}:{event.hash}"
        case ev.LaunchClosed():
            return event.sentence
        case _:
            return ""


def _of_roll_call(frozen: Frozen, event: ev.FollowUp) -> bool:
    """Whether it names those who were silent, while there is time to reach them."""
    step = frozen.runbook.step(event.source)
    return step is not None and isinstance(step.does, RollCall)


def _noted_before(event: ev.AnswerRefused, record: Record) -> bool:
    """Whether the same refusal was noted: who presses a button fifty times fills no thread with it."""
    said = (event.who, event.what)
    return any((one.who, one.what) == said for one in record.events if isinstance(one, ev.AnswerRefused))


def _note(text: str, event: ev.Event, record: Record) -> Letter:
    return SlackLetter(text=escaped(text), thread=BOARD).letter(f"note-{record.seq + 1}-{event.type}")
