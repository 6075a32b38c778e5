"""pg_restore into a database of a live server: it reads an open file or a pipe, and stops at its first error."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from tasks.backups.postgres_cluster import mortal
from tasks.backups.restore_progress import Progress
from tasks.pg_tools import connection_for, find_tool
from tasks.restores.live_postgres import LivePostgres
from tminus.backups.contents import PostgresContents
from tminus.errors import ActionFailed, CouldNotObserve


async def fill(server: LivePostgres, database: str, dump: int, wanted: PostgresContents) -> str:
    """Restores until something cannot be done, and says what; "" where all was.

    Args:
        server: whose superuser runs what is in the dump, so it must be known to be ours.
        database: a new one.
        dump: the number of an open file or pipe.
        wanted: what the manifest says was in it.

    Raises CouldNotObserve.
    """
    from psycopg.conninfo import make_conninfo

    async with server.connect() as connection:
        major = connection.info.server_version // 10000
    try:
        tool = await asyncio.to_thread(find_tool, "pg_restore", server.section, major)
        access = connection_for(server.dsn)
    except ActionFailed as e:
        raise CouldNotObserve(str(e)) from e
    where = make_conninfo(access.conninfo, dbname=database)
    # A restored subscription would at once take changes from elsewhere.
    options = ("--no-password", "--exit-on-error", "--no-subscriptions", f"--dbname={where}")
    progress = Progress(_names(wanted))
    status = await _run([*mortal("KILL"), str(tool.path), *options], access.env, dump, progress)
    if progress.lacks:
        raise CouldNotObserve(f"the live server cannot take it: {progress.lacks}")
    if status < 0:
        raise CouldNotObserve(f"pg_restore was ended by signal {-status} before it was through")
    return next(iter(progress.complaints), f"status {status}") if status else ""


async def _run(argv: Sequence[str], env: dict[str, str], dump: int, progress: Progress) -> int:
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env={**env, "LC_ALL": "C", "PGAPPNAME": "tminus"},
            stdin=dump,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            process_group=0,
        )
    except OSError as e:
        raise CouldNotObserve(f"pg_restore could not be started: {e.strerror}") from e
    try:
        _, said = await process.communicate()
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    for line in said.decode(errors="replace").splitlines():
        progress.feed(line)
    return process.returncode or 0


def _names(wanted: PostgresContents) -> set[str]:
    """What may be shown of what pg_restore quotes: names of objects, and never what is in them."""
    lines = [line.partition(":")[0] for section in wanted.schema_lines.values() for line in section]
    parts = (part.strip('"') for line in lines for part in line.replace(" ", ".").split("."))
    return {*lines, *parts}
