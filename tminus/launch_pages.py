"""The launches that people speak of, wherever they do; their pages stay open, so each word reads what is new."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from tminus import inbox
from tminus.errors import LedgerError, LedgerUnreachable, Refused
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.messages import telling
from tminus.people import Person
from tminus.runbook import Spec

_LAUNCHES = 16  # whose pages are kept open


@dataclass(frozen=True)
class LaunchPage:
    """A launch's page of the ledger, and what it froze. `person` and `refuse` are for words that came through Slack."""

    book: Logbook
    frozen: Frozen

    def person(self, member: str, what: str) -> Person:
        """Who this Slack member is in the launch; a stranger's try is written down and refused."""
        person = self.frozen.people.by_slack(member)
        if person is None:
            self.refuse(member, what, f"Slack's {member} is nobody in this launch's people.yaml")
        return person

    def name(self, identity: str) -> str:
        """How messages name somebody."""
        person = self.frozen.people.by_id(identity)
        return person.name if person else identity

    def refuse(self, who: str, what: str, why: str) -> NoReturn:
        """Writes down that something did not count; raises Refused."""
        inbox.refuse(self.book, who, what, why, "slack")


class LaunchPages:
    """Opens pages; one thread at once may use it.

    Args:
        store: the ledger.
        kinds: the vocabulary, to read books.
    """

    def __init__(self, store: Store, kinds: Mapping[str, type[Spec]]) -> None:
        self.store = store
        self._kinds = kinds
        self._pages: OrderedDict[str, LaunchPage] = OrderedDict()

    def open(self, launch: str) -> LaunchPage:
        """A launch's page, up to date. Raises Refused where there is no such launch, LedgerError."""
        page = self._pages.get(launch)
        book = page.book if page else Logbook(self.store, launch)
        created = book.refresh().created
        if created is None:
            raise Refused(f"no launch is called {launch!r}")
        if page is None or page.frozen.created is not created:
            page = LaunchPage(book, Frozen(created, self._kinds))
            book.tell = telling(page.frozen)
            self._pages[launch] = page
        self._pages.move_to_end(launch)
        while len(self._pages) > _LAUNCHES:
            self._pages.popitem(last=False)
        return page

    def found(self, name: str) -> LaunchPage | None:
        """The page of the launch or sign-off so called, if there is one. Raises LedgerUnreachable."""
        if not self.store.look("SELECT 1 FROM chain WHERE chain = :name", {"name": name}):
            return None
        try:
            return self.open(name)
        except Refused:
            return None
        except LedgerUnreachable:
            raise
        except LedgerError:
            return None  # a chain of another kind

    def under_way(self, member: str) -> Iterator[LaunchPage]:
        """Every launch under way in which this Slack member takes part. Raises LedgerUnreachable."""
        rows = self.store.look("SELECT chain FROM environment_lock ORDER BY since", {})
        for page in (self.found(str(row[0])) for row in rows):
            if page and page.book.record.closed is None and page.frozen.people.by_slack(member):
                yield page
