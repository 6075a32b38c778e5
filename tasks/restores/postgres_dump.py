"""Restores a dump beside the live database, on its own server, and looks at it there as a verification does."""

from pathlib import Path
from time import perf_counter
from typing import ClassVar

from tasks.backups.arriving import Arriving, arriving
from tasks.backups.asked import Asked, Seen
from tasks.backups.damage import Damaged
from tasks.backups.looked import Looked
from tasks.backups.postgres_cluster import Cluster
from tasks.backups.stored_file import Unreadable
from tasks.restores import pg_restore, postgres_copy
from tasks.restores.asked import Live, Way
from tasks.restores.postgres_database import DatabaseRestorer, mark_of, server_of
from tasks.restores.postgres_look import look
from tminus.backups.contents import PostgresContents
from tminus.backups.manifest import BackupKind
from tminus.errors import CouldNotObserve
from tminus.unprivileged import Account

_NO_CLUSTER = Path("/nonexistent")


class DumpRestorer(DatabaseRestorer):
    """Dumps of pg_dump."""

    kinds: ClassVar[tuple[BackupKind, ...]] = ("postgres.dump",)

    async def beside(self, live: Live, asked: Asked, way: Way) -> Seen:
        """See Restorer."""
        looked, server = Looked(), await server_of(live)
        wanted = asked.manifest.contents
        if not isinstance(wanted, PostgresContents):
            raise CouldNotObserve(f"{asked.manifest.backup} says nothing of what a PostgreSQL database held")
        began = perf_counter()
        await postgres_copy.make(server, way, wanted, mark_of(live))
        # Nothing is run in a cluster of its own: what arrives goes through a pipe.
        unused = Cluster(asked.scratch, _NO_CLUSTER, 0, Account())
        try:
            async with arriving(asked, unused, piped=True) as dump:
                complaint = await pg_restore.fill(server, way["restored"], dump.source, wanted)
                await _tell_file(asked, looked, dump)
        except Damaged as e:
            looked.word("restored", "no")
            looked.wrong.insert(0, str(e))
            return looked.seen()
        looked.word("restored", "no" if complaint else "yes")
        looked.number("restore_time", perf_counter() - began, "s")
        if complaint:
            looked.wrong.append(f"pg_restore stopped: {complaint}")
        else:
            await look(asked, looked, server, way["restored"], wanted)
        return looked.seen()


async def _tell_file(asked: Asked, looked: Looked, dump: Arriving) -> None:
    """What the dump was like as it came; raises Unreadable, a better reason than pg_restore's, where it was that."""
    try:
        received = await dump.received()
    except Unreadable as e:
        looked.count("files_damaged", [str(e)])
        if asked.store.encrypted:
            looked.word("readable_without_key", e.readable_without_key)
        raise
    looked.count("files_damaged", [received.differs] if received.differs else [])
    if asked.store.encrypted:
        looked.word("readable_without_key", received.readable_without_key)
