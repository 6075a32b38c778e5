"""A database backup in S3, made once for each launch and purpose, and anew where it got too old."""

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from tasks import pg_dump
from tasks.action import Action, Fence, Standing, State, Undo
from tasks.backup_manifest import counted_rows, dump_key, manifest_key
from tasks.backup_store import AtRest, BackupStore, Cipher, StoredManifest
from tasks.backups.postgres_dump import FILE, Target, dump_into, postgres_section
from tasks.estate import Estate
from tasks.lock_file import HeldLock, hold, holder, is_held
from tminus.backups.manifest import SUFFIX, BackupManifest, ForLaunch
from tminus.clock import Duration, now, show_duration
from tminus.errors import ActionFailed, CouldNotObserve, MissingSecret, NotConfigured
from tminus.expectation import Measurement
from tminus.outcome import Observation
from tminus.runbook import Slug

_LOCK_WITHIN = 2.0  # seconds; whoever looks whether a lock is held, holds it for an instant
_POINT_NAME = 63  # bytes that PostgreSQL keeps of a restore point's name (MAXFNAMELEN - 1)
_CANNOT_LOOK = (CouldNotObserve, NotConfigured, MissingSecret)


class Backup(Action, frozen=True):
    """Dumps a database, uploads the dump encrypted, and puts a manifest beside it.

    The manifest's key names launch, database and purpose, and it is written last, only where none is: so
    the backup is there once, whoever tries how often.
    There is nothing to undo, since a backup harms nobody. After a recycle it is taken anew, under the next
    key; with `good_for` also where it is older than that right before the launch's first change.

    The dump is encrypted on its way to the keys of the environment's `backups` section, where it names any, and never
    lies on this machine. What must be in it once it is restored, is counted in its own snapshot meanwhile.

    Attributes:
        database: the database's name in the environment's `postgres` section.
        bucket: a bucket's name in the environment's `buckets` section.
        purpose: what it is for, such as `restore-point` or `post-launch`; part of the key.
        restore_point: also write a named restore point into the WAL, for point-in-time recovery. Every attempt
            writes one of its own name; the manifest has the one that counts. Where the server does not archive
            its WAL (`archive_mode`), the outcome says that there is only the dump to go back to.
        good_for: how long it counts after it was complete, on no compressed clock; for ever where it is left out.
        cipher: how S3 encrypts it: with its own keys, or with KMS (`kms_key`, else the account's default).
    """

    fence: ClassVar[Fence] = Fence.IDEMPOTENCY_KEY

    kind: Literal["postgres.backup"] = "postgres.backup"
    database: str
    bucket: str
    purpose: Slug
    restore_point: bool = False
    good_for: Duration | None = None
    cipher: Cipher = "AES256"
    kms_key: str | None = None

    @property
    def expires(self) -> bool:
        """Where the book says how long it is good for."""
        return self.good_for is not None

    def describe(self, estate: Estate) -> str:
        """pg_dump's command line, and where the manifest goes."""
        store = BackupStore.open(estate, self.bucket)
        command = " ".join(["pg_dump", *pg_dump.arguments("SNAPSHOT")])
        point = f"pg_create_restore_point({self._point(estate, 'RANDOM')!r}), then " if self.restore_point else ""
        dsn = postgres_section(estate, self.database).dsn
        keys = len(_recipients(estate))
        ciphers = f"{self.cipher}, and here to {keys} age key{'s' if keys > 1 else ''}" if keys else self.cipher
        target = f"{store.url(self._key(estate, store, 1))} and its dump ({ciphers})"
        return f"{point}{command} (connection from {dsn}, by PG… variables) → {target}"

    async def state(self, estate: Estate) -> Standing:
        """Done when a manifest is there that is not too old, and its dump has the size it says."""
        try:
            take = await asyncio.to_thread(self._newest, estate)
        except _CANNOT_LOOK as e:
            unseen = Standing(state=State.UNKNOWN, seen=Observation(details=(str(e),)))
            return self._in_progress(estate) or unseen
        if take.stored is not None and take.whole:
            return Standing(state=State.DONE, seen=_seen(take.stored))
        if (making := self._in_progress(estate)) is not None:
            return making
        broken = "the dump that the manifest names is not there whole" if take.stored else ""
        missing = broken or take.outworn or "there is no manifest yet"
        return Standing(state=State.ABSENT, seen=Observation(details=(missing,)))

    def _in_progress(self, estate: Estate) -> Standing | None:
        """That a dump is being made on this machine, which needs no storage to be seen; None where none is."""
        if not is_held(self._lock(estate)):
            return None
        details = (f"a dump is being made: {holder(self._lock(estate))}",)
        return Standing(state=State.IN_PROGRESS, seen=Observation(details=details))

    async def plan_undo(self, estate: Estate) -> Undo | None:  # noqa: ARG002 - there never is one
        """Nothing: a backup harms nobody."""
        return None

    async def act(self, estate: Estate, token: int) -> Observation:
        """Makes it, unless it is there. Until its manifest is written, a failure has changed nothing."""
        async with hold(self._lock(estate), _LOCK_WITHIN) as held:
            held.note(f"a backup for {self.purpose} under lease {token}")
            try:
                take = await asyncio.to_thread(self._newest, estate)
                if take.stored is not None and take.whole:
                    return _seen(take.stored)
                return await self._make(estate, held, take)
            except _CANNOT_LOOK as e:
                raise ActionFailed(str(e), began=False) from e

    async def undo(self, estate: Estate, undo: Undo, token: int) -> Observation:  # noqa: ARG002 - nothing to take back
        """Leaves the backup where it is."""
        return Observation(details=("a backup is left where it is",))

    async def undone(self, estate: Estate, undo: Undo) -> Standing:  # noqa: ARG002 - nothing to take back
        """Always: there was nothing to take back."""
        return Standing(state=State.DONE)

    async def _make(self, estate: Estate, held: HeldLock, take: "_Take") -> Observation:
        """The dump first, then the manifest that makes it count."""
        store = await asyncio.to_thread(BackupStore.open, estate, self.bucket)
        attempt, recipients = secrets.token_hex(8), _recipients(estate)
        key = dump_key(store.prefix, self.database, estate.launch, self.purpose, attempt)
        target = Target(store, key, recipients, AtRest(self.cipher, self.kms_key))
        point = self._point(estate, secrets.token_hex(4)) if self.restore_point else ""
        dumped = await dump_into(target, estate, self.database, point=point, held=held)
        manifest = BackupManifest(
            backup=take.key.rpartition("/")[2].removesuffix(SUFFIX),
            system=estate.release.system,
            store=self.database,
            kind="postgres.dump",
            taken_at=dumped.taken_at,
            finished_at=now(),
            origin=dumped.origin,
            encrypted_to=recipients,
            files=(dumped.file,),
            marker=dumped.marker,
            restore_point=dumped.restore_point,
            contents=dumped.contents,
            made_for=ForLaunch(launch=estate.launch, purpose=self.purpose, cycle=estate.cycle),
        )
        try:
            return await asyncio.to_thread(self._named, store, manifest, take)
        except CouldNotObserve as e:
            raise ActionFailed(f"{e}; the dump was uploaded, but no manifest names it") from e

    def _named(self, store: BackupStore, manifest: BackupManifest, take: "_Take") -> Observation:
        key, dump = take.key, manifest.file(FILE)
        at_rest = AtRest(self.cipher, self.kms_key)
        won = store.put_manifest(key, manifest.text(), at_rest, take.stored.etag if take.stored else None)
        stored = store.manifest(key)
        if stored is None:
            raise CouldNotObserve(f"{store.url(key)} is not there although S3 took it")
        if not won and stored.manifest.file(FILE).key != dump.key:
            store.delete_dump(dump.key)
        return _seen(stored)

    def _newest(self, estate: Estate) -> "_Take":
        """The first take that is not outworn: it may be whole, broken, or not there yet."""
        store = BackupStore.open(estate, self.bucket)
        number, outworn = 1, ""
        while (stored := store.manifest(key := self._key(estate, store, number))) is not None:
            if not (why := self._outworn(estate, stored)):
                break
            number, outworn = number + 1, why
        file = stored.manifest.file(FILE) if stored else None
        dump = store.dump(file.key) if file else None
        whole = file is not None and dump is not None and dump.size == file.size
        return _Take(key, stored, whole, outworn)

    def _outworn(self, estate: Estate, stored: StoredManifest) -> str:
        """Why a backup does not count any more; "" where it does. S3's clock says when it was complete."""
        if stored.manifest.made_for is None or stored.manifest.made_for.cycle < estate.cycle:
            return f"{stored.key} is of before the recycle"
        age = now() - stored.stored
        if self.good_for is None or age <= self.good_for:
            return ""
        return f"{stored.key} is {age.total_seconds():.0f} s old, and good for {show_duration(self.good_for)}"

    def _key(self, estate: Estate, store: BackupStore, take: int) -> str:
        return manifest_key(store.prefix, self.database, estate.launch, self.purpose, take)

    def _point(self, estate: Estate, random: str) -> str:
        """A name of each attempt's own: recovery stops at the first point of a name. Its end may be cut off."""
        return f"tminus-{random}-{estate.launch}-{self.purpose}".encode()[:_POINT_NAME].decode(errors="ignore")

    def _lock(self, estate: Estate) -> Path:
        return estate.environment.state / "locks" / f"backup-{estate.launch}-{self.database}-{self.purpose}"


@dataclass(frozen=True)
class _Take:
    """Where the backup is to be: the key of the take that counts, what is there, and why the take before does not."""

    key: str
    stored: StoredManifest | None
    whole: bool
    outworn: str


def _recipients(estate: Estate) -> tuple[str, ...]:
    return estate.environment.backups.recipients if estate.environment.backups else ()


def _seen(stored: StoredManifest) -> Observation:
    manifest = stored.manifest
    dump, tables = manifest.file(FILE), counted_rows(manifest)
    point = f", restore point {manifest.restore_point.name}" if manifest.restore_point else ""
    found = [
        Measurement.number("size", dump.size, "B"),
        Measurement.number("tables", len(tables)),
        Measurement.number("rows", sum(tables.values())),
    ]
    if manifest.restore_point and manifest.origin.archive_mode == "off":
        found.append(Measurement(name="back_to", word="the dump only, since archive_mode is off"))
    return Observation(
        found=tuple(found),
        where=stored.key,
        details=(f"manifest {stored.digest}", f"dump {dump.key}, WAL at {manifest.origin.wal_lsn}{point}"),
    )
