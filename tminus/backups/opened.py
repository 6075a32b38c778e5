"""What verifying, taking and marking begin with: the book of backups, and where its stores are."""

from collections.abc import Sequence
from pathlib import Path

from tminus.backups.book import AnyStore, BackupBook
from tminus.backups.history import History
from tminus.book_entries import named
from tminus.chain_names import backups_chain
from tminus.errors import UsageError
from tminus.ledger.store import Store
from tminus.opened_book import OpenedBook
from tminus.systems.backups import Backups

FILE = "backups.yaml"
"""What the book is called in a system's folder of books."""


class OpenedBackups(OpenedBook[BackupBook]):
    """A system's book of backups, opened."""

    @property
    def system(self) -> str:
        """Whose backups they are."""
        return self.book.backups

    @property
    def chain(self) -> str:
        """Where the ledger keeps what happened to them."""
        return backups_chain(self.system, self.environment.environment)

    def history(self, store: Store) -> History:
        """What the ledger knows; raises LedgerError."""
        return History.read(store, self.system, self.environment.environment)

    def settings(self) -> Backups:
        """The environment's section; raises UsageError where there is none."""
        if self.environment.backups is None:
            raise UsageError(
                f"{self.environment.environment} has no `backups` section; add `backups: {{scratch: FOLDER}}`, "
                "with `recipients` and `identity` where backups are encrypted"
            )
        return self.environment.backups

    def scratch(self) -> Path:
        """The folder in which backups are restored; raises UsageError where none is named."""
        return (self.base / self.settings().scratch).absolute()

    def named(self, names: Sequence[str]) -> list[tuple[str, AnyStore]]:
        """These stores, or all where none is named; raises UsageError for one that the book does not have."""
        return list(named(self.book.stores, names, self.system, "store"))


def open_backups(runbook: Path, environment: Path) -> OpenedBackups:
    """Reads the files; see OpenedBook.read."""
    return OpenedBackups.read(runbook, environment, FILE, lambda source: source.load(BackupBook))
