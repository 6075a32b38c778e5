"""What rotating begins with: the book of secrets, and where they and their systems are."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from tminus.chain_names import secret_chain
from tminus.ledger.store import Store
from tminus.opened_book import OpenedBook
from tminus.rotations.book import FILE, Policy, SecretsBook, load_book
from tminus.rotations.course import Course


class OpenedSecrets(OpenedBook[SecretsBook]):
    """A system's book of secrets, opened."""

    @property
    def system(self) -> str:
        """Whose secrets they are."""
        return self.book.secrets

    def chain(self, name: str) -> str:
        """Where the ledger keeps the rotations of one."""
        return secret_chain(self.system, self.environment.environment, name)

    def course(self, store: Store, name: str) -> Course:
        """What the ledger knows of one; raises LedgerError."""
        return Course.read(store, self.chain(name))

    def named(self, names: Sequence[str]) -> list[tuple[str, Policy]]:
        """These secrets, or all where none is named; raises UsageError for one that the book does not have."""
        return list(self.book.named(names))


def open_secrets(runbook: Path, environment: Path, kinds: Mapping[str, type[Policy]]) -> OpenedSecrets:
    """Reads the files; see OpenedBook.read. `kinds` is the vocabulary of rotators."""
    return OpenedSecrets.read(runbook, environment, FILE, partial(load_book, kinds=kinds))
