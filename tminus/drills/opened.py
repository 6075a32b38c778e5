"""What a drill begins with: the book of drills, and where its systems are."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tminus.chain_names import drill_chain
from tminus.drills.book import FILE, Drill, DrillsBook, load_book
from tminus.drills.course import Course
from tminus.drills.guards import CheckKinds
from tminus.ledger.store import Store
from tminus.opened_book import OpenedBook


class OpenedDrills(OpenedBook[DrillsBook]):
    """A system's book of drills, opened."""

    @property
    def system(self) -> str:
        """Whose drills they are."""
        return self.book.drills

    def chain(self, scenario: str) -> str:
        """Where the ledger keeps the drills of one scenario."""
        return drill_chain(self.system, self.environment.environment, scenario)

    def course(self, store: Store, scenario: str) -> Course:
        """What the ledger knows of one; raises LedgerError."""
        return Course.read(store, self.chain(scenario))


def open_drills(
    runbook: Path, environment: Path, kinds: Mapping[str, type[Drill]], checks: CheckKinds = dict
) -> OpenedDrills:
    """Reads the files; see OpenedBook.read and load_book."""
    return OpenedDrills.read(runbook, environment, FILE, partial(load_book, kinds=kinds, checks=checks))
