"""What a restore costs by itself: S3, age and pg_restore, nothing of tminus between, into the same scratch server."""

import asyncio
import os
import subprocess
import threading
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

import pyrage

from bench.backups_data import recorded
from tasks.backups.asked import Asked
from tasks.backups.postgres_cluster import cluster, make, own
from tasks.backups.postgres_server import ScratchServer, run
from tasks.backups.scratch import make_scratch, remove_scratch
from tminus.credentials import resolve
from tminus.systems.stores import Postgres

_ROLES = ("postgres", "trading", "tminus")  # of the live server: what a dump grants to them, pg_restore grants again


async def bare_restore(asked: Asked, jobs: int) -> float:
    """Seconds from no folder until it is gone again, as of a verification: by a pipe with one job, else from a file."""
    began = perf_counter()
    make_scratch(asked.scratch, "bench")
    try:
        planned = cluster(asked.scratch, Postgres(dsn="env:NONE"), 18)
        path = asked.scratch.folder / "dump"
        fetching = asyncio.create_task(asyncio.to_thread(_into_file, asked, path)) if jobs > 1 else None
        await make(planned)
        async with run(planned) as server:
            await _make_roles(server)
            if fetching is not None:
                await fetching
                own(planned, path)
                await asyncio.to_thread(_restore, server, [f"--jobs={jobs}", str(path)])
            else:
                await asyncio.to_thread(_through_pipe, asked, server)
    finally:
        remove_scratch(recorded(asked), "bench")
    return perf_counter() - began


async def _make_roles(server: ScratchServer) -> None:
    async with server.connect("template1") as connection:
        for role in _ROLES:
            await connection.execute(f"CREATE ROLE {role} SUPERUSER".encode())


def _restore(server: ScratchServer, words: list[str], source: int | None = None) -> None:
    argv = server.argv("pg_restore", "--create", "--no-password", "--dbname=template1", *words)
    folder, env = server.cluster.scratch.folder, server.env("template1")
    subprocess.run(argv, stdin=source or subprocess.DEVNULL, check=True, cwd=folder, env=env, capture_output=True)


def _through_pipe(asked: Asked, server: ScratchServer) -> None:
    reading, writing = os.pipe()
    thread = threading.Thread(target=_into_pipe, args=(asked, writing))
    thread.start()
    try:
        _restore(server, [], reading)
    finally:
        os.close(reading)
        thread.join()


def _into_pipe(asked: Asked, writing: int) -> None:
    with os.fdopen(writing, "wb", buffering=1 << 20) as pipe:
        _fetch(asked, pipe)


def _into_file(asked: Asked, path: Path) -> None:
    with path.open("wb") as file:
        _fetch(asked, file)


def _fetch(asked: Asked, into: BinaryIO) -> None:
    client, section = asked.estate.s3("backups")
    settings = asked.estate.environment.backups
    assert settings is not None
    assert settings.identity is not None
    key = pyrage.x25519.Identity.from_str(resolve(settings.identity).get_secret_value())
    body = client.get_object(Bucket=section.bucket, Key=asked.manifest.files[0].key)["Body"]
    pyrage.decrypt_io(body, into, [key])
