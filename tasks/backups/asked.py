"""What a verification is asked to do, and what each kind of store answers with."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tasks.backup_store import BackupStore
from tasks.estate import Estate
from tminus.backups.book import AnyStore
from tminus.backups.manifest import BackupManifest
from tminus.expectation import Measurement
from tminus.outcome import Observation


@dataclass(frozen=True)
class Scratch:
    """A place that may be filled and thrown away: recorded in the ledger before it was made, and marked inside.

    Attributes:
        name: `tminus-scratch-…`, unique; what the ledger calls it.
        folder: an empty folder of this machine's own, with the marker file in it.
        disk: bytes that may be filled; a restore that needs more ends with ScratchFull.
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
    """

    estate: Estate
    name: str
    store: AnyStore
    bucket: BackupStore
    manifest: BackupManifest
    needed_at: datetime
    scratch: Scratch


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
    """Brings a backup of one kind up in a scratch place, and looks at it. One class a kind, in tasks/backups/."""

    @abstractmethod
    async def verify(self, asked: Asked) -> Seen:
        """Fetches, decrypts, restores, looks. Stops every process that it started, whatever happens.

        What does not come up is `restored = no`, with the reason: an observation. Raises CouldNotObserve where it could
        not look (storage silent, no tool, disk full, time up): that is `unknown`.
        """
