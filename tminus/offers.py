"""What people can do about a launch right now, as they would type it: only what would count is offered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from tminus import events as ev
from tminus.asking import short
from tminus.clock import now
from tminus.digests import failure_digest
from tminus.frozen import Frozen
from tminus.ordering import why_order_refused
from tminus.record import Record
from tminus.record_parts import is_persons

_OPTIONS: Mapping[ev.Order, str] = {
    "hold": " --reason WHY",
    "recycle": " --reason WHY",
    "rollback": " --reason WHY",
    "scrub": " --reason WHY",
    "waive": " --reason WHY --until DATE",
}


@dataclass(frozen=True)
class Offer:
    """An order that would count.

    Attributes:
        does: what it is given for, as `to …`.
        command: what to type.
    """

    does: str
    command: str


def could_order(frozen: Frozen, record: Record, order: ev.Order, step: str = "", via: ev.Via = "command line") -> bool:
    """Whether an order would count now, given by somebody who may give it."""
    until, digest = now() + timedelta(days=1), failure_digest(record.step(step)) if step else ""
    given = (
        ev.Ordered(order=order, person=person.id, via=via, reason="-", step=step, until=until, digest=digest)
        for person in frozen.people.people
    )
    return any(why_order_refused(one, record, frozen, one.at) is None for one in given)


def offers(frozen: Frozen, record: Record) -> list[Offer]:
    """What ends the holds that stand: how it goes on first, the way out last; nothing where no order is waited for."""
    held = record.held
    if held is None or record.closed is not None:
        return []
    if record.rolled_back is not None and not record.rolled_back.proven:
        return [
            *_offer(frozen, record, "rollback", "to try the way back again"),
            *_offer(frozen, record, "resume", "to close it as rolled back, once the old version serves"),
        ]
    if record.must_roll_back or record.scrubbed is not None:
        return []
    blocked = dict.fromkeys(hold.step for hold in reversed(record.holding) if isinstance(hold, ev.Held) and hold.step)
    about_it = [one for step in blocked for one in _about(frozen, record, step)]
    goes_on = "to let go of every hold" if about_it else "to go on"
    theirs = any(is_persons(hold) for hold in record.holding)  # which no word about a step lets go of
    resume = _offer(frozen, record, "resume", goes_on) if theirs or not about_it else []
    return [
        *([*resume, *about_it] if is_persons(held) else [*about_it, *resume]),
        *_offer(frozen, record, "rollback", "to go back"),
        *([] if record.change_began else _offer(frozen, record, "scrub", "to end it")),
    ]


def _about(frozen: Frozen, record: Record, step: str) -> list[Offer]:
    """What is offered for a step that did not pass: to accept it only as it is now."""
    return [
        *_offer(frozen, record, "retry", f"to try {step} again", step),
        *_offer(frozen, record, "waive", "to accept it as it is", step),
    ]


def _offer(frozen: Frozen, record: Record, order: ev.Order, does: str, step: str = "") -> list[Offer]:
    """The order, where it would count."""
    command = " ".join(word for word in ("tminus", order, frozen.created.launch, step) if word)
    counts = could_order(frozen, record, order, step)
    seen = f" --digest {short(failure_digest(record.step(step)))}" if order == "waive" else ""
    return [Offer(does, f"{command}{_OPTIONS.get(order, '')}{seen}")] if counts else []
