"""Somebody is asked whether a change may be made, and what they said is read back, signatures and all."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Generic, Literal, TypeVar

from tminus import asking
from tminus import events as ev
from tminus.asked_change import Change, frozen_papers, question
from tminus.clock import now
from tminus.digests import decision_digest
from tminus.errors import LedgerError
from tminus.frozen import Frozen, digest_of
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Entry, Store
from tminus.messages import telling
from tminus.opened_book import OpenedBook
from tminus.record import AskState, Record
from tminus.yaml_source import Source

A = TypeVar("A", bound=ev.ChangeAsked)
B = TypeVar("B")
_COUNTS = timedelta(hours=12)  # after the question's deadline, for which a yes counts that nothing was begun on
_LOOK = 2.0  # seconds between two looks for an answer, where nobody tells of one


def ask(
    store: Store, opened: OpenedBook[B], people: Path, change: Change, asked: ev.ChangeAsked
) -> tuple[str, ev.AskOpened]:
    """Asks whoever has one of the change's roles; returns the question's chain, and the question. All or nothing.

    Raises BookError, UsageError where nobody could approve it, LedgerError.
    """
    frozen = frozen_papers(opened, people, change, asked.asked_by or "schedule", asked.at)
    opening = question(frozen, change, asked)
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
    return chain, opening


def ask_once(
    store: Store,
    opened: OpenedBook[B],
    people: Path,
    change: Change,
    asked: ev.ChangeAsked,
    begun_on: Collection[str],
    say: Callable[[str], None],
) -> str:
    """The same, unless just this was asked already and not answered with a no; returns the question's chain.

    Args:
        store: the ledger.
        opened: the book, and the environment.
        people: the people's file.
        change: what is asked.
        asked: what is written down of it.
        begun_on: chains of questions whose yes was used already.
        say: tells whom was asked, and how to answer.
    """
    chain = asked_already(store, asked, change.chains, begun_on, digest_of(Source.read(people).freeze()))
    if chain:
        say(f"{change.of}: the question that was asked before is taken up: {chain}")
        return chain
    chain, opening = ask(store, opened, people, change, asked)
    until = f"until {opening.deadline:%Y-%m-%d %H:%M:%S} UTC"
    say(f"{change.of}: asked {change.whom} {until}: {chain}\n  {asking.how_to_answer(chain, opening)}")
    return chain


@dataclass(frozen=True)
class Answer(Generic[A]):
    """What people said.

    Attributes:
        said: by whom, or why not, or how it can be answered.
        asked: what they were asked.
        deadline: of the question.
    """

    word: Literal["yes", "no", "open"]
    said: str
    asked: A
    deadline: datetime

    def why_not(self, at: datetime) -> str:
        """Why nothing may be begun on it; "" where it may."""
        if self.word == "yes" and at > self.deadline + _COUNTS:
            return (
                f"approved by {self.said} until {self.deadline + _COUNTS:%Y-%m-%d %H:%M} UTC, and not begun; ask again"
            )
        return self.said if self.word == "no" else ""


def answered(store: Store, chain: str, kind: type[A]) -> Answer[A]:
    """What people said; raises LedgerError where the chain holds no such question.

    A question whose time is up, or that was decided, is ended in its chain.
    """
    book, frozen, asked, state = _read(store, chain, kind)
    if state.ended is None and (ended := asking.end_of(state, frozen.people, now())) is not None:
        book.write(ended, after=book.record.seq)
        state = book.record.asks[state.opened.ask]
    if state.ended is None:
        waits = f"{asking.judge(state, frozen.people).waits}; {asking.how_to_answer(chain, state.opened)}"
        return Answer("open", waits, asked, state.opened.deadline)
    if state.ended.result != "met":
        return Answer("no", state.ended.reason, asked, state.opened.deadline)
    judged = asking.judge(state, frozen.people)
    if not judged.met:
        raise LedgerError(f"{chain} is written down as approved, and it {judged.waits or 'was rejected'}")
    return Answer("yes", asking.seated(judged.seating, frozen.people), asked, state.opened.deadline)


def asked_already(store: Store, wanted: A, chains: str, but: Collection[str], people: str) -> str:
    """The newest question that asks just this of just these, and was not answered with a no; "" where there is none.

    Args:
        store: the ledger.
        wanted: what is to be asked.
        chains: how the chains of such questions begin.
        but: chains of questions whose yes was used already.
        people: the digest of the people's file: who was asked by another one is not who is asked now.
    """
    for chain in sorted((one for one in store.chains() if one.startswith(chains)), reverse=True):
        if chain in but:
            continue
        record = Logbook(store, chain).refresh()
        asked, created = _asked(record, type(wanted)), record.created
        if asked is None or created is None or created.digests["people"] != people:
            continue
        if asked.facts == wanted.facts and asked.asked_by == wanted.asked_by:
            answer = answered(store, chain, type(wanted))
            return chain if answer.word != "no" and not answer.why_not(now()) else ""
    return ""


def _asked(record: Record, kind: type[A]) -> A | None:
    return next((event for event in record.events if isinstance(event, kind)), None)


def _read(store: Store, chain: str, kind: type[A]) -> tuple[Logbook, Frozen, A, AskState]:
    book = Logbook(store, chain)
    record = book.refresh()
    asked = _asked(record, kind)
    state = next(iter(record.asks.values()), None)
    if record.created is None or asked is None or state is None:
        raise LedgerError(
            f"{chain} asks nobody about such a change; `tminus ledger verify {chain}` says if it was changed"
        )
    frozen = Frozen(record.created, {})
    book.tell = telling(frozen)
    if state.opened.decision_digest != decision_digest(frozen, asked.facts):
        raise LedgerError(f"{chain}: what people were asked is not what is written down beside it; nothing is done")
    return book, frozen, asked, state


async def wait_for_answer(store: Store, chain: str, kind: type[A], say: Callable[[str], None]) -> Answer[A]:
    """The same, once it is decided or its time is up."""
    changes = await asyncio.to_thread(store.changes)
    try:
        said = ""
        while True:
            answer = await asyncio.to_thread(answered, store, chain, kind)
            if answer.word != "open":
                return answer
            if answer.said != said:
                say(f"It {answer.said}")
                said = answer.said
            await asyncio.to_thread(changes.wait, _LOOK)
    finally:
        changes.close()
