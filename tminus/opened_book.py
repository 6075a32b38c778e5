"""What most commands begin with: a system's book, and the environment in which its systems are."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Self, TypeVar

from tminus.environment import Environment
from tminus.frozen import digest_of
from tminus.ledger.opening import open_ledger
from tminus.ledger.store import Store
from tminus.yaml_source import Source

B = TypeVar("B")


@dataclass(frozen=True)
class OpenedBook(Generic[B]):
    """A book, opened.

    Attributes:
        base: what relative paths start from.
        digests: of the book and the environment.
        sources: the two files, for whoever freezes them; empty where they came frozen.
    """

    book: B
    environment: Environment
    base: Path
    digests: dict[str, str]
    sources: tuple[Source, ...] = ()

    @classmethod
    def read(cls, runbook: Path, environment: Path, file: str, load: Callable[[Source], B]) -> Self:
        """Reads the files; raises BookError with every mistake, UsageError where one is not there.

        Args:
            runbook: the book, or the system's folder that holds it.
            environment: the environment file.
            file: what the book is called in that folder.
            load: makes the book of its text.
        """
        source = Source.read(runbook / file if runbook.is_dir() else runbook)
        place = Source.read(environment)
        return cls(
            book=load(source),
            environment=place.load(Environment),
            base=environment.resolve().parent,
            digests={"book": digest_of(source.freeze()), "environment": digest_of(place.freeze())},
            sources=(source, place),
        )

    def store(self) -> Store:
        """The ledger that the environment names; raises LedgerUnreachable, MissingSecret."""
        return open_ledger(self.environment.ledger)
