"""Restores a dump beside the live database, on its own server, and looks at it there as a verification does."""

from time import perf_counter
from typing import ClassVar

from tasks.backups.arriving import arrived, arriving
from tasks.backups.asked import Asked, Seen
from tasks.backups.damage import Damaged
from tasks.backups.looked import Looked
from tasks.restores import pg_restore, postgres_copy
from tasks.restores.asked import Live, Way
from tasks.restores.postgres_database import DatabaseRestorer, mark_of, server_of
from tasks.restores.postgres_look import look
from tminus.backups.contents import PostgresContents
from tminus.backups.manifest import BackupKind
from tminus.errors import CouldNotObserve


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
        try:
            async with arriving(asked) as dump:
                await postgres_copy.make(server, way, wanted, mark_of(live))
                with (await arrived(asked, looked, dump)).open("rb") as file:
                    complaint = await pg_restore.fill(server, way["restored"], file.fileno(), wanted)
        except Damaged as e:
            looked.word("restored", "no")
            looked.wrong.insert(0, str(e))
            return looked.seen()
        looked.word("restored", "no" if complaint else "yes")
        looked.number("restore_time", perf_counter() - began, "s")
        if complaint:
            looked.wrong.append(f"pg_restore stopped: {complaint}")
        else:
            await look(asked, looked, server, way["restored"], wanted, asked.manifest.taken_at)
        return looked.seen()
