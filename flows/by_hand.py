"""Rolling back from a terminal: in this process, without Prefect, and without the ledger where that is down."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from flows.by_the_journal import changes_lacking, journaled_undos, read_journal
from flows.closing import close_as, ends, say_it_is_over
from flows.conducting import conducting, read_launch
from flows.conductor import Conductor, logger
from flows.phase import hold_unproven
from flows.rolling_back import roll_back
from flows.turns import TurnBack
from tasks.estate import Estate
from tasks.vocabulary import KINDS
from tminus import events as ev
from tminus import inbox
from tminus.clock import now
from tminus.environment import Environment
from tminus.errors import LedgerError, MissingSecret, NoLedger, Refused, UsageError
from tminus.foreign_text import printable
from tminus.frozen import Frozen
from tminus.journal import Journal
from tminus.lease import vacant
from tminus.ledger.logbook import Logbook
from tminus.ledger.opening import named_ledger, open_ledger
from tminus.ledger.store import Store
from tminus.messages import telling
from tminus.ordering import what_comes_of, why_not_back, why_order_refused
from tminus.people import Person
from tminus.personal_key import PersonalKey
from tminus.record import Record
from tminus.yaml_source import Source

_NO_LEDGER = (LedgerError, MissingSecret, NoLedger)


@dataclass(frozen=True)
class ByHand:
    """What a person asked for.

    Attributes:
        environment: the environment file, for where the local journal is when the ledger is down.
        say: prints one line.
    """

    launch: str
    reason: str
    key: PersonalKey
    environment: Path | None
    say: Callable[[str], None]


@dataclass(frozen=True)
class Ahead:
    """How things stand for who is about to roll back.

    Attributes:
        book: the launch's page of the ledger, or what the journal knows.
        store: the ledger, where it is gone by that; None where it is gone by the local journal.
        instead: why not by the ledger, in words.
        comes_to: what rolling back comes to; "" where it would not count.
        why_not: why it would not count; "" where it would.
    """

    asked: ByHand
    journal: Journal
    book: Logbook
    frozen: Frozen
    person: Person
    store: Store | None = None
    instead: str = ""
    comes_to: str = ""
    why_not: str = ""

    def question(self) -> str:
        """What rolling back comes to, to ask back with; raises Refused where it would not count. Records nothing."""
        if self.why_not:
            raise Refused(self.why_not)
        return self.comes_to if self.store else f"{self.instead}. By the local journal: {self.comes_to}"


@contextmanager
def look_ahead(asked: ByHand) -> Iterator[Ahead]:
    """One look at how things stand, which records nothing; the ledger is closed when it is left.

    A ledger that cannot be reached or read keeps nobody from it, nor one that lacks a change which this machine's
    journal knows, as a standby that lags behind: then it is by the local journal.

    Raises Refused for a stranger's key; UsageError where neither the ledger answers nor an environment file says where
    the journal is.
    """
    with ExitStack() as left:
        try:
            ahead = _by_ledger(asked, left)
        except _NO_LEDGER as e:
            ahead = _by_journal(asked, str(e))
        yield ahead


def _by_ledger(asked: ByHand, left: ExitStack) -> Ahead:
    store = open_ledger(named_ledger())
    left.callback(store.close)
    book = Logbook(store, asked.launch)
    frozen = read_launch(book)
    book.tell = telling(frozen)
    journal = Journal(frozen.environment.state, asked.launch)
    lacking = _lacking(book, journal)
    if lacking:
        said = f"the ledger does not know that {' and '.join(lacking)} began, and this machine's journal does"
        return _by_journal(asked, said, frozen, book.record.events)
    return _judged(Ahead(asked, journal, book, frozen, asked.key.owner(frozen.people), store))


def _lacking(book: Logbook, journal: Journal) -> Sequence[str]:
    """The changes that only the journal knows. Where there are none, what it knows to be undone is taken up."""
    try:
        if changes_lacking(book.record, journal):
            book.refresh()  # both may have been told of it since the ledger was read
        lacking = changes_lacking(book.record, journal)
        undone = journaled_undos(journal, [stored.body for stored in book.record.stored])
    except OSError as e:
        logger.warning("the local journal cannot be read, so it is gone by the ledger alone: %s", e)
        return ()
    for event in () if lacking else undone:
        book.record.take(event)
    return lacking


def _by_journal(asked: ByHand, why: str, frozen: Frozen | None = None, told: Sequence[ev.Event] = ()) -> Ahead:
    """By the journal in the launch's own folder, where the ledger told it; else in the environment file's."""
    if frozen is not None:
        state = frozen.environment.state
    elif asked.environment is not None:
        state = Source.read(asked.environment).load(Environment).state
    else:
        raise UsageError(f"{why}. Give --environment FILE, so that the local journal can be found")
    journal = Journal(state, asked.launch)
    created = journal.created()
    if created is None:
        raise UsageError(f"{why}. This machine never conducted {asked.launch}; do it on the one whose worker did")
    known = Frozen(created, KINDS)
    person = asked.key.owner(known.people)
    book = read_journal(journal, created, told)
    return _judged(Ahead(asked, journal, book, known, person, instead=printable(why)))


def _judged(ahead: Ahead) -> Ahead:
    record, frozen, person = ahead.book.record, ahead.frozen, ahead.person
    given = _given(ahead.asked, person)
    why = why_not_back(frozen, person) if _stands(record) else why_order_refused(given, record, frozen, now())
    return replace(ahead, why_not=why) if why else replace(ahead, comes_to=what_comes_of(record))


def roll_back_here(ahead: Ahead) -> bool:
    """Rolls back now; True when the old version is proven to serve again.

    An order that stands already, or a way back whose conductor was lost, is carried out here. A ledger that cannot be
    reached, read or written since the look keeps nobody from it: the local journal says what there is to undo.

    Raises Refused where a living conductor does it already, or the person may not; UsageError where this machine has
    no journal of it.
    """
    if ahead.store is not None:
        try:
            return _by_the_ledger(ahead, ahead.store)
        except _NO_LEDGER as e:
            ahead = _by_journal(ahead.asked, str(e), ahead.frozen, ahead.book.record.events)
    ahead.asked.say(f"{ahead.instead}. Going by the local journal.")
    return asyncio.run(_without_ledger(ahead))


def _by_the_ledger(ahead: Ahead, store: Store) -> bool:
    asked, book = ahead.asked, ahead.book
    _order(book, ahead.frozen, ahead.person, asked)
    if (stands := what_comes_of(book.record)) != ahead.comes_to:
        asked.say(f"As things stand now: {stands}")
    if not vacant(store.lease(asked.launch)):
        raise Refused(
            "the order is recorded, and the launch's own conductor is carrying it out; `tminus status` shows it"
        )
    return asyncio.run(_with_ledger(asked, ahead.person))


def _order(book: Logbook, frozen: Frozen, person: Person, asked: ByHand) -> None:
    """Records the order, unless one stands that nobody has carried out: then only the right to give it counts."""
    if _stands(book.refresh()):
        if why := why_not_back(frozen, person):
            raise Refused(why)
        return
    inbox.order(book, frozen, _signed(asked, _given(asked, person)))


def _stands(record: Record) -> bool:
    """Whether a way back is ordered, or was begun, that nobody has gone to its end."""
    return record.must_roll_back and record.rolled_back is None


def _given(asked: ByHand, person: Person) -> ev.Ordered:
    return ev.Ordered(order="rollback", person=person.id, via="command line", reason=asked.reason)


def _signed(asked: ByHand, given: ev.Ordered) -> ev.Ordered:
    return given.model_copy(update={"signature": asked.key.sign(asked.launch, given)})


async def _with_ledger(asked: ByHand, person: Person) -> bool:
    async with conducting(asked.launch, None) as conductor:
        proven = await roll_back(conductor, TurnBack(asked.reason, person.id))
        asked.say(_said(conductor.record))
        if not proven:
            await hold_unproven(conductor)
            return False
        try:
            await close_as(conductor, ends(conductor, "rolled back", asked.reason))
            await say_it_is_over(conductor)
        except LedgerError as e:
            asked.say(f"It is not written down yet, and whoever conducts next will: {e}")
        return True


def _said(record: Record) -> str:
    return record.rolled_back.said if record.rolled_back else "nothing was rolled back"


async def _without_ledger(ahead: Ahead) -> bool:
    asked, person, frozen, book = ahead.asked, ahead.person, ahead.frozen, ahead.book
    if ahead.why_not:
        raise Refused(ahead.why_not)
    ahead.journal.keep_unwritten([_signed(asked, _given(asked, person))])
    async with Estate(frozen.environment, frozen.release, asked.launch, frozen.base) as estate:
        conductor = Conductor(book, frozen, estate, None, None)
        proven = await roll_back(conductor, TurnBack(asked.reason, person.id))
    asked.say(_said(book.record))
    asked.say("What was done stands in the local journal, and is merged into the ledger when it is back.")
    return proven
