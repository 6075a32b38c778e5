"""Taking a base backup leaves the live server as it was; how that is set up does not matter to a restored copy."""

import asyncio
import time
from pathlib import Path

import psycopg
import pytest

from deployments.rehearsal.binaries import postgres_folder
from tests.tasks.backups.base.world import World
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict

_TOOLS = ("pg_basebackup", "pg_receivewal")


async def test_no_secret_is_in_a_command_line_and_no_slot_is_left(world: World, tmp_path: Path) -> None:
    """A slot that nobody reads would fill the live server's disk."""
    said = tmp_path / "said"
    for name in _TOOLS:
        script = tmp_path / name
        script.write_text(f'#!/bin/sh\necho "$0 $@" >> {said}\nexec {postgres_folder() / name} "$@"\n')
        script.chmod(0o755)
    await world.take("main-argv", tmp_path)
    lines = said.read_text()
    assert all(name in lines for name in _TOOLS)
    for secret in (world.server.dsn.get_secret_value(), str(world.identity)):
        assert secret not in lines
    assert world.server.at.address.passwords["tminus"].get_secret_value() not in lines
    with psycopg.connect(world.dsn, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM pg_replication_slots WHERE NOT temporary").fetchone() == (0,)
        until = time.monotonic() + 30  # a temporary one goes with its session, which ends a moment after pg_basebackup
        while connection.execute("SELECT count(*) FROM pg_replication_slots").fetchone() != (0,):
            assert time.monotonic() < until, "a slot was left"
            await asyncio.sleep(0.02)


@pytest.mark.long
async def test_settings_of_the_live_server_do_not_matter(world: World) -> None:
    """Libraries that are not here, a command that would fail, another place for its files: none is read."""
    settings = {
        "shared_preload_libraries": "'no_such_library'",
        "restore_command": "'exit 255'",
        "recovery_end_command": "'exit 1'",
        "hba_file": "'/nowhere/pg_hba.conf'",
        "max_connections": "250",
    }
    world.mark()
    with psycopg.connect(world.dsn, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(f"ALTER SYSTEM SET {name} = {value}".encode())
        try:
            manifest = await world.take("main-settings")
        finally:
            connection.execute("ALTER SYSTEM RESET ALL")
    outcome, seen = await world.verify(manifest)
    assert outcome.verdict is Verdict.PASS, (outcome.summary, seen.details)


async def test_tablespaces_are_refused_before_anything_is_read(world: World, tmp_path: Path) -> None:
    """By name of what to do instead."""
    place = world.server.at.folder / "elsewhere"
    place.mkdir()
    with psycopg.connect(world.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE elsewhere LOCATION '{place}'".encode())
        try:
            with pytest.raises(CouldNotObserve, match="tablespaces"):
                await world.take("main-tablespace")
        finally:
            connection.execute("DROP TABLESPACE elsewhere")
