"""A database brought back to an instant that no backup is of: from a base backup and the WAL since."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrage
import pytest
from pydantic import SecretStr

from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Processes
from flows import restore_beside
from flows.restoring import patience, restored
from tasks.backups.wal_archive import WalArchive
from tests.conftest import Estates, PostgresServer, S3Server
from tests.flows.restores.desk import STORE, Desk
from tests.tasks.backups.base.world import STORE as BOOK
from tests.tasks.backups.base.world import World, make_tables
from tminus import events as ev

DOCUMENTS = 400
INVARIANT = {
    "title": "no document is lost",
    "sql": "SELECT count(*) FROM documents",
    "expect": f"= {DOCUMENTS}",
}


@pytest.fixture
def world(estates: Estates, s3_server: S3Server, tmp_path: Path) -> Iterator[World]:
    """A live server that archives its WAL."""
    server = Postgres.plan(tmp_path / "live", standby=False)
    with Processes() as processes:
        running = PostgresServer(server, tuple(server.start(processes)))
        make_tables(server.address.dsn("postgres").get_secret_value())
        yield World(running, s3_server, estates, pyrage.x25519.Identity.generate())


@pytest.fixture
def desk(world: World, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """With one base backup."""
    secret, folder = world.estates.secret, world.estates.folder
    bucket = world.s3.section(secret, f"instants/{folder.name}")
    environment: dict[str, object] = {
        "environment": "test",
        "kind": "rehearsal",
        "prefect": {"api": "http://127.0.0.1:1/api"},
        "allows": ["none", "probe"],
        "postgres": {"main": {"dsn": secret(world.server.dsn), "restorer": secret(SecretStr(world.dsn))}},
        "buckets": {"backups": {name: str(value) for name, value in bucket.items()}},
        "backups": {
            "recipients": list(world.recipients),
            "identity": secret(SecretStr(str(world.identity))),
            "scratch": str(folder / "scratch"),
        },
    }
    asked = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'trading'"
    halted = {"check": "sql.query", "with": {"database": "main", "query": asked}, "expect": {"value": "= 0"}}
    made = Desk(folder)
    made.set(BOOK.model_dump(mode="json") | {"invariants": [INVARIANT]}, environment, halted)
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{folder / 'ledger.db'}")
    taken = made.say("backup", STORE, *made.files)
    assert taken.exit_code == 0, taken.output
    return made


def documents(world: World) -> int:
    """How many are live."""
    with world.server.connect() as connection:
        row = connection.execute("SELECT count(*) FROM documents").fetchone()
    return int(str(row[0])) if row else 0


def pump(world: World, desk: Desk, but: str) -> None:
    """Puts what the server has archived into the bucket, as `tminus archive-wal` does, but for one segment."""
    archive = WalArchive.open(desk.opened().environment, "backups", "wal")
    for path in sorted((world.server.at.folder / "archive").iterdir()):
        if "." not in path.name and path.name != but:
            archive.put(path, world.recipients)


@pytest.mark.long
def test_to_the_very_instant(world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written after the backup and before the instant is there, and what was removed after it too.

    What came after it, the incident that breaks an invariant and a gap in the WAL, does not stand in the way.
    """
    within = []

    async def watched(*some: Any, **named: Any) -> object:
        within.append(named["within"])
        return await restored(*some, **named)

    monkeypatch.setattr(restore_beside, "restored", watched)
    marked = world.mark()
    time.sleep(0.2)
    instant = datetime.now(UTC)
    time.sleep(0.2)
    with world.server.connect() as connection:
        connection.execute("DELETE FROM documents WHERE id <= 100")
    world.switch()
    lost = world.switch()
    world.switch()
    pump(world, desk, but=lost)

    told = desk.restore(STORE, instant.isoformat(), "--dry-run")
    assert "loses     0 s between there and the instant asked" in told.output, told.output
    chain = desk.asked(instant=instant)
    assert desk.approved(chain).exit_code == 0
    done = desk.restore("--resume")
    assert done.exit_code == 0, done.output
    assert within == [3 * patience(BOOK)]
    assert documents(world) == DOCUMENTS
    [ended] = [one for one in desk.events(chain) if isinstance(one, ev.RestoreEnded)]
    assert ended.reached is not None
    assert marked <= ended.reached <= instant
    assert f"its last commit of {ended.reached:%Y-%m-%d %H:%M:%S} UTC" in done.output
    with world.server.connect() as connection:
        row = connection.execute("SELECT max(at) FROM tminus.marker").fetchone()
    assert row == (marked,)
    assert not list((desk.folder / "scratch").iterdir())

    assert desk.restore(STORE, "--undo", "--yes", key="lead").exit_code == 0
    assert documents(world) == DOCUMENTS - 100


@pytest.mark.long
def test_an_instant_that_the_archive_does_not_reach(world: World, desk: Desk) -> None:
    """It is not switched, and says how far the WAL goes."""
    chain = desk.asked()
    assert desk.approved(chain).exit_code == 0
    done = desk.restore("--resume")
    assert done.exit_code == 1
    assert "the newest segment in the archive" in done.output
    assert documents(world) == DOCUMENTS
    assert desk.holder() is None
    [ended] = [one for one in desk.events(chain) if isinstance(one, ev.RestoreEnded)]
    assert not ended.done
