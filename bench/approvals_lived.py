"""Lives a history through tminus: a real ledger, the inbox, the door, and a conductor; and tells what came of it.

What comes from PagerDuty goes straight to the inbox: its door and what it makes of a note are not in these figures. It
takes no yes, which histories have from there too, so the inbox is asked more than that door would let in.
"""

from collections.abc import Mapping
from datetime import timedelta

from bench.approval_history import (
    Account,
    Ended,
    Found,
    History,
    Looked,
    Over,
    Plain,
    Raced,
    Restarted,
    Sent,
    TurnedBack,
)
from bench.approvals_clock import SetClock
from bench.approvals_crossed import Crossed
from bench.approvals_launch import ASK, Conductor, Keys, chain_of, created
from bench.approvals_ways_in import Gateways, answered, let_in, on_command_line
from tminus import asking
from tminus import events as ev
from tminus.clock import now
from tminus.digests import decision_digest
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.record import Record

_NEVER_SHOWN = f"sha256:{'f' * 64}"


class Lived:
    """One history in one ledger.

    Args:
        history: what happens.
        number: of its chain.
        store: the ledger, on which two may cross.
        keys: everybody's.
        clock: tminus' clock.
        gateways: what lets presses in.
    """

    def __init__(
        self, history: History, number: int, store: Crossed, keys: Keys, clock: SetClock, gateways: Gateways
    ) -> None:
        self._history, self._store, self._keys, self._clock, self._gateways = history, store, keys, clock, gateways
        clock.seconds = 0.0
        chain = chain_of(history.question, number)
        self._frozen = Frozen(created(history, chain, keys), {})
        self._book = Logbook(store, chain)
        self._book.open(self._frozen.created)
        self._conductor = Conductor(self._frozen, history.question, Logbook(store, chain))
        self._digests = [decision_digest(self._frozen, facts) for facts in history.versions]
        self._facts: Mapping[str, str] = history.versions[0]
        self._told: dict[tuple[int, int], bool] = {}
        self._ends: list[Ended] = []

    def account(self) -> Account:
        """Lives it, and tells."""
        for number, event in enumerate(self._history.events):
            self._clock.seconds = max(self._clock.seconds, event.at)
            if isinstance(event, Raced):
                self._race(number, event)
            else:
                self._happens((number, 0), event, self._book)
            self._note_end(number)
        return self._told_of(self._book.refresh())

    def _happens(self, key: tuple[int, int], event: Plain, book: Logbook) -> None:
        match event:
            case Sent():
                self._told[key] = self._sent(event, book)
            case Found():
                self._facts = self._history.versions[event.version]
            case Looked():
                self._conductor.look(self._facts)
            case Restarted():
                self._gateways.restart(event.gateway)
            case TurnedBack():
                self._turn_back()
            case Over():
                if self._book.refresh().closed is None:
                    self._book.write(ev.LaunchClosed(result="scrubbed", sentence="over"))

    def _sent(self, sent: Sent, book: Logbook) -> bool:
        one, digest = sent.request, self._digest(sent)
        if one.via == "slack":
            return self._gateways.running[sent.gateway].take(one, book, self._frozen, digest)
        return let_in(book, self._frozen, self._outside_slack(sent, digest))

    def _outside_slack(self, sent: Sent, digest: str) -> ev.Answered | ev.Ordered:
        one = sent.request
        if one.via == "pagerduty":
            return answered(one, one.who, digest)
        return on_command_line(one, self._keys, self._frozen, digest)

    def _digest(self, sent: Sent) -> str:
        return self._digests[sent.request.seen] if sent.request.seen >= 0 else _NEVER_SHOWN

    def _race(self, number: int, raced: Raced) -> None:
        def first() -> None:
            self._happens((number, 0), raced.first, self._book)

        if isinstance(raced.second, Looked):
            self._conductor.interrupted = first
            self._happens((number, 1), raced.second, self._book)
            if self._conductor.interrupted is not None:  # it had nothing to write, so nobody came in between
                self._conductor.interrupted = None
                first()
            return
        with self._store.crossing(first):
            # Its author's page is read before the first happens, and written after it.
            self._told[number, 1] = self._sent(raced.second, Logbook(self._store, self._book.launch))

    def _turn_back(self) -> None:
        if self._book.refresh().closed is None:
            intended = ev.StepIntended(
                step="switch",
                attempt=1,
                token=1,
                deadline=now() + timedelta(minutes=1),
                does="switch",
                before="blue",
                undo_summary="back",
                undo={"pool": "blue"},
            )
            self._book.write(intended, ev.RollbackBegan(why="bench", by="bench"))

    def _note_end(self, number: int) -> None:
        """An end that was written during this event, whoever wrote it."""
        ends = [one for one in self._book.refresh().events if isinstance(one, ev.AskEnded)]
        self._ends += [Ended(number, one.result) for one in ends[len(self._ends) :] if one.result != "withdrawn"]

    def _told_of(self, record: Record) -> Account:
        ask = record.asks.get(ASK)
        if ask is None or ask.voided or ask.ended is not None:
            return Account(self._told, tuple(self._ends), frozenset())
        standing = frozenset((one.person, one.answer) for one in asking.standing(ask, self._frozen.people))
        judged = asking.judge(ask, self._frozen.people, now())
        if judged.met or judged.rejected is not None or not judged.waits:
            return Account(self._told, tuple(self._ends), standing)
        _, _, named = judged.waits.partition("; next could be ")
        could = frozenset(one.removeprefix("Person ") for one in named.split(" or ") if one)
        return Account(self._told, tuple(self._ends), standing, "cannot be reached" not in judged.waits, could)
