"""Is a store's newest backup there, recorded, and still what was written? Nothing is restored here."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tasks.backup_manifest import counted_rows
from tasks.backup_store import BackupStore
from tasks.backups.asked import store_folder
from tasks.backups.catalogue import ReadManifest, against_ledger, damaged_files, read_manifest
from tasks.check import Check
from tasks.estate import Estate
from tminus import events as ev
from tminus.backups.catalogue import Listed
from tminus.backups.history import History
from tminus.backups.manifest import BackupManifest
from tminus.clock import now
from tminus.environment import Impact
from tminus.errors import CouldNotObserve, LedgerError, NoLedger
from tminus.expectation import Expectation, Measurement
from tminus.operation_files import open_known_ledger
from tminus.outcome import Observation
from tminus.runbook import Slug

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 3600


class BackupIntact(Check, frozen=True):
    """The newest backup that `tminus backup` took of a store: how old, recorded, encrypted, and its files as written.

    It takes a second, whatever the backup's size, and so suits the hours before a launch; whether the backup can be
    restored, `backup.verified` says. What has no manifest was never completed, and does not count. `age` is from the
    moment that the ledger has, so a copy made today is no younger; where there is no backup, it counts from 1970.
    `manifest` is `recorded` where its digest is the ledger's, else `unrecorded`, `altered`, `unreadable`, or `none`.
    `files_damaged`: files that are gone, or have another size, checksum or ETag in S3 than the manifest says. `tables`
    and `rows` are those that were counted as it was taken. That the manifest is recorded, no file damaged, and every
    table of `holds` in it with a row at least, is expected also where the book does not say so.

    Attributes:
        store: its name in `backups.yaml`.
        bucket: where that book says that its backups lie: a bucket's name in the environment's `buckets` section.
        system: whose book that is; by default the system that is looked at.
        holds: tables (`schema.name`) that it must hold, none of them empty.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "backups": "",
        "age": "h",
        "size": "B",
        "manifest": "word",
        "files_damaged": "",
        "encrypted": "word",
        "tables": "",
        "rows": "",
        "holds": "",
    }

    kind: Literal["backup.intact"] = "backup.intact"
    store: Slug
    bucket: str
    system: Slug | None = None
    holds: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        self.expect.setdefault("manifest", Expectation("= recorded"))
        self.expect.setdefault("files_damaged", Expectation("= 0"))
        if self.holds:
            self.expect.setdefault("holds", Expectation("= all"))
        elif "holds" in self.expect:
            raise ValueError("`holds` is expected, so name tables, such as `holds: [public.orders]`")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Lists the store's backups, reads the newest manifest, and asks S3 about its files; raises CouldNotObserve."""
        return await asyncio.to_thread(self._look, estate)

    def _look(self, estate: Estate) -> Observation:
        system = self.system or estate.release.system
        bucket = BackupStore.open(estate, self.bucket)
        folder = store_folder(bucket.prefix, self.store)
        found = against_ledger(folder, bucket.entries(folder), lambda: _taken(estate, system, self.store))
        if found.newest is None:
            return self._none_found(bucket.url(folder), len(found.taken))
        newest = found.newest
        read = read_manifest(bucket, newest, system, self.store)
        return self._observation(bucket, newest, read, len(found.complete))

    def _observation(self, bucket: BackupStore, newest: Listed, read: ReadManifest, count: int) -> Observation:
        found = [
            Measurement.number("backups", count),
            _age(newest.at),
            Measurement.number("size", newest.size, "B"),
            read.measurement,
        ]
        wrong, details = [read.why] if read.why else [], [f"newest: {newest.name}, manifest {read.digest}"]
        if read.manifest is not None:
            damaged, named = damaged_files(bucket, read.manifest)
            missing = self._missing(read.manifest)
            found += [damaged, *self._holding(read.manifest, missing)]
            wrong += [*named[:1], *([f"it holds no row of {', '.join(missing)}"] if missing else [])]
            details += named
        where = bucket.url(str(newest.manifest))
        return Observation(found=tuple(found), where=where, details=tuple(details), because="; ".join(wrong))

    def _holding(self, manifest: BackupManifest, missing: list[str]) -> list[Measurement]:
        rows = counted_rows(manifest)
        found = [
            Measurement(name="encrypted", word="yes" if manifest.encrypted_to else "no"),
            Measurement.number("tables", len(rows)),
            Measurement.number("rows", sum(rows.values())),
        ]
        if self.holds:
            found.append(Measurement.number("holds", len(self.holds) - len(missing), of=len(self.holds)))
        return found

    def _missing(self, manifest: BackupManifest) -> list[str]:
        rows = counted_rows(manifest)
        return [table for table in self.holds if not rows.get(table)]

    def _none_found(self, where: str, taken: int) -> Observation:
        said = f"the ledger knows {taken} that were there" if taken else "none was ever recorded"
        return Observation(
            found=(
                Measurement.number("backups", 0),
                _age(_NEVER),
                Measurement.number("size", 0, "B"),
                Measurement(name="manifest", word="none"),
            ),
            where=where,
            because=f"there is no backup under {where}; {said}",
        )


def _taken(estate: Estate, system: str, store: str) -> list[ev.BackupTaken]:
    environment = estate.environment
    try:
        with closing(open_known_ledger(environment)) as ledger:
            return History.read(ledger, system, environment.environment).taken_of(store)
    except (NoLedger, LedgerError) as e:
        raise CouldNotObserve(f"the ledger cannot tell which backups were taken: {e}") from e


def _age(at: datetime) -> Measurement:
    return Measurement.number("age", round((now() - at).total_seconds() / _HOUR, 6), "h")
