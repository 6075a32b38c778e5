"""PagerDuty: change events as the launch moves, an incident when someone must look, resolved when it is over."""

from collections.abc import Sequence

from tminus import events as ev
from tminus.frozen import Frozen
from tminus.ledger.store import Letter
from tminus.messages.forms import PagerDutyLetter
from tminus.record import Record

_SUMMARY = 1000  # PagerDuty refuses a summary of more than 1,024 characters


def letters(frozen: Frozen, event: ev.Event, record: Record) -> Sequence[Letter]:
    """What PagerDuty is told of an event; `record` is the launch before it."""
    match event:
        case ev.PhaseStarted():
            return [_change(frozen, f"phase-{event.phase}-{event.token}", f"{event.phase} began")]
        case ev.StepIntended() if event.undo is not None:
            return [_change(frozen, f"step-{event.step}-{event.attempt}", f"{event.step} begins")]
        case ev.AskEnded() if event.result != "met" and record.asks[event.ask].opened.kind == "approval":
            return [_page(frozen, "gate", f"{event.ask} {event.result}: {event.reason}", "The launch ends as a no-go.")]
        case ev.Held():
            after = "Nothing goes on by itself. At the launch's end it closes as held."
            return [_page(frozen, "held", f"held: {event.why}", after)]
        case ev.Ordered() if isinstance(record.held, ev.Held) and event.order in {"resume", "retry", "waive"}:
            return [_resolve(frozen, "held", f"{event.order} by {event.person}")]
        case ev.RollbackBegan():
            after = "tminus takes the change back and proves it; nobody needs to act unless it says that it could not."
            change = _change(frozen, "rollback", f"rolling back: {event.why}")
            return [change, _page(frozen, "rollback", f"rolling back: {event.why}", after)]
        case ev.RollbackEnded() if event.proven:
            return [_resolve(frozen, "rollback", event.said)]
        case ev.LaunchClosed():
            return _resolve_what_is_open(frozen, event, record)
        case _:
            return []


def _resolve_what_is_open(frozen: Frozen, event: ev.LaunchClosed, record: Record) -> list[Letter]:
    resolved = [_change(frozen, "closed", event.sentence)]
    if event.result == "no-go":
        resolved.append(_resolve(frozen, "gate", event.sentence))
    if isinstance(record.held, ev.Held) and event.result != "held":
        resolved.append(_resolve(frozen, "held", event.sentence))
    return resolved


def _change(frozen: Frozen, key: str, what: str) -> Letter:
    summary = f"{frozen.created.title}: {what}"[:_SUMMARY]
    return PagerDutyLetter(op="change", summary=summary, link=frozen.environment.prefect.ui).letter(
        f"{frozen.created.launch}:{key}"
    )


def _page(frozen: Frozen, key: str, what: str, unless: str) -> Letter:
    launch = frozen.created.launch
    details = {
        "what broke": what,
        "what tminus does if nobody answers": unless,
        "to look": f"tminus status {launch}",
        "to go on": f"tminus resume {launch}",
        "to go back": f"tminus rollback {launch} (tminus scrub {launch} before anything was changed)",
        "environment": frozen.created.environment_name,
    }
    summary = f"{frozen.created.title}: {what}"[:_SUMMARY]
    link = frozen.environment.prefect.ui
    return PagerDutyLetter(op="trigger", summary=summary, details=details, link=link).letter(f"{launch}:{key}")


def _resolve(frozen: Frozen, key: str, what: str) -> Letter:
    summary = f"{frozen.created.title}: {what}"[:_SUMMARY]
    return PagerDutyLetter(op="resolve", summary=summary).letter(f"{frozen.created.launch}:{key}")
