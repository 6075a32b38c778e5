"""Redis' check, against a real primary and replica, healthy and one fault away from it."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis
from pydantic import SecretStr, ValidationError

from deployments.rehearsal.processes import Processes
from deployments.rehearsal.redis_servers import Redis
from tasks.checks.redis import Replication
from tests.conftest import Estates, RedisServer
from tminus.outcome import Outcome, Verdict

HEALTHY = {
    "replicas": "= all",
    "role": "= primary",
    "lag": "< 2 s",
    "lag_bytes": "< 1 MB",
    "persistence": "= aof",
    "used_memory": "< 1 GB",
}


async def replication(estates: Estates, url: SecretStr, **expect: str) -> Outcome:
    """The outcome of the check for a server."""
    check = Replication.model_validate({"redis": "cache", "expect": expect or HEALTHY})
    async with estates.make(redis={"cache": {"url": estates.secret(url)}}) as estate:
        return await check.observe(estate)


def admin(url: SecretStr) -> "redis.Redis":
    """A client that may change settings."""
    return redis.Redis.from_url(url.get_secret_value(), decode_responses=True)


@contextlib.contextmanager
def setting(url: SecretStr, name: str, value: str) -> Iterator[None]:
    """A setting changed for the length of the block."""
    with admin(url) as client:
        before = client.config_get(name)[name]
        client.config_set(name, value)
        try:
            yield
        finally:
            client.config_set(name, before)


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[RedisServer]:
    """A primary that nobody follows."""
    server = Redis.plan(tmp_path / "redis", replica=False)
    with Processes() as processes:
        yield RedisServer(server, tuple(server.start(processes)))


async def test_a_replica_that_follows_passes(estates: Estates, redis_pair: RedisServer) -> None:
    """One replica online, acknowledging what is written, and an append-only file."""
    with admin(redis_pair.dsn) as client:
        client.set("price", "100")
    outcome = await replication(estates, redis_pair.dsn)
    assert outcome.verdict is Verdict.PASS, outcome.summary


async def test_no_replica_fails(estates: Estates, lonely: RedisServer) -> None:
    """A primary without a replica fails, also where a lag is expected besides."""
    outcome = await replication(estates, lonely.dsn, replicas=">= 1", lag="< 1 h")
    assert outcome.verdict is Verdict.FAIL
    assert "replicas 0" in outcome.summary


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stops a process (SIGSTOP) for the length of the block."""
    process = psutil.Process(pid)
    process.suspend()
    try:
        yield
    finally:
        process.resume()


async def test_a_frozen_replica_does_not_count(estates: Estates, redis_pair: RedisServer) -> None:
    """Redis goes on calling it online, and nothing is written that it could miss; it does not follow all the same."""
    with admin(redis_pair.dsn) as client:
        while (info := client.info("replication"))["slave0"]["offset"] < info["master_repl_offset"]:
            await asyncio.sleep(0.02)
    with frozen(redis_pair.children[1].pid):
        outcome = await replication(estates, redis_pair.dsn, replicas=">= 1", lag="< 5 s")
    assert outcome.verdict is Verdict.FAIL
    assert "replicas 0 of 1, expected >= 1" in outcome.summary


async def test_what_a_replica_misses_is_counted(estates: Estates, redis_pair: RedisServer) -> None:
    """Written while the replica stood still, and not acknowledged: these are the bytes that a failover would lose."""
    with frozen(redis_pair.children[1].pid):
        with admin(redis_pair.dsn) as client:
            client.set("book", "x" * 200_000)
        outcome = await replication(estates, redis_pair.dsn, replicas=">= 0", lag_bytes="< 100 kB")
    assert outcome.verdict is Verdict.FAIL
    assert "lag_bytes 200" in outcome.summary


async def test_looking_leaves_no_key_behind(estates: Estates, redis_pair: RedisServer) -> None:
    """The heartbeat is no data."""
    with admin(redis_pair.dsn) as client:
        before = client.dbsize()
        await replication(estates, redis_pair.dsn)
        assert client.dbsize() == before


async def test_a_replica_is_not_the_primary(estates: Estates, redis_pair: RedisServer) -> None:
    """A URL that leads to the replica fails by its role."""
    outcome = await replication(estates, redis_pair.at.address.dsn(replica=True), role="= primary")
    assert outcome.verdict is Verdict.FAIL
    assert "role replica" in outcome.summary


async def test_persistence_is_what_would_survive_a_restart(estates: Estates, redis_pair: RedisServer) -> None:
    """Snapshots alone are `rdb`; neither snapshots nor an append-only file is `none`."""
    with setting(redis_pair.dsn, "appendonly", "no"), setting(redis_pair.dsn, "save", "900 1"):
        snapshots = await replication(estates, redis_pair.dsn, persistence="= rdb")
        wanted = await replication(estates, redis_pair.dsn, persistence="= aof")
    with setting(redis_pair.dsn, "appendonly", "no"), setting(redis_pair.dsn, "save", ""):
        nothing = await replication(estates, redis_pair.dsn, persistence="!= none")
    assert snapshots.verdict is Verdict.PASS
    assert wanted.verdict is Verdict.FAIL
    assert nothing.verdict is Verdict.FAIL


async def test_a_snapshot_that_failed_is_no_persistence(estates: Estates, lonely: RedisServer) -> None:
    """A Redis whose last snapshot did not succeed is `failing`, whatever is configured."""
    with admin(lonely.dsn) as client:
        (lonely.at.folder / "primary" / "dump.rdb").mkdir()
        with contextlib.suppress(redis.ResponseError):
            client.execute_command("BGSAVE")
        while client.info("persistence")["rdb_bgsave_in_progress"]:
            pass
    outcome = await replication(estates, lonely.dsn, persistence="= aof")
    assert outcome.verdict is Verdict.FAIL
    assert "failing" in outcome.summary


async def test_a_redis_that_is_down_or_refuses_is_unknown(estates: Estates, redis_pair: RedisServer) -> None:
    """No server, and a wrong password, are both unknown; the password is not shown."""
    right = redis_pair.dsn.get_secret_value()
    wrong = right.replace(redis_pair.at.address.password.get_secret_value(), "not-the-password")
    nowhere = right.replace(f":{redis_pair.at.address.port}/", ":1/")
    for url in (wrong, nowhere):
        outcome = await replication(estates, SecretStr(url))
        assert outcome.verdict is Verdict.UNKNOWN
        assert redis_pair.at.address.password.get_secret_value() not in outcome.model_dump_json()


def test_a_lag_alone_cannot_be_expected() -> None:
    """A book that asks for the lag, but not for any replica, is refused."""
    with pytest.raises(ValidationError, match="how many `replicas`"):
        Replication.model_validate({"redis": "cache", "expect": {"lag": "< 1 s"}})
