"""Backups in S3: is there a recent one, encrypted, and is it still what was written?"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar, Literal

from tasks.backup_manifest import effective_time, folder
from tasks.backup_store import BackupStore, StoredDump, StoredManifest
from tasks.check import Check
from tasks.estate import Estate
from tminus.clock import now
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation
from tminus.runbook import Slug

_LOOK_AT = 20  # manifests; one stored again later must not hide one taken later
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 3600


class Backup(Check, frozen=True):
    """The newest backup of a database: how old, how big, encrypted, intact, with a restore point.

    A backup is what a manifest describes; a dump without one was never completed. It counts as taken at
    the older of the manifest's `taken_at` and the dump's LastModified, so neither a copy made today nor a
    clock that runs ahead makes it young. Where there is none, `age` counts from 1970. `intact`: the dump
    has the manifest's size and SHA-256 as S3 keeps it (for an upload in parts: the ETag).

    Attributes:
        bucket: a bucket's name in the environment's `buckets` section.
        database: the database's name in the environment's `postgres` section.
        since: `any` backup, or only one made for this `launch`.
        purpose: only a backup made for this (`restore-point`, `post-launch` …).
        download: read the whole dump, and compute its SHA-256 anew.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "backups": "",
        "age": "h",
        "size": "B",
        "encrypted": "word",
        "intact": "word",
        "restore_point": "word",
    }

    kind: Literal["s3.backup"] = "s3.backup"
    bucket: str
    database: str
    since: Literal["any", "launch"] = "any"
    purpose: Slug | None = None
    download: bool = False

    async def look(self, estate: Estate) -> Observation:
        """Reads the newest manifests and asks S3 about the newest dump; raises CouldNotObserve."""
        return await asyncio.to_thread(self._look, estate)

    def _look(self, estate: Estate) -> Observation:
        store = BackupStore.open(estate, self.bucket)
        searched = folder(store.prefix, self.database, estate.launch if self.since == "launch" else None)
        candidates = [
            (effective_time(stored.manifest, dump.stored if dump else stored.stored), stored, dump)
            for stored, dump in self._stored(store, searched)
        ]
        if not candidates:
            return _none_found(store.url(searched), self.purpose)
        taken, newest, dump = max(candidates, key=lambda candidate: candidate[0])
        broken = _damage(newest, dump) or (self._download_damage(store, newest) if self.download else None)
        manifest = newest.manifest
        return Observation(
            found=(
                Measurement.number("backups", len(candidates)),
                _age(taken),
                Measurement.number("size", dump.size if dump else 0, "B"),
                _yes("encrypted", dump is not None and dump.encryption is not None),
                _yes("intact", broken is None),
                _yes("restore_point", manifest.restore_point is not None),
            ),
            where=store.url(searched),
            details=(
                f"newest: {newest.key}, manifest {newest.digest}",
                f"{len(manifest.tables)} tables, WAL at {manifest.wal_lsn}, PostgreSQL {manifest.server_version}",
            ),
            because=broken or "",
        )

    def _stored(self, store: BackupStore, searched: str) -> list[tuple[StoredManifest, StoredDump | None]]:
        found = [store.manifest(key) for key in store.newest_manifests(searched, _LOOK_AT)]
        return [
            (stored, store.dump(stored.manifest.dump.key))
            for stored in found
            if stored is not None and self.purpose in {None, stored.manifest.purpose}
        ]

    def _download_damage(self, store: BackupStore, newest: StoredManifest) -> str | None:
        wanted = newest.manifest.dump
        if store.downloaded_sha256(wanted.key) == wanted.sha256:
            return None
        return "the content downloaded has another SHA-256 than the manifest says"


def _damage(stored: StoredManifest, dump: StoredDump | None) -> str | None:
    """How the dump differs from its manifest; None where it does not."""
    wanted = stored.manifest.dump
    if dump is None:
        return f"its dump {wanted.key} is gone"
    if dump.size != wanted.size:
        return f"its dump has {dump.size} B, and the manifest says {wanted.size} B"
    if dump.sha256 is not None:
        return None if dump.sha256 == wanted.sha256 else "S3 keeps another SHA-256 than the manifest says"
    return None if dump.etag == wanted.etag else "its dump was replaced: the ETag is not the manifest's"


def _age(taken: datetime) -> Measurement:
    return Measurement.number("age", round((now() - taken).total_seconds() / _HOUR, 6), "h")


def _yes(name: str, holds: bool) -> Measurement:
    return Measurement(name=name, word="yes" if holds else "no")


def _none_found(where: str, purpose: str | None) -> Observation:
    return Observation(
        found=(
            Measurement.number("backups", 0),
            _age(NEVER),
            Measurement.number("size", 0, "B"),
            *(_yes(name, False) for name in ("encrypted", "intact", "restore_point")),
        ),
        where=where,
        because=f"no backup{f' for {purpose}' if purpose else ''} under {where}",
    )
