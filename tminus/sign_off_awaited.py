"""Whose signature a launch lacks that is held at its sign-off, which is asked in a chain of its own."""

from collections.abc import Iterator
from datetime import datetime

from tminus import events as ev
from tminus.frozen import Frozen
from tminus.headline import Awaited
from tminus.ledger.store import Store
from tminus.offers import Offer
from tminus.record import Record
from tminus.runbook import SignOff
from tminus.sign_off import all_asked, decided_last, to_be_signed
from tminus.spoken import day_said

_ASKS = "tminus sign-off --release FILE --runbook FILE --people FILE --environment FILE"


def sign_offs_awaited(store: Store, frozen: Frozen, record: Record, moment: datetime) -> Iterator[Awaited]:
    """The signatures that a held launch lacks at a moment, as the ledger stands now; raises LedgerError.

    Each that is awaited says that the step is to be tried again then: a signature ends no hold.
    """
    if record.closed is not None or record.must_roll_back or record.scrubbed is not None:
        return
    held = dict.fromkeys(hold.step for hold in record.holding if isinstance(hold, ev.Held) and hold.step)
    for step in filter(None, map(frozen.runbook.step, held)):
        if isinstance(step.does, SignOff) and not record.step(step.id).settled:
            yield _awaited(store, frozen, step.does, step.id, moment)


def _awaited(store: Store, frozen: Frozen, question: SignOff, step: str, moment: datetime) -> Awaited:
    asked = all_asked(store, frozen)
    last, then = decided_last(asked, question), f"retry {step}"
    if (waiting := to_be_signed(asked, question, moment)) is not None:
        until = day_said(waiting.ask.opened.deadline)
        way = Offer(f"then {then}", waiting.how)
        return Awaited(waiting.judged.waits, f"sign {waiting.chain} off until {until}", way.command, (way,))
    if last is not None and last.judged.met and moment <= last.until(question):
        way = Offer(f"{last.chain} is signed", f"tminus retry {frozen.created.launch} {step}")
        return Awaited("anybody in people.yaml", then, way.command, (way,))
    way = Offer(f"with this launch's files; once it is signed, {then}", _ASKS)
    return Awaited("anybody in people.yaml", "ask for a sign-off, since none is open", way.command, (way,))
