"""The trading service as those who run it see it: health, metrics, logs, and what it leans on when that is down."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest

from deployments.rehearsal.ports import free_port
from deployments.rehearsal.trading.database import Database, DatabaseUnavailable
from deployments.rehearsal.trading.login import Login
from deployments.rehearsal.trading.settings import Settings, SettingsError
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS, trading_build

if TYPE_CHECKING:
    from tests.rehearsal.conftest import Instances, TradingServers

from tests.rehearsal.trader import PASSWORD, Trader, total


def test_an_instance_says_which_build_it_is(client: httpx.Client) -> None:
    """/version reports service, version, instance and exactly the digests of the build; they differ by version."""
    build = trading_build(NEXT)
    digests = {"artifact_digest": build.artifact_digest, "config_digest": build.config_digest}
    assert client.get("/version").json() == {"service": "trading", "version": NEXT, "instance": "one", **digests}
    assert trading_build(NEXT) == build
    previous = trading_build(PREVIOUS)
    assert previous.artifact_digest != build.artifact_digest
    assert previous.config_digest != build.config_digest


def test_prices_come_from_the_cache(client: httpx.Client) -> None:
    """Of several looks within a second only the first computes; the counters say so."""
    hits, misses = total(client, "cache_hits_total"), total(client, "cache_misses_total")
    quoted = {client.get("/api/prices").text for _ in range(12)}
    hits, misses = total(client, "cache_hits_total") - hits, total(client, "cache_misses_total") - misses
    assert hits + misses == 12
    assert len(quoted) <= misses + 1
    assert hits >= 6


def test_a_redis_that_is_down_shows_in_health_and_fails_no_request(instances: Instances) -> None:
    """/health names the component; prices are computed instead."""
    dead = f"redis://127.0.0.1:{free_port()}/0"
    with instances.start(changed={"TRADING_REDIS_URL": dead}).client() as client:
        health = client.get("/health")
        assert health.status_code == 503
        states = {name: component["status"] for name, component in health.json()["components"].items()}
        assert states == {"database": "up", "redis": "down"}
        assert client.get("/ready").status_code == 503
        assert client.get("/api/prices").status_code == 200


def test_a_database_that_is_down_shows_in_health_and_in_answers(instances: Instances) -> None:
    """/health names the component, orders get 503 and not 500, and nothing of the address is told to the client."""
    port = free_port()
    changed = {"TRADING_PG_DSN": f"host=127.0.0.1 port={port} user=app dbname=postgres"}
    with instances.start(changed=changed).client() as client:
        components = client.get("/health").json()["components"]
        assert components["database"]["status"] == "down"
        answer = client.post("/api/login", json={"email": "a@b.test", "password": "x"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert str(port) not in answer.text


def test_a_connection_that_was_cut_is_opened_again(client: httpx.Client, trading_servers: TradingServers) -> None:
    """After the server ends its sessions (a restart, a failover), the next read is answered as if nothing was."""
    trader = Trader(client)
    with psycopg.connect(trading_servers.dsn, autocommit=True) as database:
        cut = database.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'trading'"
        ).fetchone()
    assert cut is not None
    assert cut[0] >= 1
    assert trader.get("/api/orders").status_code == 200


async def test_a_statement_that_hangs_does_not_hold_the_others(trading_servers: TradingServers) -> None:
    """A read behind a lock is given up with `DatabaseUnavailable`; the next uses another connection."""
    database = Database(Login(trading_servers.dsn), statement_timeout_s=0.3)
    with psycopg.connect(trading_servers.dsn) as holder:
        holder.execute("LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseUnavailable):
            await database.read("SELECT count(*) FROM accounts")
        assert await database.read("SELECT 1") == [(1,)]
        holder.rollback()
    assert len(await database.read("SELECT count(*) FROM accounts")) == 1
    await database.close()


def test_metrics_count_business_requests_once_and_probes_never(instances: Instances) -> None:
    """Counter and histogram agree with what was sent; ids are no labels; probes do not dilute the error rate."""
    with instances.start().client() as client:
        trader = Trader(client)
        number = trader.order().json()["id"]
        trader.delete(f"/api/orders/{number}")
        for _ in range(5):
            client.get("/api/prices")
            for probe in ("/health", "/ready", "/version"):
                client.get(probe)
        client.get("/nowhere")
        assert total(client, "http_requests_total", path="/api/prices", status="200", version=NEXT) == 5
        assert total(client, "http_requests_total", path="/api/orders/{id}", method="DELETE") == 1
        assert total(client, "http_requests_total", path="unmatched", status="404") == 1
        assert total(client, "http_requests_total") == 2 + 2 + 5 + 1
        assert total(client, "http_request_duration_seconds_count") == 10
        assert total(client, "orders_placed_total") == 1
        assert 0 < total(client, "process_start_time_seconds") <= time.time()


def test_the_log_is_json_and_holds_no_secret(instances: Instances) -> None:
    """Every line parses and has time, level, message; requests carry their id; no password and no token is in it."""
    one = instances.start()
    with one.client() as client:
        trader = Trader(client)
        client.get("/api/prices", headers={**trader.headers, "X-Request-Id": "journey-9"})
        client.get("/api/prices", headers={"X-Request-Id": "forged\tid"})
    text = one.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert all({"time", "level", "message", "instance", "version"} <= set(line) for line in lines)
    (mine,) = [line for line in lines if line.get("request_id") == "journey-9"]
    assert (mine["path"], mine["status"], mine["level"]) == ("/api/prices", 200, "info")
    assert mine["duration_ms"] > 0
    assert "forged" not in text
    assert PASSWORD not in text
    assert trader.token not in text


def test_an_incomplete_environment_is_refused_with_all_that_is_missing() -> None:
    """Every missing variable is named, and no value is shown."""
    with pytest.raises(SettingsError, match=r"TRADING_ARTIFACT_DIGEST.*TRADING_LOG") as refused:
        Settings.from_environment({"TRADING_VERSION": NEXT, "TRADING_JWT_KEY": "canary"})
    assert "canary" not in str(refused.value)
