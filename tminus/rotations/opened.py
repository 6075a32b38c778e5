"""What rotating begins with: the book of secrets, and where they and their systems are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tminus.chain_names import secret_chain
from tminus.environment import Environment
from tminus.frozen import digest_of
from tminus.ledger.opening import open_ledger
from tminus.ledger.store import Store
from tminus.rotations.book import FILE, Policy, SecretsBook, load_book
from tminus.rotations.course import Course
from tminus.yaml_source import Source


@dataclass(frozen=True)
class OpenedSecrets:
    """A system's book of secrets, opened.

    Attributes:
        base: what relative paths start from.
        digests: of the book and the environment.
        sources: the two files, for whoever freezes them.
    """

    book: SecretsBook
    environment: Environment
    base: Path
    digests: dict[str, str]
    sources: tuple[Source, Source]

    @property
    def system(self) -> str:
        """Whose secrets they are."""
        return self.book.secrets

    def chain(self, name: str) -> str:
        """Where the ledger keeps the rotations of one."""
        return secret_chain(self.system, self.environment.environment, name)

    def store(self) -> Store:
        """The ledger that the environment names; raises LedgerUnreachable, MissingSecret."""
        return open_ledger(self.environment.ledger)

    def course(self, store: Store, name: str) -> Course:
        """What the ledger knows of one; raises LedgerError."""
        return Course.read(store, self.chain(name))

    def named(self, names: Sequence[str]) -> list[tuple[str, Policy]]:
        """These secrets, or all where none is named; raises UsageError for one that the book does not have."""
        return list(self.book.named(names))


def open_secrets(runbook: Path, environment: Path, kinds: Mapping[str, type[Policy]]) -> OpenedSecrets:
    """Reads the files; raises BookError with every mistake, UsageError where one is not there.

    Args:
        runbook: the book, or the system's folder that holds it as `secrets.yaml`.
        environment: the environment file.
        kinds: the vocabulary of rotators.
    """
    book = Source.read(runbook / FILE if runbook.is_dir() else runbook)
    place = Source.read(environment)
    return OpenedSecrets(
        book=load_book(book, kinds),
        environment=place.load(Environment),
        base=environment.resolve().parent,
        digests={"book": digest_of(book.freeze()), "environment": digest_of(place.freeze())},
        sources=(book, place),
    )
