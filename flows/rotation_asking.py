"""Somebody is asked whether a secret may be rotated, and what they said is read back, signatures and all."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from tminus import asking
from tminus import events as ev
from tminus.chain_names import rotations_asked
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

_COUNTS = timedelta(hours=12)  # after the question's deadline, for which a yes counts that nothing was begun on
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


def ask_once(
    store: Store,
    opened: OpenedSecrets,
    people: Path,
    asked: ev.RotationAsked,
    roles: tuple[str, ...],
    say: Callable[[str], None],
) -> str:
    """The same, unless just this was asked already and not answered with a no; returns the question's chain."""
    chains = rotations_asked(opened.system, opened.environment.environment, asked.secret)
    begun_on = opened.course(store, asked.secret).approvals
    chain = asked_already(store, asked, chains, begun_on)
    if not chain:
        chain, how = ask(store, opened, people, asked, roles)
        say(f"{asked.secret}: asked {' or '.join(roles)}: {chain}\n  {how}")
    return chain


def _text(opened: OpenedSecrets, asked: ev.RotationAsked) -> str:
    place = f"{opened.system} in {opened.environment.environment}"
    why = f" {asked.asked_by or 'The schedule'}: {asked.reason}" if asked.reason else ""
    if not asked.at_once:
        return f"Rotate {asked.secret} ({asked.stored_as}) of {place}? The old value works on beside the new one.{why}"
    cut = "\n".join(f"  cut off at once: {one}" for one in asked.cut_off) or "  nobody was seen using it"
    return f"{asked.secret} ({asked.stored_as}) of {place} leaked: cut its value off at once?{why}\n{cut}"


@dataclass(frozen=True)
class Answer:
    """What people said.

    Attributes:
        said: by whom, or why not, or how it can be answered.
        asked: what they were asked.
        deadline: of the question.
    """

    word: Literal["yes", "no", "open"]
    said: str
    asked: ev.RotationAsked
    deadline: datetime

    def why_not(self, at: datetime) -> str:
        """Why nothing may be begun on it; "" where it may."""
        if self.word == "yes" and at > self.deadline + _COUNTS:
            return (
                f"approved by {self.said} until {self.deadline + _COUNTS:%Y-%m-%d %H:%M} UTC, and not begun; ask again"
            )
        return self.said if self.word == "no" else ""


def answered(store: Store, chain: str) -> Answer:
    """What people said; raises LedgerError where the chain holds no such question.

    A question whose time is up, or that was decided, is ended in its chain.
    """
    book, frozen, asked, state = _read(store, chain)
    if state.ended is None and (ended := asking.end_of(state, frozen.people, now())) is not None:
        book.write(ended, after=book.record.seq)
        state = book.record.asks[ASK]
    if state.ended is None:
        waits = f"{asking.judge(state, frozen.people).waits}; {asking.how_to_answer(chain, state.opened)}"
        return Answer("open", waits, asked, state.opened.deadline)
    if state.ended.result != "met":
        return Answer("no", state.ended.reason, asked, state.opened.deadline)
    judged = asking.judge(state, frozen.people)
    if not judged.met:
        raise LedgerError(f"{chain} is written down as approved, and it {judged.waits or 'was rejected'}")
    return Answer("yes", asking.seated(judged.seating, frozen.people), asked, state.opened.deadline)


def asked_already(store: Store, wanted: ev.RotationAsked, chains: str, but: Collection[str]) -> str:
    """The newest question that asks just this and was not answered with a no; "" where there is none.

    Args:
        store: the ledger.
        wanted: what is to be asked.
        chains: how the chains of such questions begin.
        but: chains that a rotation was begun on already.
    """
    for chain in sorted((one for one in store.chains() if one.startswith(chains)), reverse=True):
        if chain in but:
            continue
        record = Logbook(store, chain).refresh()
        asked = next((event for event in record.events if isinstance(event, ev.RotationAsked)), None)
        if asked is not None and facts_of(asked) == facts_of(wanted) and asked.asked_by == wanted.asked_by:
            answer = answered(store, chain)
            return chain if answer.word != "no" and not answer.why_not(now()) else ""
    return ""


def _read(store: Store, chain: str) -> tuple[Logbook, Frozen, ev.RotationAsked, AskState]:
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
    return book, frozen, asked, state


async def wait_for_answer(store: Store, chain: str, say: Callable[[str], None]) -> Answer:
    """The same, once it is decided or its time is up."""
    changes = await asyncio.to_thread(store.changes)
    try:
        said = ""
        while True:
            answer = await asyncio.to_thread(answered, store, chain)
            if answer.word != "open":
                return answer
            if answer.said != said:
                say(f"It {answer.said}")
                said = answer.said
            await asyncio.to_thread(changes.wait, _LOOK)
    finally:
        changes.close()
