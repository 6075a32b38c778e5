"""What a drill begins with: the book of drills, and where its systems are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tminus.chain_names import drill_chain
from tminus.drills.book import FILE, Drill, DrillsBook, load_book
from tminus.drills.course import Course
from tminus.environment import Environment
from tminus.frozen import digest_of
from tminus.ledger.opening import open_ledger
from tminus.ledger.store import Store
from tminus.yaml_source import Source


@dataclass(frozen=True)
class OpenedDrills:
    """A system's book of drills, opened.

    Attributes:
        base: what relative paths start from.
        digests: of the book and the environment.
    """

    book: DrillsBook
    environment: Environment
    base: Path
    digests: dict[str, str]

    @property
    def system(self) -> str:
        """Whose drills they are."""
        return self.book.drills

    def chain(self, scenario: str) -> str:
        """Where the ledger keeps the drills of one scenario."""
        return drill_chain(self.system, self.environment.environment, scenario)

    def store(self) -> Store:
        """The ledger that the environment names; raises LedgerUnreachable, MissingSecret."""
        return open_ledger(self.environment.ledger)

    def course(self, store: Store, scenario: str) -> Course:
        """What the ledger knows of one; raises LedgerError."""
        return Course.read(store, self.chain(scenario))


def open_drills(runbook: Path, environment: Path, kinds: Mapping[str, type[Drill]]) -> OpenedDrills:
    """Reads the files; raises BookError with every mistake, UsageError where one is not there.

    Args:
        runbook: the book, or the system's folder that holds it as `drills.yaml`.
        environment: the environment file.
        kinds: the vocabulary of scenarios.
    """
    book = Source.read(runbook / FILE if runbook.is_dir() else runbook)
    place = Source.read(environment)
    return OpenedDrills(
        book=load_book(book, kinds),
        environment=place.load(Environment),
        base=environment.resolve().parent,
        digests={"book": digest_of(book.freeze()), "environment": digest_of(place.freeze())},
    )
