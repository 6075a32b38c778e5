"""A restore as its chain tells it: what was planned, whether it may begin, how far it came."""

from dataclasses import dataclass
from datetime import timedelta

from tminus import events as ev
from tminus.asking import judge
from tminus.backups.book import BackupBook
from tminus.clock import now
from tminus.digests import decision_digest
from tminus.errors import LedgerError, Refused
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.messages import telling
from tminus.personal_key import verified
from tminus.record import AskState, Record
from tminus.restores.papers import STEP
from tminus.restores.question import ASK, facts_of

_COUNTS = timedelta(hours=12)  # after the question's deadline, for which an approval counts


@dataclass(frozen=True)
class Restoring:
    """A restore that was asked for."""

    frozen: Frozen
    planned: ev.RestorePlanned
    book: Logbook

    @classmethod
    def read(cls, store: Store, chain: str, token: int | None = None) -> "Restoring":
        """Raises LedgerError where the chain holds no restore, or not the one that its author signed."""
        book = Logbook(store, chain, token=token)
        record = book.refresh()
        planned = next((event for event in record.events if isinstance(event, ev.RestorePlanned)), None)
        if record.created is None or record.created.launch != chain or planned is None:
            raise LedgerError(f"{chain} holds no restore; `tminus ledger verify {chain}` says if it was changed")
        frozen = Frozen(record.created, {})
        author = frozen.people.by_id(planned.asked_by)
        if author is None or not verified(chain, planned, author):
            raise LedgerError(f"{chain}: what is planned is not signed with {planned.asked_by}'s key; nothing is done")
        book.tell = telling(frozen)
        return cls(frozen, planned, book)

    @property
    def record(self) -> Record:
        """What was written so far."""
        return self.book.record

    @property
    def ended(self) -> ev.RestoreEnded | None:
        """How it ended."""
        return next((event for event in self.record.events if isinstance(event, ev.RestoreEnded)), None)

    @property
    def given_up(self) -> ev.RestoreOrdered | None:
        """Whose word it was that it is given up; one that is not proven theirs does not count."""
        return next(
            (one for one in self.record.events if isinstance(one, ev.RestoreOrdered) and self.counts(one)), None
        )

    def counts(self, order: ev.RestoreOrdered) -> bool:
        """Whether an order is of somebody who may give it, signed, and about this restore."""
        person = self.frozen.people.by_id(order.person)
        mine = order.restore == self.book.launch
        return mine and person is not None and verified(self.book.launch, order, person)

    @property
    def ask(self) -> AskState:
        """The question, as it stands."""
        found = self.record.asks.get(ASK)
        if found is None:
            raise LedgerError(f"{self.book.launch} asked nobody; nothing is done")
        return found

    @property
    def switching(self) -> ev.StepIntended | None:
        """The switch, as it was about to be done last."""
        return self.record.step(STEP).intended

    def require_approved(self, book: BackupBook) -> None:
        """Raises Refused unless somebody else said yes to exactly this, by what the chain itself froze."""
        asked = self.ask.opened
        seat = " or ".join(book.may_restore)
        same = asked.decision_digest == decision_digest(self.frozen, facts_of(self.planned, book))
        if not same or dict(asked.roles) != {seat: 1} or self.planned.asked_by not in self.ask.barred:
            raise Refused(f"{self.book.launch}: what was asked is not what is planned; nothing is done")
        if self.switching is None and now() > asked.deadline + _COUNTS:
            raise Refused(
                f"{self.book.launch} was approved over 12 h ago; what people were told is not so any more: "
                "`tminus restore --give-up`, and ask again"
            )
        judged = judge(self.ask, self.frozen.people)
        if not judged.met:
            raise Refused(f"{self.book.launch} is not approved: it {judged.waits or 'was rejected'}")
