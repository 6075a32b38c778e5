"""What a page says: what broke, how things stand, what happens if nobody answers, three commands, the link."""

from hashlib import sha256
from typing import Literal

from tminus import events as ev
from tminus.frozen import Frozen
from tminus.ledger.store import Letter
from tminus.messages.forms import PagerDutyLetter
from tminus.record import Record

GATE, HELD, ROLLBACK = "gate", "held", "rollback"
_SUMMARY = 1000  # PagerDuty refuses a summary of more than 1,024 characters
_KEY = 255  # and a dedup key of more than that


def change(frozen: Frozen, key: str, what: str) -> Letter:
    """Something that on-call may want to know when they look, and is not woken for."""
    letter = PagerDutyLetter(op="change", summary=_summary(frozen, what), link=frozen.environment.prefect.ui)
    return letter.letter(_key(frozen, key))


def resolve(frozen: Frozen, key: str, what: str) -> Letter:
    """The incident with this key is over."""
    return PagerDutyLetter(op="resolve", summary=_summary(frozen, what)).letter(_key(frozen, key))


def gate_page(frozen: Frozen, record: Record, ended: ev.AskEnded) -> Letter:
    """The go was not given."""
    launch = frozen.created.launch
    details = {
        "what broke": f"{ended.ask} {ended.result}: {ended.reason}",
        "state now": _state(record),
        "what tminus does if nobody answers": "The launch ends as a no-go; nothing was changed.",
        "to look": f"tminus status {launch}",
        "to read why": f"tminus report {launch}",
        "to check the record": f"tminus ledger verify {launch}",
    }
    return _page(frozen, GATE, details, "error")


def held_page(frozen: Frozen, record: Record, why: str, *, over: bool = False) -> Letter:
    """Something that tminus must not decide alone; with `over`, the launch ended so."""
    launch = frozen.created.launch
    back = "rollback" if record.change_began and record.rolled_back is None else "scrub"
    commands = {
        "to look": f"tminus status {launch}",
        "to go on": f'tminus resume {launch} --reason "…"',
        "to go back": f'tminus {back} {launch} --reason "…"',
    }
    if over:
        commands = {
            "to look": f"tminus status {launch}",
            "to read why": f"tminus report {launch}",
            "to check the record": f"tminus ledger verify {launch}",
        }
    details = {
        "what broke": why,
        "state now": _state(record),
        "what tminus does if nobody answers": "Nothing: the launch is over." if over else _unless(record),
        **commands,
    }
    return _page(frozen, HELD, details, "critical")


def rollback_page(frozen: Frozen, began: ev.RollbackBegan) -> Letter:
    """The way back has begun."""
    launch = frozen.created.launch
    details = {
        "what broke": f"rolling back: {began.why}",
        "state now": "the change is being taken back",
        "what tminus does if nobody answers": "It takes the change back and proves it; if it cannot, it pages again.",
        "to look": f"tminus status {launch}",
        "to do it by hand if it stops": f'tminus rollback {launch} --reason "…" --here',
        "to read why": f"tminus report {launch}",
    }
    return _page(frozen, ROLLBACK, details, "critical")


def _unless(record: Record) -> str:
    if record.rollback is not None:
        return "Nothing more is undone by itself. At the launch's end it closes as held."
    if record.change_began:
        return "Nothing goes on and nothing is rolled back by itself. At the launch's end it closes as held."
    return "Nothing is changed; once it is too late to go on, the launch ends as a no-go."


def _state(record: Record) -> str:
    if record.rolled_back is not None:
        return "rolled back, proven" if record.rolled_back.proven else "rolled back, NOT proven"
    if record.rollback is not None:
        return "the change is being taken back"
    changed = [step for step, state in record.steps.items() if state.undo is not None]
    return f"changed: {', '.join(changed)}" if changed else "nothing was changed; the old version serves"


def _page(frozen: Frozen, key: str, details: dict[str, str], severity: Literal["critical", "error"]) -> Letter:
    summary, link = _summary(frozen, details["what broke"]), frozen.environment.prefect.ui
    where = {"environment": frozen.created.environment_name, "launch": frozen.created.launch}
    told = {**details, **({"link": link} if link else {}), **where}
    letter = PagerDutyLetter(op="trigger", summary=summary, severity=severity, details=told, link=link)
    return letter.letter(_key(frozen, key))


def _summary(frozen: Frozen, what: str) -> str:
    said = f"{frozen.created.title}: {what}"
    return said if len(said) <= _SUMMARY else f"{said[: _SUMMARY - 1]}…"


def _key(frozen: Frozen, key: str) -> str:
    whole = f"{frozen.created.launch}:{key}"
    return whole if len(whole) <= _KEY else f"{sha256(whole.encode()).hexdigest()}:{key}"[:_KEY]
