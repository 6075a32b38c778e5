"""PostgreSQL's checks, against a real primary and a real standby, healthy and one fault away from it."""

import asyncio
import contextlib
import time
from collections.abc import Iterator

import psutil
import psycopg
import pytest
from pydantic import SecretStr, ValidationError

from tasks.checks.postgres import Health, StreamingReplicas
from tests.conftest import Estates, PostgresServer
from tminus.outcome import Outcome, Verdict

HEALTHY = {"streaming": ">= 1", "lag": "< 2 s", "lag_bytes": "< 16 MB"}


async def replicas(estates: Estates, dsn: SecretStr, **expect: str) -> Outcome:
    """The outcome of the replication check for a server."""
    check = StreamingReplicas.model_validate({"database": "main", "expect": expect or HEALTHY})
    async with estates.make(postgres={"main": {"dsn": estates.secret(dsn)}}) as estate:
        return await check.observe(estate)


async def health(estates: Estates, dsn: SecretStr, **expect: str) -> Outcome:
    """The outcome of the health check for a server."""
    check = Health.model_validate({"database": "main", "expect": expect})
    async with estates.make(postgres={"main": {"dsn": estates.secret(dsn)}}) as estate:
        return await check.observe(estate)


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stops a process and all it started (SIGSTOP) for the length of the block."""
    stopped = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in stopped:
        process.suspend()
    try:
        yield
    finally:
        for process in reversed(stopped):
            process.resume()


@contextlib.contextmanager
def replay_paused(pair: PostgresServer) -> Iterator[None]:
    """The standby takes everything and replays nothing."""
    standby = pair.at.address.dsn("postgres", standby=True).get_secret_value()
    with psycopg.connect(standby, autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
        while connection.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() != ("paused",):
            time.sleep(0.01)
        try:
            yield
        finally:
            connection.execute("SELECT pg_wal_replay_resume()")


async def test_a_standby_that_follows_passes(estates: Estates, postgres_pair: PostgresServer) -> None:
    """One streaming standby, with a lag in milliseconds and bytes, and its name in the evidence."""
    outcome = await replicas(estates, postgres_pair.dsn)
    assert outcome.verdict is Verdict.PASS, outcome.summary
    assert "standby standby at 127.0.0.1" in outcome.details[0]
    assert {found.name: found.of for found in outcome.found} == {"streaming": 1, "lag": None, "lag_bytes": None}


async def test_an_idle_pair_has_no_lag_to_speak_of(estates: Estates, postgres_pair: PostgresServer) -> None:
    """Where nothing was written for a while PostgreSQL gives no lag; that never counts as unknown or as behind."""
    assert (await replicas(estates, postgres_pair.dsn)).verdict is Verdict.PASS
    assert (await replicas(estates, postgres_pair.dsn, streaming="= 1", lag_bytes="< 1 kB")).verdict is Verdict.PASS


async def test_no_standby_fails(estates: Estates, postgres_server: PostgresServer) -> None:
    """A primary that nobody follows fails, also where a lag is expected besides."""
    outcome = await replicas(estates, postgres_server.dsn)
    assert outcome.verdict is Verdict.FAIL
    assert "streaming 0 of 0, expected >= 1" in outcome.summary


async def test_a_standby_frozen_without_closing_its_connection_fails(
    estates: Estates, postgres_pair: PostgresServer
) -> None:
    """PostgreSQL goes on saying `streaming`; a standby that does not take a heartbeat is not counted all the same."""
    with frozen(postgres_pair.children[1].pid):
        outcome = await replicas(estates, postgres_pair.dsn)
    assert outcome.verdict is Verdict.FAIL
    assert "streaming 0 of 1" in outcome.summary
    assert "did not take a heartbeat" in outcome.details[0]


async def test_a_standby_that_replays_nothing_is_behind(estates: Estates, postgres_pair: PostgresServer) -> None:
    """With replay paused the standby streams, and its lag shows."""
    with replay_paused(postgres_pair):
        with postgres_pair.connect() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS filler AS SELECT repeat('x', 900) FROM generate_series(1, 3000)"
            )
            connection.execute("DROP TABLE filler")
        outcome = await replicas(estates, postgres_pair.dsn, streaming="= 1", lag="< 1 s", lag_bytes="< 1 MB")
    assert outcome.verdict is Verdict.FAIL
    assert "streaming" not in outcome.summary
    assert "expected < 1 s" in outcome.summary
    assert "expected < 1 MB" in outcome.summary


async def test_a_standby_cannot_be_asked_who_follows_it(estates: Estates, postgres_pair: PostgresServer) -> None:
    """A dsn that leads to the standby is unknown, and says where it should lead."""
    outcome = await replicas(estates, postgres_pair.at.address.dsn("tminus", standby=True))
    assert outcome.verdict is Verdict.UNKNOWN
    assert "point its dsn at the primary" in outcome.summary


async def test_a_role_that_may_not_look_is_unknown(estates: Estates, postgres_pair: PostgresServer) -> None:
    """Without pg_monitor PostgreSQL shows no standby: that is not the same as there being none."""
    outcome = await replicas(estates, postgres_pair.at.address.dsn("trading"))
    assert outcome.verdict is Verdict.UNKNOWN
    assert "GRANT pg_monitor" in outcome.summary


async def test_a_server_that_is_down_is_unknown(estates: Estates, postgres_server: PostgresServer) -> None:
    """Neither check says anything but unknown of a server that does not answer, and neither shows the password."""
    nowhere = postgres_server.dsn.get_secret_value().replace(f":{postgres_server.at.address.port}/", ":1/")
    for outcome in (
        await replicas(estates, SecretStr(nowhere)),
        await health(estates, SecretStr(nowhere), writable="= yes"),
    ):
        assert outcome.verdict is Verdict.UNKNOWN
        password = postgres_server.at.address.passwords["tminus"].get_secret_value()
        assert password not in outcome.model_dump_json()


async def test_a_database_that_is_not_named_is_skipped(estates: Estates) -> None:
    """An environment without that database leads to skipped, which is not a pass."""
    check = StreamingReplicas.model_validate({"database": "main", "expect": HEALTHY})
    async with estates.make() as estate:
        assert (await check.observe(estate)).verdict is Verdict.SKIPPED


def test_a_lag_alone_cannot_be_expected() -> None:
    """A book that asks for the lag, but not for anyone to have one, is refused."""
    with pytest.raises(ValidationError, match="a standby that is gone has no lag"):
        StreamingReplicas.model_validate({"database": "main", "expect": {"lag": "< 1 s"}})


async def test_a_healthy_database_passes(estates: Estates, postgres_server: PostgresServer) -> None:
    """It takes writes, has room for connections, and no transaction hangs about."""
    outcome = await health(
        estates, postgres_server.dsn, connections_used="< 80 %", writable="= yes", longest_transaction="< 60 s"
    )
    assert outcome.verdict is Verdict.PASS, outcome.summary


async def test_looking_leaves_no_row_behind(estates: Estates, postgres_server: PostgresServer) -> None:
    """The proof that writes work makes no table and no row."""
    rows = "SELECT relid, n_tup_ins FROM pg_stat_user_tables ORDER BY relid"
    with postgres_server.connect() as connection:
        before = connection.execute(rows).fetchall()
        await health(estates, postgres_server.dsn, writable="= yes")
        connection.execute("SELECT pg_stat_clear_snapshot()")
        assert connection.execute(rows).fetchall() == before


async def test_a_standby_is_not_writable(estates: Estates, postgres_pair: PostgresServer) -> None:
    """A database in recovery answers, and takes no writes."""
    outcome = await health(estates, postgres_pair.at.address.dsn("tminus", standby=True), writable="= yes")
    assert outcome.verdict is Verdict.FAIL
    assert "it is a standby" in outcome.summary


async def test_a_database_set_to_read_only_is_not_writable(estates: Estates, postgres_server: PostgresServer) -> None:
    """A primary can be told to take no writes."""
    with postgres_server.connect() as connection:
        connection.execute("ALTER ROLE tminus SET default_transaction_read_only = on")
        try:
            outcome = await health(estates, postgres_server.dsn, writable="= yes")
        finally:
            connection.execute("ALTER ROLE tminus RESET default_transaction_read_only")
    assert outcome.verdict is Verdict.FAIL
    assert "default_transaction_read_only" in outcome.summary


async def test_a_synchronous_standby_that_is_gone_stops_writes(
    estates: Estates, postgres_server: PostgresServer
) -> None:
    """A commit that waits for a standby which is not there is no durable commit."""
    with postgres_server.connect() as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
        connection.execute("SELECT pg_reload_conf()")
        await asyncio.sleep(0.2)
        try:
            outcome = await health(estates, postgres_server.dsn, writable="= yes")
        finally:
            connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            connection.execute("SELECT pg_reload_conf()")
    assert outcome.verdict is Verdict.FAIL
    assert "synchronous_standby_names" in outcome.summary


async def test_a_transaction_left_open_and_many_connections_fail(
    estates: Estates, postgres_server: PostgresServer
) -> None:
    """One session that holds a transaction, and a limit lower than what is open, are both found."""
    dsn = postgres_server.at.address.dsn("trading").get_secret_value()
    with psycopg.connect(dsn) as idle:
        idle.execute("SELECT 1")
        await asyncio.sleep(0.3)
        held = await health(estates, postgres_server.dsn, longest_transaction="< 200 ms")
        full = await health(estates, postgres_server.dsn, connections_used="< 1 %")
    assert held.verdict is Verdict.FAIL
    assert full.verdict is Verdict.FAIL


async def test_a_health_check_that_may_not_see_sessions_is_unknown(
    estates: Estates, postgres_server: PostgresServer
) -> None:
    """A role that sees only its own sessions would count one connection and no transaction."""
    dsn = postgres_server.at.address.dsn("trading")
    assert (await health(estates, dsn, connections_used="< 80 %")).verdict is Verdict.UNKNOWN
