"""One backup looked at: what S3 and the ledger say of it first, then what is in it once it is restored."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from flows.restoring import Write, plan_scratch, restored
from tasks.backup_store import BackupStore
from tasks.backups.asked import Asked, Scratch, Seen, Verifier
from tasks.backups.catalogue import ReadManifest, damaged_files, read_manifest
from tasks.backups.vocabulary import VERIFIERS
from tasks.backups.wal_kept import missing_since_oldest
from tasks.estate import Estate
from tasks.giving_up import in_thread
from tminus.backups.book import AnyStore, PostgresBase
from tminus.backups.catalogue import Catalogue, Listed, shrunk, tell
from tminus.backups.contents import Marker
from tminus.backups.judging import Gathered, judged
from tminus.backups.manifest import BackupManifest
from tminus.backups.opened import OpenedBackups
from tminus.backups.together import Comparison
from tminus.clock import now
from tminus.errors import CouldNotObserve, MissingSecret, NotConfigured
from tminus.outcome import Outcome


@dataclass(frozen=True)
class Setting:
    """In which verification it is looked at.

    Attributes:
        scratch: the folder in which scratch places are made.
        write: appends to the chain of the system's backups.
        comparison: what stores are asked besides, so that they can be held against each other.
    """

    opened: OpenedBackups
    estate: Estate
    verification: str
    scratch: Path
    write: Write
    comparison: Comparison


@dataclass
class Look:
    """One backup of a store.

    Attributes:
        found: all backups of the store.
        listed: this one.
        read: its manifest, once it was read.
        stages: seconds by stage.
    """

    name: str
    store: AnyStore
    bucket: BackupStore
    found: Catalogue
    listed: Listed
    read: ReadManifest = field(default_factory=lambda: ReadManifest("unread"))
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def newest(self) -> bool:
        """Whether it is the newest of its store."""
        return self.listed == self.found.newest

    @property
    def backup(self) -> str:
        """Its name."""
        return self.listed.name

    @property
    def digest(self) -> str:
        """Of its manifest; "" until it was read."""
        return self.read.digest

    @property
    def marker(self) -> Marker | None:
        """The newest mark that its manifest names."""
        return self.read.manifest.marker if self.read.manifest else None

    async def outcome(self, setting: Setting) -> Outcome:
        """How it comes out; raises LedgerError."""
        seen = Gathered()
        self._tell(seen)
        try:
            await self._look(setting, seen)
        except (CouldNotObserve, NotConfigured, MissingSecret) as e:
            seen.reason = str(e)
        where = self.bucket.url(str(self.listed.manifest))
        return judged(self.store.kind, self.store, seen, where, newest=self.newest)

    def _tell(self, seen: Gathered) -> None:
        """What the catalogue says; of an older backup only how it compares with those before it."""
        if self.newest:
            told = tell(self.found, self.store, now())
            seen.add(told.found, told.details)
        else:
            seen.add([shrunk(self.found, self.listed)])

    async def _look(self, setting: Setting, seen: Gathered) -> None:
        with self._stage("manifest"):
            self.read = await asyncio.to_thread(
                read_manifest, self.bucket, self.listed, setting.opened.system, self.name, self.store
            )
        seen.add([self.read.measurement], because=self.read.why)
        if self.read.manifest is None:
            seen.reason = self.read.why
            return
        with self._stage("files"):
            damaged, details = await asyncio.to_thread(damaged_files, self.bucket, self.read.manifest)
        seen.add([damaged], details, because="; ".join(details[:1]))
        if self.newest and isinstance(self.store, PostgresBase):
            with self._stage("wal"):
                await self._look_at_wal(setting, seen, self.store)
        verifier = VERIFIERS.get(self.store.kind)
        if verifier is None:
            raise CouldNotObserve(f"tminus cannot restore {self.store.kind} yet, so nothing is known of what is in it")
        with self._stage("restore"):
            came = await self._restored(setting, self.read.manifest, verifier())
        seen.add(came.found, came.details, came.because)

    async def _look_at_wal(self, setting: Setting, seen: Gathered, store: PostgresBase) -> None:
        """Whether the archive has what the older backups need: of the newest its restore tells it."""
        asked = (setting.estate, self.bucket, self.found, setting.opened.system, self.name, store)
        measured, gaps = await in_thread(missing_since_oldest, *asked)
        seen.add(measured, gaps, because="; ".join(gaps[:1]))

    async def _restored(self, setting: Setting, manifest: BackupManifest, verifier: Verifier) -> Seen:
        planned = plan_scratch(setting.scratch, setting.verification, self.name)
        scratch = Scratch(planned.scratch, Path(planned.folder), setting.opened.settings().disk)
        asked = Asked(
            estate=setting.estate,
            name=self.name,
            store=self.store,
            bucket=self.bucket,
            manifest=manifest,
            needed_at=now() if self.newest else manifest.taken_at,
            scratch=scratch,
            together=setting.comparison.of(self.name) if self.newest else None,
        )
        return await restored(verifier, asked, planned, setting.opened.chain, setting.write)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = perf_counter()
        try:
            yield
        finally:
            self.stages[name] = round(perf_counter() - began, 3)
