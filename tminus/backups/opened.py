"""What verifying, taking and marking begin with: the book of backups, and where its stores are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tminus.backups.book import AnyStore, BackupBook
from tminus.backups.history import History
from tminus.chain_names import backups_chain
from tminus.environment import Environment
from tminus.errors import Refused, UsageError
from tminus.frozen import digest_of
from tminus.ledger.opening import open_ledger
from tminus.ledger.store import Store
from tminus.systems.backups import Backups
from tminus.wording import nearest
from tminus.yaml_source import Source

FILE = "backups.yaml"
"""What the book is called in a system's folder of books."""


@dataclass(frozen=True)
class OpenedBackups:
    """A system's book of backups, opened.

    Attributes:
        base: what relative paths start from.
        digests: of the book and the environment.
    """

    book: BackupBook
    environment: Environment
    base: Path
    digests: dict[str, str]

    @property
    def system(self) -> str:
        """Whose backups they are."""
        return self.book.backups

    @property
    def chain(self) -> str:
        """Where the ledger keeps what happened to them."""
        return backups_chain(self.system, self.environment.environment)

    def store(self) -> Store:
        """The ledger that the environment names; raises LedgerUnreachable, MissingSecret."""
        return open_ledger(self.environment.ledger)

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
        for name in names:
            if name not in self.book.stores:
                raise UsageError(f"{self.system} has no store {name!r}{nearest(name, list(self.book.stores))}")
        return list(self.book.named(tuple(names)))


def open_backups(runbook: Path, environment: Path) -> OpenedBackups:
    """Reads the files; raises BookError with every mistake, UsageError where one is not there.

    Args:
        runbook: the book, or the system's folder that holds it as `backups.yaml`.
        environment: the environment file.
    """
    book = Source.read(runbook / FILE if runbook.is_dir() else runbook)
    place = Source.read(environment)
    return OpenedBackups(
        book=book.load(BackupBook),
        environment=place.load(Environment),
        base=environment.resolve().parent,
        digests={"book": digest_of(book.freeze()), "environment": digest_of(place.freeze())},
    )


def have_chain(store: Store, chain: str) -> None:
    """Makes the chain where there is none; raises LedgerError."""
    if store.head(chain) is None:
        try:
            store.open_chain(chain)
        except Refused:  # somebody else made it meanwhile
            return
