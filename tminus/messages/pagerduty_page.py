"""What a page says: what broke, how things stand, what happens if nobody answers, three commands, the link."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Literal

from tminus import events as ev
from tminus.frozen import Frozen
from tminus.ledger.store import Letter
from tminus.messages.forms import PagerDutyLetter
from tminus.offers import offers
from tminus.record import Record

GATE, HELD, ROLLBACK = "gate", "held", "rollback"
_SUMMARY = 1000  # PagerDuty refuses a summary of more than 1,024 characters
_KEY = 255  # and a dedup key of more than that


def change(frozen: Frozen, key: str, what: str) -> Letter:
    """Something that on-call may want to know when they look, and is not woken for."""
    letter = PagerDutyLetter(op="change", summary=_summary(frozen, what), link=frozen.environment.prefect.ui)
    return letter.letter(_key(frozen, key))


def resolve(frozen: Frozen, key: str, what: str, *, by_rest: bool = False) -> Letter:
    """The incident with this key is over."""
    letter = PagerDutyLetter(op="resolve", summary=_summary(frozen, what), by_rest=by_rest)
    return letter.letter(_key(frozen, key))


def gate_page(frozen: Frozen, record: Record, ended: ev.AskEnded) -> Letter:
    """The go was not given; `record` is the launch after it."""
    details = {
        "what broke": f"{ended.ask} {ended.result}: {ended.reason}",
        "state now": state_now(record),
        "what tminus does if nobody answers": _after_no_go(record, ended),
        **_to_read(frozen),
    }
    return page(frozen, GATE, details, "error")


def held_page(frozen: Frozen, record: Record, held: ev.Held) -> Letter:
    """Something that tminus must not decide alone; `record` is the launch after it."""
    some = offers(frozen, record)
    ways = {way.does: way.command for way in (*some[:1], *some[1:][-1:])}
    look, *reading = _to_read(frozen).items()
    details = {
        "what broke": held.why,
        "state now": state_now(record),
        "what tminus does if nobody answers": _unless(record, held),
        **dict([look, *ways.items(), *reading][:3]),
    }
    return page(frozen, HELD, details, "critical")


def ended_held_page(frozen: Frozen, record: Record, why: str) -> Letter:
    """The launch ended held, so what state things are in stays somebody's to look at."""
    details = {
        "what broke": why,
        "state now": state_now(record),
        "what tminus does if nobody answers": "Nothing: the launch is over.",
        **_to_read(frozen),
    }
    return page(frozen, HELD, details, "critical")


def rollback_page(frozen: Frozen, began: ev.RollbackBegan) -> Letter:
    """The way back has begun; no order counts until it has ended."""
    details = {
        "what broke": f"rolling back: {began.why}",
        "state now": "the change is being taken back",
        "what tminus does if nobody answers": "It takes the change back and proves it; if it cannot, it pages again.",
        **_to_read(frozen),
    }
    return page(frozen, ROLLBACK, details, "critical")


def _to_read(frozen: Frozen) -> dict[str, str]:
    launch = frozen.created.launch
    return {
        "to look": f"tminus status {launch}",
        "to read why": f"tminus report {launch}",
        "to check the record": f"tminus ledger verify {launch} --environment FILE",
    }


def _after_no_go(record: Record, ended: ev.AskEnded) -> str:
    """Before a change any end but a yes is a no-go; after it a no takes the change back, and silence holds."""
    if record.must_roll_back:
        return "The change is being taken back already; if that cannot be proven, it pages again."
    if not record.change_began:
        return "The launch ends as a no-go; nothing was changed."
    if ended.result == "rejected":
        return "It takes the change back and proves it; if it cannot, it pages again."
    return "The launch is held, and pages again; nothing is rolled back by itself."


def _unless(record: Record, held: ev.Held) -> str:
    """Only a hold that a conductor watches over, about a step or a way back, is known to end by itself."""
    if record.rollback is not None:
        return "Nothing more is undone by itself. At the launch's end it closes as held."
    if record.change_began:
        end = " At the launch's end it closes as held." if held.step else ""
        return f"Nothing goes on and nothing is rolled back by itself.{end}"
    if held.step:
        return "Nothing is changed; once it is too late to go on, the launch ends as a no-go."
    return "Nothing goes on, and nothing is changed."


def state_now(record: Record) -> str:
    """What was changed, or that nothing was."""
    if record.rolled_back is not None:
        return "rolled back, proven" if record.rolled_back.proven else "rolled back, NOT proven"
    if record.rollback is not None:
        return "the change is being taken back"
    changed = [step for step, state in record.steps.items() if state.changed]
    return f"changed: {', '.join(changed)}" if changed else "nothing was changed; the old version serves"


def page(
    frozen: Frozen,
    key: str,
    details: Mapping[str, str],
    severity: Literal["critical", "error"],
    *,
    by_rest: bool = False,
    policy: str = "",
    users: tuple[str, ...] = (),
) -> Letter:
    """An incident that wakes somebody; the first of the details is what it is about.

    Args:
        frozen: the launch.
        key: what it is about, in the dedup key.
        details: what on-call reads, in this order.
        severity: PagerDuty's.
        by_rest: whether it goes by the REST API, where there is one.
        policy: the escalation policy that it then pages.
        users: the people whom it then pages instead.
    """
    summary, link = _summary(frozen, next(iter(details.values()))), frozen.environment.prefect.ui
    where = {"environment": frozen.created.environment_name, "launch": frozen.created.launch}
    told = {**details, **({"link": link} if link else {}), **where}
    letter = PagerDutyLetter(
        op="trigger",
        summary=summary,
        severity=severity,
        details=told,
        link=link,
        by_rest=by_rest,
        policy=policy,
        users=users,
    )
    return letter.letter(_key(frozen, key))


def _summary(frozen: Frozen, what: str) -> str:
    said = f"{frozen.created.title}: {what}"
    return said if len(said) <= _SUMMARY else f"{said[: _SUMMARY - 1]}…"


def _key(frozen: Frozen, key: str) -> str:
    whole = f"{frozen.created.launch}:{key}"
    return whole if len(whole) <= _KEY else f"{sha256(whole.encode()).hexdigest()}:{key}"[:_KEY]
