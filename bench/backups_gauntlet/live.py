"""A live store of one kind, which is filled, backed up by tminus itself, and put into a good backup to be damaged."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from typing import ClassVar

from bench.backups_gauntlet.place import Place
from deployments.rehearsal.processes import Processes
from flows.backup_verification import verify
from flows.marks import mark_all
from flows.taking import take_backup
from tasks.backups.asked import manifest_key
from tminus import events as ev
from tminus.backups.manifest import BackupManifest
from tminus.backups.opened import OpenedBackups

NAME = "store"
"""What the one store of every book here is called."""


class Live(ABC):
    """A real server, or moto's S3, with something in it.

    Attributes:
        kind: of the store.
    """

    kind: ClassVar[str]

    def __init__(self, place: Place, processes: Processes, stack: ExitStack) -> None:
        self.place = place
        self.processes = processes
        self.stack = stack  # what is entered there ends with the bench

    @abstractmethod
    def start(self) -> None:
        """Starts what there is to start."""

    @abstractmethod
    def fill(self) -> None:
        """Puts in what the damages are played on."""

    @abstractmethod
    def grow(self) -> None:
        """A day's work: what yesterday's backup does not have."""

    @abstractmethod
    def entry(self) -> Mapping[str, object]:
        """What the book says of it, beside what it says of every store."""

    @abstractmethod
    def sections(self) -> Mapping[str, object]:
        """Sections of the environment that lead to it."""

    @abstractmethod
    def varied(self, drawn: random.Random) -> AbstractContextManager[str]:
        """In the block it holds something drawn, and may be written to meanwhile; says what, in a few words."""

    def opened(self, prefix: str, *, wrong_key: bool = False, **entry: object) -> OpenedBackups:
        """The book and the environment, with backups below a prefix; `entry` says something else in the book."""
        stores = {NAME: {"kind": self.kind, **self.entry(), **entry}}
        return self.place.opened(prefix, stores, self.sections(), wrong_key=wrong_key)

    def after(self, opened: OpenedBackups, manifest: BackupManifest) -> None:  # noqa: B027 - most have nothing to do
        """What is done once a backup was taken: where there is an archive of WAL, it is filled."""

    def take(self, prefix: str) -> "Taken":
        """A mark, and a backup by tminus itself."""
        opened = self.opened(prefix)
        marked = asyncio.run(mark_all(opened))
        assert not marked.failed, marked.failed
        event = asyncio.run(take_backup(opened, NAME, opened.book.stores[NAME]))
        text = self.place.get(manifest_key(prefix, NAME, event.backup))
        taken = Taken(prefix, opened, event, BackupManifest.read(event.backup, text))
        self.after(opened, taken.manifest)
        return taken


@dataclass(frozen=True)
class Taken:
    """A backup that tminus took, below a prefix of the bucket."""

    prefix: str
    opened: OpenedBackups
    event: ev.BackupTaken
    manifest: BackupManifest


def look(opened: OpenedBackups) -> ev.BackupVerified:
    """Has tminus verify the store, and returns what it wrote into its ledger."""
    asyncio.run(verify(opened, (NAME,), shown=False))
    with closing(opened.store()) as store:
        return opened.history(store).verifications_of(NAME)[-1].newest
