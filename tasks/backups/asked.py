"""What a verification is asked to do, and what each kind of store answers with."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from tasks.backup_store import BackupStore
from tasks.estate import Estate
from tminus.backups.book import AnyStore
from tminus.backups.manifest import SUFFIX, BackupKind, BackupManifest
from tminus.backups.together import Answers
from tminus.expectation import Measurement
from tminus.outcome import Observation


@dataclass(frozen=True)
class Scratch:
    """A place that may be filled and thrown away: recorded in the ledger before it was made, and marked inside.

    Attributes:
        name: `tminus-scratch-…`, unique; what the ledger calls it.
        folder: an empty folder of this machine's own, with the marker file in it.
        disk: bytes that may be filled; whoever asked looks every second, and gives up a restore that needs more.

    A server that is started in it keeps a pid file (`*.pid`) there and has the folder on its command line: so what
    outlives a killed tminus is found and ended by the next verification.
    """

    name: str
    folder: Path
    disk: int


@dataclass(frozen=True)
class Asked:
    """One backup to be verified.

    Attributes:
        name: the store's name in the book.
        manifest: the backup's, as read from the bucket, and its digest is the ledger's.
        needed_at: the moment for which the loss is counted: now, for the newest backup.
        together: what is asked besides for the comparison with other stores; None where nothing is.
    """

    estate: Estate
    name: str
    store: AnyStore
    bucket: BackupStore
    manifest: BackupManifest
    needed_at: datetime
    scratch: Scratch
    together: Answers | None = None


@dataclass(frozen=True)
class Seen:
    """What came of it: measurements by the names of tminus.backups.aspects, and the parts that are wrong."""

    found: Sequence[Measurement]
    details: Sequence[str] = ()
    because: str = ""

    def observation(self, where: str) -> Observation:
        """As evidence."""
        return Observation(found=tuple(self.found), where=where, details=tuple(self.details), because=self.because)


class Verifier(ABC):
    """Brings a backup of one kind up in a scratch place, and looks at it.

    A concrete class in a module of tasks/backups/ is found by itself (`tasks.backups.vocabulary`), and is made without
    arguments.

    Attributes:
        kinds: of store that it verifies; each kind has one verifier.
    """

    kinds: ClassVar[tuple[BackupKind, ...]]

    @abstractmethod
    async def verify(self, asked: Asked) -> Seen:
        """Fetches, decrypts, restores, looks. Stops every process that it started, whatever happens.

        What does not come up is `restored = no`, with the reason: an observation. Raises CouldNotObserve where it could
        not look (storage silent, no tool, disk full, time up): that is `unknown`.
        """


@dataclass(frozen=True)
class TakeAsked:
    """One backup to be taken.

    Attributes:
        system: the book's.
        name: the store's name in the book.
        backup: the new backup's name, `STORE-YYYYMMDDTHHMMSSZ-RANDOM`.
        recipients: the public age keys to encrypt to; empty where the book says that the store is not encrypted.
        folder: a scratch place (0700) of this backup's own, removed afterwards, for what must lie on a disk meanwhile.
        afresh: what is in the bucket already may be damaged, and is not relied on: all of it is uploaded.
    """

    estate: Estate
    system: str
    name: str
    store: AnyStore
    bucket: BackupStore
    backup: str
    recipients: tuple[str, ...]
    folder: Path
    afresh: bool = False

    def key(self, file: str) -> str:
        """Where a file of this backup goes: `PREFIX/STORE/BACKUP/FILE`."""
        return f"{store_folder(self.bucket.prefix, self.name)}{self.backup}/{file}"


class Taker(ABC):
    """Takes a backup of one kind. It is found as a Verifier is.

    Attributes:
        kinds: of store that it backs up; each kind has one taker.
    """

    kinds: ClassVar[tuple[BackupKind, ...]]

    @abstractmethod
    async def take(self, asked: TakeAsked) -> BackupManifest:
        """Uploads the backup's files under `asked.key(…)`, and returns the manifest that describes them.

        It does not write the manifest: whoever asked puts it into the bucket, last and only where none is, and its
        digest into the ledger. It stops what it started, and what it uploaded before it failed is left where it is: the
        catalogue names files without a manifest. Raises CouldNotObserve (a store or the bucket is silent, no tool),
        NotConfigured, MissingSecret.
        """


def store_folder(prefix: str, store: str) -> str:
    """Where a store's backups lie in its bucket, with the slash at the end."""
    return f"{prefix.strip('/')}/{store}/".lstrip("/")


def manifest_key(prefix: str, store: str, backup: str) -> str:
    """Where a backup's manifest lies: `PREFIX/STORE/BACKUP.manifest.json`."""
    return f"{store_folder(prefix, store)}{backup}{SUFFIX}"
