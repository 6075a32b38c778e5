"""Verifying a logical backup: restored into a scratch PostgreSQL, and held against what was counted as it was taken."""

import asyncio
import os
from pathlib import Path
from time import perf_counter
from typing import ClassVar

from tasks.backups.arriving import arrived, arriving
from tasks.backups.asked import Asked, Seen, Verifier
from tasks.backups.damage import Damaged
from tasks.backups.looked import Looked
from tasks.backups.overlapped import Checked, Overlapped
from tasks.backups.postgres_cluster import cluster, make, own
from tasks.backups.postgres_contents import marker
from tasks.backups.postgres_invariants import ask
from tasks.backups.postgres_server import ScratchServer, run
from tasks.backups.restore_dump import Restored, restore
from tasks.backups.restore_progress import Progress
from tasks.backups.together_asking import ask_sql
from tminus.backups import differences
from tminus.backups.book import PostgresDump
from tminus.backups.contents import PostgresContents
from tminus.backups.loss import loss
from tminus.backups.manifest import BackupKind
from tminus.errors import CouldNotObserve
from tminus.systems.stores import Postgres

_MOST_JOBS = 4
_NO_SECTION = Postgres(dsn="env:NONE")  # a scratch needs no connection of the environment's, only the tools' folder


class DumpVerifier(Verifier):
    """Dumps of pg_dump.

    Attributes:
        jobs: of pg_restore; as many as there are processors, up to four, where it is 0.
    """

    kinds: ClassVar[tuple[BackupKind, ...]] = ("postgres.dump",)
    jobs: int = 0

    async def verify(self, asked: Asked) -> Seen:
        """See Verifier."""
        looked = Looked()
        try:
            await _verify(asked, looked, self.jobs or min(os.cpu_count() or 1, _MOST_JOBS))
        except Damaged as e:
            looked.word("restored", "no")
            looked.wrong.insert(0, str(e))
        return looked.seen()


async def _verify(asked: Asked, looked: Looked, jobs: int) -> None:
    wanted = asked.manifest.contents
    if not isinstance(wanted, PostgresContents) or not isinstance(asked.store, PostgresDump):
        raise CouldNotObserve(f"{asked.manifest.backup} says nothing of what a PostgreSQL database held")
    section = asked.estate.environment.postgres.get(asked.store.database, _NO_SECTION)
    major = int(asked.manifest.origin.version.partition(".")[0])
    began = perf_counter()
    planned = await asyncio.to_thread(cluster, asked.scratch, section, major)
    async with arriving(asked) as dump:
        await make(planned)
        async with run(planned) as server:
            checks = Overlapped(server, asked.manifest.origin.database)
            path = await arrived(asked, looked, dump)
            own(planned, path)
            restored = await _restored(server, path, wanted, jobs, checks)
            took = perf_counter() - began
            _tell_restored(looked, restored, took)
            if restored.database != asked.manifest.origin.database:
                checks = Overlapped(server, restored.database)
            await _look(asked, looked, server, restored, checks)
            looked.details += server.cluster.account.exposed


async def _restored(
    server: ScratchServer, dump: Path, wanted: PostgresContents, jobs: int, checks: Overlapped
) -> Restored:
    """Restores, while what is there already is checked."""

    def tell(progress: Progress, through: list[str]) -> None:
        for table in through or ([""] if progress.begun else []):
            checks.hint(table)

    meanwhile = asyncio.create_task(checks.meanwhile())
    try:
        restored = await restore(server, dump, wanted, jobs, tell)
        checks.all_restored()
        await meanwhile
    finally:
        meanwhile.cancel()
        await asyncio.wait({meanwhile})
    return restored


def _tell_restored(looked: Looked, restored: Restored, took: float) -> None:
    looked.word("restored", "no" if restored.errors else "yes")
    looked.number("restore_time", took, "s")
    if restored.errors:
        looked.wrong.append(f"pg_restore could not do {restored.errors} of its statements: {restored.complaints[0]}")
        looked.details += restored.complaints


async def _look(asked: Asked, looked: Looked, server: ScratchServer, restored: Restored, checks: Overlapped) -> None:
    wanted = asked.manifest.contents
    if not isinstance(wanted, PostgresContents):
        return
    checked = await checks.finish()
    _compare(asked, looked, wanted, checked, restored.database)
    async with server.connect(restored.database) as connection:
        newest = await marker(connection)
        invariants = await ask(connection, asked.store.invariants)
        await ask_sql(asked, connection, newest)
    looked.count("invariants_broken", [one.line for one in invariants if not one.holds])
    looked.also(*loss(asked.needed_at, newest, asked.manifest.taken_at))


def _compare(asked: Asked, looked: Looked, wanted: PostgresContents, checked: Checked, database: str) -> None:
    found, origin = checked.contents, asked.manifest.origin.database
    schema = differences.schema_differences(wanted, found)
    if database != origin:
        schema.insert(0, f"database: it is called {database!r}, and was called {origin!r}")
    looked.count("tables_differ", differences.table_differences(wanted.tables, found.tables))
    looked.count("schema_differs", schema)
    looked.count("sequences_differ", differences.sequence_differences(wanted, found.sequences))
    looked.count("constraints_broken", differences.lost_constraints(wanted, found))
    looked.count("indexes_broken", checked.broken_indexes)
    looked.details += differences.extension_versions(wanted, found)
    looked.details.append(
        f"{len(found.tables)} tables with {sum(one.rows for one in found.tables.values())} rows, {checked.early} of "
        f"them checked while others were restored; {checked.indexes} indexes"
    )
