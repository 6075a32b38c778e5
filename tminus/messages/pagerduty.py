"""PagerDuty: change events as the launch moves, an incident when someone must look, resolved when it is over."""

from collections.abc import Sequence

from tminus import events as ev
from tminus.foresight import record_after
from tminus.frozen import Frozen
from tminus.ledger.store import Letter
from tminus.messages.pagerduty_overdue import overdue_pages, overdue_resolved
from tminus.messages.pagerduty_page import (
    GATE,
    HELD,
    ROLLBACK,
    change,
    ended_held_page,
    gate_page,
    held_page,
    resolve,
    rollback_page,
)
from tminus.messages.slack import lets_go
from tminus.record import Record


def letters(frozen: Frozen, event: ev.Event, record: Record) -> Sequence[Letter]:  # noqa: C901 - one arm an event reads better
    """What PagerDuty is told of an event; `record` is the launch before it.

    An incident's key is the launch and what it is about, so that what is triggered twice is one incident. What is
    resolved twice, or without having been triggered, does nothing there.
    """
    match event:
        case ev.PhaseStarted():
            return [change(frozen, f"phase-{event.phase}-{event.token}", f"{event.phase} began")]
        case ev.StepIntended() if event.undo is not None:
            return [change(frozen, f"step-{event.step}-{event.attempt}", f"{event.step} begins: {event.does}")]
        case ev.Reminded() if event.ask in record.asks:
            return overdue_pages(frozen, record, event)
        case ev.AskEnded() if event.ask in record.asks:
            return [*_overdue_over(frozen, record, event), *_gate(frozen, record, event)]
        case ev.Ordered(order="recycle"):
            over = overdue_resolved(frozen, record.open_asks(), f"recycled by {event.person}")
            return [*_let_go(frozen, event, record), *over]
        case ev.Held():
            return [held_page(frozen, record_after(record, event), event)]
        case ev.Ordered():
            return _let_go(frozen, event, record)
        case ev.RollbackBegan():
            return [change(frozen, "rollback", f"rolling back: {event.why}"), rollback_page(frozen, event)]
        case ev.RollbackEnded() if event.proven:
            return [change(frozen, "rolled-back", event.said), resolve(frozen, ROLLBACK, event.said)]
        case ev.HeadAnchored() if event.where == "pagerduty":
            head = f"{frozen.created.launch}#{event.seq}:{event.hash}"
            return [change(frozen, f"head-{event.seq}", f"head of the record: {head}")]
        case ev.LaunchClosed():
            return [change(frozen, "closed", event.sentence), *_at_the_end(frozen, event, record)]
        case _:
            return []


def _let_go(frozen: Frozen, event: ev.Ordered, record: Record) -> list[Letter]:
    over = lets_go(event, record) and record.holds
    return [resolve(frozen, HELD, f"{event.order} by {event.person}")] if over else []


def _overdue_over(frozen: Frozen, record: Record, event: ev.AskEnded) -> Sequence[Letter]:
    return overdue_resolved(frozen, [record.asks[event.ask]], f"{event.ask} {event.result}: {event.reason}")


def _gate(frozen: Frozen, record: Record, event: ev.AskEnded) -> list[Letter]:
    if event.result == "met" or record.asks[event.ask].opened.kind != "approval":
        return []
    return [gate_page(frozen, record_after(record, event), event)]


def _at_the_end(frozen: Frozen, event: ev.LaunchClosed, record: Record) -> list[Letter]:
    """A launch that ends held stays somebody's to look at; every other end is the end of its incidents too.

    What nobody answered is over in any case: nobody can any more.
    """
    overdue = overdue_resolved(frozen, record.open_asks(), event.sentence)
    if event.result == "held":
        return [*overdue, ended_held_page(frozen, record, event.sentence)]
    gates = [ask for ask in record.asks.values() if ask.ended and ask.ended.result != "met"]
    opened = {
        GATE: any(ask.opened.kind == "approval" for ask in gates),
        HELD: any(isinstance(hold, ev.Held) for hold in record.holds),
        ROLLBACK: record.rollback is not None,
    }
    return [*overdue, *(resolve(frozen, key, event.sentence) for key, was_opened in opened.items() if was_opened)]
