"""Restores a dump into a scratch PostgreSQL by pg_restore, and tells as it goes which tables are through."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tasks.backups.damage import Damaged
from tasks.backups.postgres_server import ScratchServer
from tasks.backups.restore_progress import Progress
from tminus.backups.contents import PostgresContents
from tminus.errors import CouldNotObserve

_CHUNK = 1 << 16  # bytes
_LONGEST = 1 << 16  # characters of a line that are looked at
# What would reach outside, or needs what the scratch does not have.
_LEFT_OUT = ("--no-subscriptions", "--no-tablespaces", "--no-security-labels")
_DATABASES = "SELECT datname FROM pg_database WHERE datname NOT IN ('template0', 'template1') ORDER BY oid"


@dataclass(frozen=True)
class Restored:
    """pg_restore is through.

    Attributes:
        database: what the restored database is called.
        errors: how many statements failed.
        complaints: the first of them.
    """

    database: str
    errors: int
    complaints: tuple[str, ...]


async def restore(
    server: ScratchServer,
    dump: Path,
    wanted: PostgresContents,
    jobs: int,
    tell: Callable[[Progress, list[str]], None],
) -> Restored:
    """Restores a dump with its owners and privileges, as a database of the name that it had.

    Args:
        server: the scratch; nothing is restored onto a server that is not marked as it.
        dump: in pg_dump's custom format, and ours: what is in it is run by a superuser.
        wanted: what the manifest says was in it: roles are the cluster's, and no dump has them.
        jobs: how many at once.
        tell: called with each line that pg_restore prints: the progress, and the tables that are through now.

    Raises Damaged where no database comes of it, CouldNotObserve where this machine lacks what it would need.
    """
    await server.require_scratch()
    await _make_roles(server, wanted)
    progress = Progress(set(_names(wanted)))
    status = await _run(server, dump, jobs, progress, tell)
    if progress.lacks:
        raise CouldNotObserve(f"this machine cannot restore it: {progress.lacks}")
    if status < 0:
        raise CouldNotObserve(f"pg_restore was ended by signal {-status} before it was through")
    databases = await _databases(server)
    if len(databases) != 1:
        said = "; ".join(progress.complaints[:2]) or f"status {status}"
        made = "no database" if not databases else f"{len(databases)} databases"
        raise Damaged(f"pg_restore made {made} of it: {said}")
    return Restored(databases[0], max(progress.errors, 1 if status else 0), tuple(progress.complaints))


async def _make_roles(server: ScratchServer, wanted: PostgresContents) -> None:
    """The roles that own or may do anything, none of which can log in.

    Whoever may hand on a privilege is a superuser here: several jobs of pg_restore restore grants in no order, and what
    a role that is none hands on before it has its own privileges, is refused.
    """
    from psycopg import sql

    grantors = set(_grantors(wanted))
    async with server.connect("template1") as connection:
        await connection.execute("DROP DATABASE IF EXISTS postgres")  # initdb's; the backup may be of one so called
        for line in wanted.schema_lines.get("roles", ()):
            quoted, _, attributes = line.partition(": ")
            name = quoted[1:-1].replace('""', '"') if quoted.startswith('"') else quoted
            rights = "SUPERUSER" if quoted in grantors or attributes.startswith("superuser") else "NOSUPERUSER"
            if name != server.cluster.superuser:
                await connection.execute(
                    sql.SQL("CREATE ROLE {} NOLOGIN {}").format(sql.Identifier(name), sql.SQL(rights))
                )


def _grantors(wanted: PostgresContents) -> Iterator[str]:
    """Lines of privileges are `what to WHOM: PRIVILEGE, PRIVILEGE*`, with an asterisk where they may be handed on."""
    for line in wanted.schema_lines.get("privileges", ()):
        granted, _, privileges = line.rpartition(": ")
        if "*" in privileges:
            yield granted.rpartition(" to ")[2]


async def _run(
    server: ScratchServer, dump: Path, jobs: int, progress: Progress, tell: Callable[[Progress, list[str]], None]
) -> int:
    arguments = ["--verbose", "--create", "--no-password", f"--jobs={jobs}", *_LEFT_OUT, "--dbname=template1"]
    try:
        process = await asyncio.create_subprocess_exec(
            *server.argv("pg_restore", *arguments, str(dump)),
            cwd=server.cluster.scratch.folder,
            env=server.env("template1"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            process_group=0,
        )
    except OSError as e:
        raise CouldNotObserve(f"pg_restore could not be started: {e.strerror}") from e
    try:
        if process.stderr is not None:
            async for line in _lines(process.stderr):
                tell(progress, progress.feed(line))
        return await process.wait()
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Whole lines; of one that is longer than anything it says, only the beginning."""
    rest = b""
    while chunk := await stream.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[:_LONGEST]
        for line in lines:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


async def _databases(server: ScratchServer) -> list[str]:
    async with server.connect("template1") as connection:
        rows = await (await connection.execute(_DATABASES)).fetchall()
    return [str(name) for (name,) in rows]


def _names(wanted: PostgresContents) -> Iterator[str]:
    """The names of objects, as pg_restore quotes them: alone."""
    for section in wanted.schema_lines.values():
        for line in section:
            identity = line.partition(":")[0]
            yield identity
            yield from (part.strip('"') for part in identity.replace(" ", ".").split("."))
