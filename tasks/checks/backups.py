"""Backups in S3: is there a recent one of this very database, encrypted, and is it still what was written?"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tasks.backup_manifest import counted_rows, effective_time, folder
from tasks.backup_store import BackupStore, StoredDump, StoredManifest
from tasks.backups.postgres_dump import FILE
from tasks.check import Check
from tasks.estate import Estate
from tminus.backups.manifest import BackupManifest
from tminus.clock import now
from tminus.environment import Impact
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation
from tminus.runbook import Slug

_LOOK_AT = 20  # manifests; one stored again later must not hide one taken later
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 3600


class Backup(Check, frozen=True):
    """The newest backup of a database: how old, how big, what it holds, encrypted, intact, with a restore point.

    A backup is what a manifest describes; a dump without one was never completed. It counts as taken at
    the older of the manifest's `taken_at` and the dump's LastModified, so neither a copy made today nor a
    clock that runs ahead makes it young. Where there is none, `age` counts from 1970. `intact`: the dump
    has the manifest's size and SHA-256 as S3 keeps it (for an upload in parts: the ETag). `tables` and
    `rows` are those that were counted in the snapshot. That its manifest names this `database`, and that
    every table of `holds` is in it with a row at least, is expected also where the book does not say so.

    Attributes:
        bucket: a bucket's name in the environment's `buckets` section.
        database: the database's name in the environment's `postgres` section.
        since: `any` backup, or only one made for this `launch`.
        purpose: only a backup made for this (`restore-point`, `post-launch` …).
        holds: tables (`schema.name`) that it must hold, none of them empty: so another database's, or an empty one's,
            does not pass for it.
        download: read the whole dump, and compute its SHA-256 anew.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "backups": "",
        "age": "h",
        "size": "B",
        "tables": "",
        "rows": "",
        "holds": "",
        "same_database": "word",
        "encrypted": "word",
        "intact": "word",
        "restore_point": "word",
    }

    kind: Literal["s3.backup"] = "s3.backup"
    bucket: str
    database: str
    since: Literal["any", "launch"] = "any"
    purpose: Slug | None = None
    holds: tuple[str, ...] = ()
    download: bool = False

    @model_validator(mode="after")
    def _of_this_database(self) -> Self:
        self.expect.setdefault("same_database", Expectation("= yes"))
        if self.holds:
            self.expect.setdefault("holds", Expectation("= all"))
        elif "holds" in self.expect:
            raise ValueError("`holds` is expected, so name tables, such as `holds: [public.orders]`")
        return self

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
            return self._none_found(store.url(searched))
        taken, newest, dump = max(candidates, key=lambda candidate: candidate[0])
        broken = _damage(newest, dump) or (self._download_damage(store, newest) if self.download else None)
        manifest, missing = newest.manifest, self._missing(newest.manifest)
        tables = counted_rows(manifest)
        wrong = [f"it is of database {manifest.store!r}"] if manifest.store != self.database else []
        wrong += [f"it holds no row of {', '.join(missing)}"] if missing else []
        return Observation(
            found=(
                Measurement.number("backups", len(candidates)),
                _age(taken),
                Measurement.number("size", dump.size if dump else 0, "B"),
                *self._holding(len(tables), sum(tables.values()), len(missing)),
                _yes("same_database", manifest.store == self.database),
                _yes("encrypted", dump is not None and dump.encryption is not None),
                _yes("intact", broken is None),
                _yes("restore_point", manifest.restore_point is not None),
            ),
            where=store.url(searched),
            details=(
                f"newest: {newest.key}, manifest {newest.digest}",
                f"{len(tables)} tables, WAL at {manifest.origin.wal_lsn}, PostgreSQL {manifest.origin.version}",
            ),
            because="; ".join([*([broken] if broken else []), *wrong]),
        )

    def _missing(self, manifest: BackupManifest) -> list[str]:
        rows = counted_rows(manifest)
        return [table for table in self.holds if not rows.get(table)]

    def _holding(self, tables: int, rows: int, missing: int) -> list[Measurement]:
        found = [Measurement.number("tables", tables), Measurement.number("rows", rows)]
        if self.holds:
            found.append(Measurement.number("holds", len(self.holds) - missing, of=len(self.holds)))
        return found

    def _none_found(self, where: str) -> Observation:
        return Observation(
            found=(
                Measurement.number("backups", 0),
                _age(NEVER),
                Measurement.number("size", 0, "B"),
                *self._holding(0, 0, len(self.holds)),
                *(_yes(name, False) for name in ("same_database", "encrypted", "intact", "restore_point")),
            ),
            where=where,
            because=f"no backup{f' for {self.purpose}' if self.purpose else ''} under {where}",
        )

    def _stored(self, store: BackupStore, searched: str) -> list[tuple[StoredManifest, StoredDump | None]]:
        found = [store.manifest(key) for key in store.newest_manifests(searched, _LOOK_AT)]
        return [
            (stored, store.dump(stored.manifest.file(FILE).key))
            for stored in found
            if stored is not None and self.purpose in {None, _purpose(stored.manifest)}
        ]

    def _download_damage(self, store: BackupStore, newest: StoredManifest) -> str | None:
        wanted = newest.manifest.file(FILE)
        if store.downloaded_sha256(wanted.key) == wanted.sha256:
            return None
        return "the content downloaded has another SHA-256 than the manifest says"


def _purpose(manifest: BackupManifest) -> str:
    return manifest.made_for.purpose if manifest.made_for else ""


def _damage(stored: StoredManifest, dump: StoredDump | None) -> str | None:
    """How the dump differs from its manifest; None where it does not."""
    wanted = stored.manifest.file(FILE)
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
