"""Rolling back from a terminal: in this process, without Prefect, and without the ledger where that is down."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flows.closing import close_as, ends, say_it_is_over
from flows.conducting import conducting, read_launch
from flows.conductor import Conductor
from flows.phase import hold_unproven
from flows.rolling_back import roll_back
from flows.turns import TurnBack
from tasks.estate import Estate
from tasks.vocabulary import KINDS
from tminus import events as ev
from tminus import inbox
from tminus.clock import now
from tminus.environment import Environment
from tminus.errors import LedgerError, LedgerUnreachable, MissingSecret, NoLedger, Refused, UsageError
from tminus.frozen import Frozen
from tminus.journal import Journal
from tminus.lease import vacant
from tminus.ledger.chain import Head
from tminus.ledger.logbook import Logbook, tell_nobody
from tminus.ledger.opening import named_ledger, open_ledger
from tminus.messages import telling
from tminus.ordering import what_comes_of, why_not_back, why_order_refused
from tminus.people import Person
from tminus.personal_key import PersonalKey
from tminus.record import Record
from tminus.yaml_source import Source


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


def roll_back_here(asked: ByHand) -> bool:
    """Rolls back now; True when the old version is proven to serve again.

    An order that stands already, or a way back whose conductor was lost, is carried out here. A ledger that cannot be
    reached, read or written keeps nobody from it: the local journal says what there is to undo.

    Raises Refused where a living conductor does it already, or the person may not; UsageError where neither the
    ledger answers nor an environment file says where the journal is.
    """
    try:
        return _by_the_ledger(asked)
    except (LedgerError, MissingSecret, NoLedger) as e:
        if asked.environment is None:
            raise _no_journal(e) from e
        asked.say(f"{e}. Going by the local journal.")
    return asyncio.run(_without_ledger(asked, asked.environment))


def look_ahead(asked: ByHand) -> str:
    """What rolling back here comes to as things stand, to ask back with; raises as `roll_back_here` does."""
    try:
        book = Logbook(open_ledger(named_ledger()), asked.launch)
        frozen = read_launch(book)
    except (LedgerError, MissingSecret, NoLedger) as e:
        if asked.environment is None:
            raise _no_journal(e) from e
        _, book, frozen, person = _journaled(asked, asked.environment)
        if why := why_order_refused(_given(asked, person), book.record, frozen, now()):
            raise Refused(why) from None
        return f"{e}. By the local journal: {what_comes_of(book.record)}"
    book.tell = telling(frozen)
    person = asked.key.owner(frozen.people)
    stands = _stands(book.record)
    why = (
        why_not_back(frozen, person) if stands else why_order_refused(_given(asked, person), book.record, frozen, now())
    )
    if why:
        inbox.refuse(book, person.id, "rollback", why, "command line")
    return what_comes_of(book.record)


def _no_journal(error: Exception) -> UsageError:
    return UsageError(f"{error}. Give --environment FILE, so that the local journal can be found")


def _by_the_ledger(asked: ByHand) -> bool:
    store = open_ledger(named_ledger())
    book = Logbook(store, asked.launch)
    frozen = read_launch(book)
    book.tell = telling(frozen)
    person = asked.key.owner(frozen.people)
    _order(book, frozen, person, asked)
    if not vacant(store.lease(asked.launch)):
        raise Refused(
            "the order is recorded, and the launch's own conductor is carrying it out; `tminus status` shows it"
        )
    return asyncio.run(_with_ledger(asked, person))


def _order(book: Logbook, frozen: Frozen, person: Person, asked: ByHand) -> None:
    """Records the order, unless one stands that nobody has carried out: then only the right to give it counts."""
    if _stands(book.record):
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


class _SilentLogbook(Logbook):
    """A page of a ledger that does not answer: nothing can be read from it or written to it."""

    def __init__(self, launch: str, token: int) -> None:
        # There is no store to hand to the base class; what would ask for one is overridden below.
        self.launch, self.token, self.tell, self.record = launch, token, tell_nobody, Record()

    def refresh(self) -> Record:
        return self.record

    def write(self, *events: ev.Event, after: int | None = None) -> list[Head]:  # noqa: ARG002 - nothing is written, whatever it rests on
        raise LedgerUnreachable(f"{len(events)} events are not written: the ledger does not answer")


def _journaled(asked: ByHand, file: Path) -> tuple[Journal, Logbook, Frozen, Person]:
    """What this machine's own journal knows of the launch, and who asks."""
    environment = Source.read(file).load(Environment)
    journal = Journal(environment.state, asked.launch)
    created = journal.created()
    if created is None:
        raise UsageError(f"this machine never conducted {asked.launch}; do it on the one whose worker did")
    frozen = Frozen(created, KINDS)
    person = asked.key.owner(frozen.people)
    intents = journal.intents()
    book = _SilentLogbook(asked.launch, token=max((one.token for one in intents), default=0))
    book.record.take(created)
    for intended in intents:
        book.record.take(intended)
    return journal, book, frozen, person


async def _without_ledger(asked: ByHand, file: Path) -> bool:
    journal, book, frozen, person = _journaled(asked, file)
    given = _given(asked, person)
    if why := why_order_refused(given, book.record, frozen, now()):
        raise Refused(why)
    journal.keep_unwritten([_signed(asked, given)])
    async with Estate(frozen.environment, frozen.release, asked.launch, frozen.base) as estate:
        conductor = Conductor(book, frozen, estate, None, None)
        proven = await roll_back(conductor, TurnBack(asked.reason, person.id))
    asked.say(_said(book.record))
    asked.say("What was done stands in the local journal, and is merged into the ledger when it is back.")
    return proven
