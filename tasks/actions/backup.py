"""A database backup in S3, made once for each launch and purpose."""

import asyncio
import hashlib
from pathlib import Path
from typing import ClassVar, Literal

from tasks import pg_dump, pg_snapshot
from tasks.action import Action, Fence, Standing, State, Undo
from tasks.backup_manifest import Dump, Manifest, dump_key, manifest_key
from tasks.backup_store import AtRest, BackupStore, Cipher, StoredManifest
from tasks.estate import Estate
from tasks.lock_file import HeldLock, hold, holder, is_held
from tasks.pg_tools import connection_for, find_tool
from tminus.credentials import resolve
from tminus.environment import Postgres
from tminus.errors import ActionFailed, CouldNotObserve, MissingSecret, NotConfigured
from tminus.expectation import Measurement
from tminus.outcome import Observation
from tminus.runbook import Slug

_LOCK_WITHIN = 2.0  # seconds; whoever looks whether a lock is held, holds it for an instant
_POINT_NAME = 63  # characters that PostgreSQL keeps of a restore point's name (MAXFNAMELEN - 1)
_CANNOT_LOOK = (CouldNotObserve, NotConfigured, MissingSecret)


class Backup(Action, frozen=True):
    """Dumps a database, uploads the dump encrypted, and puts a manifest beside it.

    The manifest's key names launch, database and purpose, and it is written last, only where none is: so
    the backup is there once, whoever tries how often. Rows are counted in the snapshot that is dumped.
    There is nothing to undo, since a backup harms nobody.

    Attributes:
        database: the database's name in the environment's `postgres` section.
        bucket: a bucket's name in the environment's `buckets` section.
        purpose: what it is for, such as `restore-point` or `post-launch`; part of the key.
        restore_point: also write a named restore point into the WAL, for point-in-time recovery.
        cipher: how S3 encrypts it: with its own keys, or with KMS (`kms_key`, else the account's default).
    """

    fence: ClassVar[Fence] = Fence.IDEMPOTENCY_KEY

    kind: Literal["postgres.backup"] = "postgres.backup"
    database: str
    bucket: str
    purpose: Slug
    restore_point: bool = False
    cipher: Cipher = "AES256"
    kms_key: str | None = None

    def describe(self, estate: Estate) -> str:
        """pg_dump's command line, and where the manifest goes."""
        store = BackupStore.open(estate, self.bucket)
        command = " ".join(["pg_dump", *pg_dump.arguments("SNAPSHOT", self._file(estate))])
        point = f"pg_create_restore_point({self._point(estate)!r}), then " if self.restore_point else ""
        dsn = _postgres(estate, self.database).dsn
        target = f"{store.url(self._key(estate, store))} and its dump ({self.cipher})"
        return f"{point}{command} (connection from {dsn}, by PG… variables) → {target}"

    async def state(self, estate: Estate) -> Standing:
        """Done when the manifest is there and its dump has the size it says."""
        try:
            stored, whole = await asyncio.to_thread(self._stored, estate)
        except _CANNOT_LOOK as e:
            return Standing(state=State.UNKNOWN, seen=Observation(details=(str(e),)))
        if stored is not None and whole:
            return Standing(state=State.DONE, seen=_seen(stored))
        if is_held(self._lock(estate)):
            details = (f"a dump is being made: {holder(self._lock(estate))}",)
            return Standing(state=State.IN_PROGRESS, seen=Observation(details=details))
        missing = "the dump that the manifest names is not there whole" if stored else "there is no manifest yet"
        return Standing(state=State.ABSENT, seen=Observation(details=(missing,)))

    async def plan_undo(self, estate: Estate) -> Undo | None:  # noqa: ARG002 - there never is one
        """Nothing: a backup harms nobody."""
        return None

    async def act(self, estate: Estate, token: int) -> Observation:
        """Makes it, unless it is there. Until the upload has begun, a failure has changed nothing."""
        async with hold(self._lock(estate), _LOCK_WITHIN) as held:
            held.note(f"a backup for {self.purpose} under lease {token}")
            file = self._file(estate)
            try:
                stored, whole = await asyncio.to_thread(self._stored, estate)
                if stored is not None and whole:
                    return _seen(stored)
                manifest = await self._dump(estate, file, held)
                return await self._upload(estate, file, manifest, stored)
            except _CANNOT_LOOK as e:
                raise ActionFailed(str(e), began=False) from e
            finally:
                file.unlink(missing_ok=True)

    async def undo(self, estate: Estate, undo: Undo, token: int) -> Observation:  # noqa: ARG002 - nothing to take back
        """Leaves the backup where it is."""
        return Observation(details=("a backup is left where it is",))

    async def undone(self, estate: Estate, undo: Undo) -> Standing:  # noqa: ARG002 - nothing to take back
        """Always: there was nothing to take back."""
        return Standing(state=State.DONE)

    async def _dump(self, estate: Estate, file: Path, held: HeldLock) -> Manifest:
        """The dump in `file`, and its manifest, all but the ETag."""
        section = _postgres(estate, self.database)
        async with estate.postgres(self.database) as connection:
            server = await pg_snapshot.server(connection)
            tool = find_tool("pg_dump", section, server.major)
            point = await pg_snapshot.restore_point(connection, self._point(estate)) if self.restore_point else None
            async with pg_snapshot.exported(connection) as snapshot:
                await pg_dump.dump(tool, connection_for(resolve(section.dsn)), snapshot.id, file, held)
        size, content = await asyncio.to_thread(_measured, file)
        prefix = BackupStore.open(estate, self.bucket).prefix
        return Manifest(
            launch=estate.launch,
            purpose=self.purpose,
            database=self.database,
            taken_at=snapshot.taken_at,
            server_version=server.version,
            system_identifier=server.system_identifier,
            wal_lsn=server.wal_lsn,
            restore_point=point,
            tables=snapshot.tables,
            dump=Dump(
                key=dump_key(prefix, self.database, estate.launch, self.purpose, content),
                size=size,
                sha256=content,
                etag="",
            ),
        )

    async def _upload(
        self, estate: Estate, file: Path, manifest: Manifest, broken: StoredManifest | None
    ) -> Observation:
        """The dump first, then the manifest that makes it count."""
        try:
            return await asyncio.to_thread(self._uploaded, estate, file, manifest, broken)
        except CouldNotObserve as e:
            raise ActionFailed(f"{e}; the dump may have been uploaded, but no manifest names it") from e

    def _uploaded(self, estate: Estate, file: Path, manifest: Manifest, broken: StoredManifest | None) -> Observation:
        store, at_rest = BackupStore.open(estate, self.bucket), AtRest(self.cipher, self.kms_key)
        key, dump = self._key(estate, store), manifest.dump
        etag = store.put_dump(dump.key, file, dump.sha256, at_rest)
        manifest = manifest.model_copy(update={"dump": dump.model_copy(update={"etag": etag})})
        won = store.put_manifest(key, manifest.text(), at_rest, broken.etag if broken else None)
        stored = store.manifest(key)
        if stored is None:
            raise CouldNotObserve(f"{store.url(key)} is not there although S3 took it")
        if not won and stored.manifest.dump.key != dump.key:
            store.delete_dump(dump.key)
        return _seen(stored)

    def _stored(self, estate: Estate) -> tuple[StoredManifest | None, bool]:
        """The manifest where there is one, and whether its dump is there in full."""
        store = BackupStore.open(estate, self.bucket)
        stored = store.manifest(self._key(estate, store))
        dump = store.dump(stored.manifest.dump.key) if stored else None
        return stored, stored is not None and dump is not None and dump.size == stored.manifest.dump.size

    def _key(self, estate: Estate, store: BackupStore) -> str:
        return manifest_key(store.prefix, self.database, estate.launch, self.purpose)

    def _point(self, estate: Estate) -> str:
        return f"tminus-{estate.launch}-{self.purpose}"[:_POINT_NAME]

    def _lock(self, estate: Estate) -> Path:
        return estate.environment.state / "locks" / f"backup-{estate.launch}-{self.database}-{self.purpose}"

    def _file(self, estate: Estate) -> Path:
        return estate.environment.state / f"backup-{estate.launch}-{self.database}-{self.purpose}.dump"


def _postgres(estate: Estate, name: str) -> Postgres:
    section = estate.environment.postgres.get(name)
    if section is None:
        raise NotConfigured(f"postgres names no {name!r}; add it to the environment file")
    return section


def _measured(file: Path) -> tuple[int, str]:
    """Size in bytes, and SHA-256."""
    with file.open("rb") as content:
        return file.stat().st_size, hashlib.file_digest(content, "sha256").hexdigest()


def _seen(stored: StoredManifest) -> Observation:
    manifest = stored.manifest
    point = f", restore point {manifest.restore_point.name}" if manifest.restore_point else ""
    return Observation(
        found=(
            Measurement.number("size", manifest.dump.size, "B"),
            Measurement.number("tables", len(manifest.tables)),
            Measurement.number("rows", sum(manifest.tables.values())),
        ),
        where=stored.key,
        details=(f"manifest {stored.digest}", f"dump {manifest.dump.key}, WAL at {manifest.wal_lsn}{point}"),
    )
