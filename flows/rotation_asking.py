"""Somebody is asked whether a secret may be rotated, and what they said is read back, signatures and all."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from tminus import asking
from tminus import events as ev
from tminus.clock import now
from tminus.digests import decision_digest
from tminus.errors import LedgerError
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Entry, Store
from tminus.messages import telling
from tminus.record import AskState, Record
from tminus.rotations.opened import OpenedSecrets
from tminus.rotations.papers import ASK, facts_of, frozen_papers, question

Answer = Literal["yes", "no", "open"]
_LOOK = 2.0  # seconds between two looks for an answer, where nobody tells of one


def ask(
    store: Store, opened: OpenedSecrets, people: Path, asked: ev.RotationAsked, roles: tuple[str, ...]
) -> tuple[str, str]:
    """Asks whoever has one of these roles; returns the question's chain and how to answer. All or nothing.

    Raises BookError, UsageError where nobody could approve it, LedgerError.
    """
    frozen = frozen_papers(opened, people, asked.secret, asked.asked_by or "schedule", asked.at)
    opening = question(frozen, asked, roles, _text(opened, asked))
    before = Record()
    before.take(frozen.created)
    chain = frozen.created.launch
    letters = telling(frozen)(opening, before)
    store.open_chain(
        chain,
        Entry(chain, ev.write(frozen.created)),
        Entry(chain, ev.write(asked)),
        Entry(chain, ev.write(opening), letters=letters),
    )
    return chain, asking.how_to_answer(chain, opening)


def _text(opened: OpenedSecrets, asked: ev.RotationAsked) -> str:
    place = f"{opened.system} in {opened.environment.environment}"
    why = f" {asked.asked_by or 'The schedule'}: {asked.reason}" if asked.reason else ""
    if not asked.at_once:
        return f"Rotate {asked.secret} ({asked.stored_as}) of {place}? The old value works on beside the new one.{why}"
    cut = "\n".join(f"  cut off at once: {one}" for one in asked.cut_off) or "  nobody was seen using it"
    return f"{asked.secret} ({asked.stored_as}) of {place} leaked: cut its value off at once?{why}\n{cut}"


def answered(store: Store, chain: str) -> tuple[Answer, str]:
    """What people said, and how it is said to others; raises LedgerError where the chain holds no such question.

    A question whose time is up, or that was decided, is ended in its chain.
    """
    book, frozen, state = _read(store, chain)
    if state.ended is None and (ended := asking.end_of(state, frozen.people, now())) is not None:
        book.write(ended, after=book.record.seq)
        state = book.record.asks[ASK]
    if state.ended is None:
        return "open", f"{asking.judge(state, frozen.people).waits}; {asking.how_to_answer(chain, state.opened)}"
    if state.ended.result != "met":
        return "no", state.ended.reason
    judged = asking.judge(state, frozen.people)
    if not judged.met:
        raise LedgerError(f"{chain} is written down as approved, and it {judged.waits or 'was rejected'}")
    return "yes", asking.seated(judged.seating, frozen.people)


def _read(store: Store, chain: str) -> tuple[Logbook, Frozen, AskState]:
    book = Logbook(store, chain)
    record = book.refresh()
    asked = next((event for event in record.events if isinstance(event, ev.RotationAsked)), None)
    state = record.asks.get(ASK)
    if record.created is None or asked is None or state is None:
        raise LedgerError(
            f"{chain} asks nobody about a rotation; `tminus ledger verify {chain}` says if it was changed"
        )
    frozen = Frozen(record.created, {})
    book.tell = telling(frozen)
    if state.opened.decision_digest != decision_digest(frozen, facts_of(asked)):
        raise LedgerError(f"{chain}: what people were asked is not what is written down beside it; nothing is done")
    return book, frozen, state


async def wait_for_answer(store: Store, chain: str, say: Callable[[str], None]) -> tuple[Answer, str]:
    """The same, once it is decided or its time is up."""
    changes = await asyncio.to_thread(store.changes)
    try:
        said = ""
        while True:
            answer, how = await asyncio.to_thread(answered, store, chain)
            if answer != "open":
                return answer, how
            if how != said:
                say(f"Waits: {how}")
                said = how
            await asyncio.to_thread(changes.wait, _LOOK)
    finally:
        changes.close()
