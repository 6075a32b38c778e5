"""Restores a database of a base backup to an instant: recovered in a scratch place, then dumped beside the live one."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import ClassVar

from tasks.backups.asked import Asked, Seen
from tasks.backups.damage import Damaged
from tasks.backups.looked import Looked
from tasks.backups.postgres_contents import count, in_snapshot
from tasks.backups.postgres_server import ScratchServer
from tasks.backups.recovery import Recovered, show
from tasks.backups.restore_base import restore_to
from tasks.backups.scratch import MARKER
from tasks.backups.verify_base import BaseVerifier
from tasks.restores import pg_restore, postgres_copy
from tasks.restores.asked import LAST_COMMIT, Live, Way
from tasks.restores.live_postgres import LivePostgres
from tasks.restores.postgres_database import DatabaseRestorer, mark_of, server_of
from tasks.restores.postgres_look import look
from tminus.backups.contents import PostgresContents
from tminus.backups.manifest import BackupKind
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement

_LEFT_OUT = ("--no-subscriptions", "--no-password")


class BaseRestorer(DatabaseRestorer):
    """Base backups with their WAL: to any instant that the archive's WAL reaches.

    First the backup is proven as a verification does it, but no further than the instant: what came after says nothing
    of it. Nobody counted what it held then: that is counted in the scratch place, and the copy beside the live database
    is held against it.
    """

    kinds: ClassVar[tuple[BackupKind, ...]] = ("postgres.base",)

    def said(self, way: Way) -> Sequence[str]:
        """See Restorer."""
        first = "the whole server in a scratch place on this machine, proven, then recovered to that instant"
        return (first, f"of it the database {way['database']} alone; roles stay as they are", *super().said(way))

    async def beside(self, live: Live, asked: Asked, way: Way) -> Seen:
        """See Restorer."""
        proof = await BaseVerifier(asked.needed_at).verify(asked)
        if not _proven(proof):
            return proof
        await asyncio.to_thread(_empty, asked.scratch.folder)
        looked = Looked()
        try:
            async with restore_to(asked, asked.needed_at) as restored:
                reached = restored.found.reached
                looked.details += [f"recovered: {show(reached)}", *restored.details]
                looked.count("wal_missing", ())  # PostgreSQL gives up where anything is, on the way there
                if reached.last_commit is not None:
                    looked.word(LAST_COMMIT, reached.last_commit.astimezone(UTC).isoformat())
                await _copy(asked, looked, restored.found, live, way)
        except Damaged as e:
            looked.word("restored", "no")
            looked.wrong.insert(0, str(e))
        return _both(proof, looked.seen())


async def _copy(asked: Asked, looked: Looked, recovered: Recovered, live: Live, way: Way) -> None:
    database, scratch = asked.manifest.origin.database, recovered.server
    async with scratch.connect(database) as connection, in_snapshot(connection):
        wanted = await count(connection)
    server = await server_of(live)
    await postgres_copy.make(server, way, wanted, mark_of(live))
    complaint = await _through(scratch, database, server, way["restored"], wanted)
    if complaint:
        looked.word("restored", "no")
        looked.wrong.append(complaint)
        return
    copied_at = recovered.reached.last_commit or asked.manifest.taken_at
    await look(asked, looked, server, way["restored"], wanted, copied_at)


async def _through(
    scratch: ScratchServer, database: str, server: LivePostgres, into: str, wanted: PostgresContents
) -> str:
    """pg_dump of the scratch straight into pg_restore; what stopped it, "" where nothing did."""
    reading, writing = os.pipe()
    try:
        dumping = await asyncio.create_subprocess_exec(
            *scratch.argv("pg_dump", "--format=custom", "--compress=0", *_LEFT_OUT),
            cwd=scratch.cluster.scratch.folder,
            env=scratch.env(database),
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
    except OSError as e:
        os.close(reading)
        raise CouldNotObserve(f"pg_dump could not be started: {e.strerror}") from e
    finally:
        os.close(writing)
    try:
        complaint = await pg_restore.fill(server, into, reading, wanted)
    finally:
        os.close(reading)
        with suppress(TimeoutError):
            await asyncio.wait_for(dumping.wait(), 10)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(dumping.pid, signal.SIGKILL)
        await dumping.wait()
    return complaint or (f"pg_dump ended with {dumping.returncode}" if dumping.returncode else "")


def _empty(folder: Path) -> None:
    """All but the marker by which the place is known."""
    for path in folder.iterdir():
        if path.name == MARKER:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _proven(seen: Seen) -> bool:
    """Whether the backup came up, and nothing that was counted is wrong."""
    counted = [one for one in seen.found if one.quantity is not None and one.quantity.unit == ""]
    words = {one.name: one.word for one in seen.found}
    return words.get("restored") == "yes" and not any(one.quantity and one.quantity.value for one in counted)


def _both(proof: Seen, copy: Seen) -> Seen:
    """What was seen of the backup, and of the copy: where both were counted, what is wrong with either."""
    later = {one.name: one for one in copy.found}
    found = [_worse(one, later.pop(one.name, None)) for one in proof.found] + list(later.values())
    because = copy.because or proof.because
    return replace(proof, found=tuple(found), details=(*copy.details, *proof.details), because=because)


def _worse(one: Measurement, other: Measurement | None) -> Measurement:
    if other is None:
        return one
    if one.quantity is None or other.quantity is None or one.quantity.unit:
        return other
    return other if other.quantity.value >= one.quantity.value else one
