"""The trading service: what customers and probes see, in health and with each fault."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import jwt
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import connect

from deployments.rehearsal.fault_file import FaultFile, FaultFileError, ServiceFaults, parse, write_faults
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.trading.database import Database, DatabaseUnavailable
from deployments.rehearsal.trading.rate_limit import RateLimit
from deployments.rehearsal.trading.settings import Settings, SettingsError
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS, trading_build
from deployments.rehearsal.trading_schema import seed_trading_rows

if TYPE_CHECKING:
    from tests.rehearsal.conftest import Instance, Instances, TradingServers


PASSWORD = "a password that must not be logged"


class Trader:
    """A customer with a synthetic account, logged in."""

    def __init__(self, client: httpx.Client, *, synthetic: bool = True) -> None:
        self.client = client
        self.email = f"{uuid4().hex}@synthetic.test"
        account = {"email": self.email, "password": PASSWORD, "synthetic": synthetic}
        created = client.post("/api/accounts", json=account)
        assert created.status_code == 201, created.text
        self.account = created.json()["id"]
        login = client.post("/api/login", json={"email": self.email, "password": PASSWORD})
        assert login.status_code == 200, login.text
        self.token = login.json()["token"]
        self.headers = {"Authorization": f"Bearer {self.token}"}

    def order(self, symbol: str = "EURUSD", quantity: str = "3") -> httpx.Response:
        """Place a buy order."""
        body = {"symbol": symbol, "side": "buy", "quantity": quantity}
        return self.client.post("/api/orders", json=body, headers=self.headers)

    def get(self, path: str) -> httpx.Response:
        """Ask in its own name."""
        return self.client.get(path, headers=self.headers)

    def delete(self, path: str) -> httpx.Response:
        """Delete in its own name."""
        return self.client.delete(path, headers=self.headers)


def samples(client: httpx.Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of /metrics by name and sorted labels, read by Prometheus' own client library."""
    text = client.get("/metrics").text
    families = text_string_to_metric_families(text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def total(client: httpx.Client, name: str, **labels: str) -> float:
    """Sum of the samples called `name` that carry these labels."""
    found = samples(client).items()
    return sum(value for (one, pairs), value in found if one == name and labels.items() <= dict(pairs).items())


def wait_for_status(client: httpx.Client, path: str, status: int) -> None:
    """Ask until it answers so; the test's time limit is ten seconds."""
    deadline = time.monotonic() + 10
    while client.get(path).status_code != status:
        assert time.monotonic() < deadline, f"{path} never answered {status}"
        time.sleep(0.02)


@pytest.fixture
def client(healthy: Instance) -> Iterator[httpx.Client]:
    """A client of one healthy instance of the new version."""
    with healthy.client() as client:
        yield client


def test_a_synthetic_account_trades_and_leaves_no_row_behind(
    client: httpx.Client, trading_servers: TradingServers
) -> None:
    """Create, log in, place, list, portfolio, cancel; deleting the account removes it with orders and journal."""
    trader = Trader(client)
    order = trader.order("XAUUSD", "2.5")
    assert order.status_code == 201, order.text
    number = order.json()["id"]
    assert trader.get("/api/portfolio").json()["positions"][0]["quantity"] == "2.5000"
    assert [one["id"] for one in trader.get("/api/orders").json()["orders"]] == [number]
    assert trader.delete(f"/api/orders/{number}").json() == {"id": number, "status": "cancelled"}
    assert trader.delete(f"/api/orders/{number}").status_code == 409
    assert trader.get("/api/portfolio").json()["positions"] == []
    with psycopg.connect(trading_servers.dsn, autocommit=True) as database:
        journal = "SELECT entry FROM journal WHERE account_id = %s ORDER BY id"
        assert database.execute(journal, (trader.account,)).fetchall() == [("placed",), ("cancelled",)]
        assert trader.delete(f"/api/accounts/{trader.account}").status_code == 204
        assert database.execute(journal, (trader.account,)).fetchall() == []
        assert database.execute("SELECT 1 FROM orders WHERE account_id = %s", (trader.account,)).fetchall() == []
    assert trader.order().status_code == 401


def test_only_a_synthetic_account_can_be_deleted_and_only_by_itself(client: httpx.Client) -> None:
    """A real customer's account stays, and nobody deletes another's account or cancels another's order."""
    customer, other = Trader(client, synthetic=False), Trader(client)
    assert customer.delete(f"/api/accounts/{customer.account}").json()["error"] == "not_synthetic"
    assert other.delete(f"/api/accounts/{customer.account}").json()["error"] == "not_your_account"
    number = customer.order().json()["id"]
    assert other.delete(f"/api/orders/{number}").status_code == 404
    assert customer.get("/api/orders").json()["orders"][0]["status"] == "open"


def test_the_two_versions_share_tables_and_differ_where_a_customer_sees_it(instances: Instances) -> None:
    """An order placed on 1.9.0 shows in 2.0.0, which adds `exposure`; each answer names the version that gave it."""
    old, new = instances.start(PREVIOUS, name="old"), instances.start(NEXT, name="new")
    with old.client() as before, new.client() as after:
        trader = Trader(before)
        trader.order()
        then = trader.get("/api/portfolio")
        trader.client = after
        now = trader.get("/api/portfolio")
    assert (then.headers["x-version"], now.headers["x-version"]) == (PREVIOUS, NEXT)
    assert set(now.json()) - set(then.json()) == {"exposure"}
    assert [p["quantity"] for p in then.json()["positions"]] == [p["quantity"] for p in now.json()["positions"]]


def test_an_instance_says_which_build_it_is(client: httpx.Client) -> None:
    """/version reports service, version, instance and exactly the digests of the build; they differ by version."""
    build = trading_build(NEXT)
    digests = {"artifact_digest": build.artifact_digest, "config_digest": build.config_digest}
    assert client.get("/version").json() == {"service": "trading", "version": NEXT, "instance": "one", **digests}
    assert trading_build(NEXT) == build
    previous = trading_build(PREVIOUS)
    assert previous.artifact_digest != build.artifact_digest
    assert previous.config_digest != build.config_digest


@pytest.mark.parametrize("path", ["/api/prices", "/api/portfolio", "/nowhere", "/health"])
def test_every_answer_carries_security_headers(client: httpx.Client, path: str) -> None:
    """Also a refusal, an unknown path and a probe: CSP, HSTS, nosniff, frames, referrer, permissions, request id."""
    headers = client.get(path, headers={"X-Request-Id": "journey-7"}).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "max-age=31536000" in headers["strict-transport-security"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert {"referrer-policy", "permissions-policy"} <= set(headers)
    assert headers["x-request-id"] == "journey-7"
    assert "server" not in headers


def test_log_in_is_limited_for_each_account(client: httpx.Client) -> None:
    """Guessing one account's password ends in 429 with Retry-After, while another account still logs in."""
    trader = Trader(client)
    guess = {"email": trader.email, "password": "wrong"}
    answers = [client.post("/api/login", json=guess) for _ in range(30)]
    assert {answer.status_code for answer in answers} == {401, 429}
    assert answers[-1].headers["retry-after"] == "1"
    Trader(client)


@pytest.mark.parametrize("forged", ["expired", "other key", "no signature", "not a token"])
def test_a_token_that_is_not_ours_is_refused(client: httpx.Client, forged: str) -> None:
    """Expired, signed with another key, unsigned, or no token at all: 401 each time."""
    trader = Trader(client)
    claims = {"iss": "trading", "sub": trader.account, "iat": 0, "exp": int(time.time()) + 600}
    key = "a key that only these tests use, long enough for HS256"
    tokens = {
        "expired": jwt.encode({**claims, "exp": 10}, key, algorithm="HS256"),
        "other key": jwt.encode(claims, key[::-1], algorithm="HS256"),
        "no signature": jwt.encode(claims, "", algorithm="none"),
        "not a token": "abc",
    }
    trader.headers = {"Authorization": f"Bearer {tokens[forged]}"}
    assert trader.get("/api/portfolio").status_code == 401
    trader.headers = {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm='HS256')}"}
    assert trader.get("/api/portfolio").status_code == 200


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_refused(client: httpx.Client, announced: bool) -> None:
    """413 by the announced length, and by counting where a client announces none."""
    body = b"x" * 20_000
    content = body if announced else iter([body[:10_000], body[10_000:]])
    assert client.post("/api/accounts", content=content).status_code == 413


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("symbol", "DOGE"),
        ("side", "hold"),
        ("quantity", -1),
        ("quantity", "NaN"),
        ("quantity", True),
        ("quantity", 1e9),
    ],
)
def test_a_wrong_order_is_refused_by_the_name_of_its_field(
    client: httpx.Client, field: str, value: float | str
) -> None:
    """422 names the field and what is allowed, and no order is stored."""
    trader = Trader(client)
    body = {"symbol": "EURUSD", "side": "buy", "quantity": 1, field: value}
    answer = client.post("/api/orders", json=body, headers=trader.headers)
    assert answer.status_code == 422
    assert answer.json()["message"].startswith(f"{field}: expected ")
    assert trader.get("/api/orders").json() == {"orders": []}


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
    database = Database(trading_servers.dsn, statement_timeout_s=0.3)
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


def test_prices_stream_over_a_websocket(instances: Instances) -> None:
    """Ticks are JSON with symbol, price and time, and go on; the handshake names the version."""
    one = instances.start()
    with connect(one.url.replace("http", "ws") + "/prices", proxy=None) as stream:
        ticks = [json.loads(stream.recv(timeout=10)) for _ in range(9)]
        assert stream.response is not None
        assert stream.response.headers["X-Version"] == NEXT
    assert {tick["symbol"] for tick in ticks[:4]} == {"BTCUSD", "EURUSD", "GBPUSD", "XAUUSD"}
    assert ticks[-1]["time"] > ticks[0]["time"]


def test_an_error_rate_breaks_business_requests_alone_and_is_logged(instances: Instances) -> None:
    """About one in five answers 500, each with an error line; probes stay well; without the fault all is well again."""
    one = instances.start()
    with one.client() as client:
        one.break_with(ServiceFaults(error_rate=0.2), NEXT)
        bad = sum(client.get("/api/prices").status_code == 500 for _ in range(150))
        assert total(client, "http_requests_total", status="500") == bad
        one.break_with(ServiceFaults(error_rate=1.0), NEXT)
        assert {client.get(path).status_code for path in ("/health", "/ready", "/version", "/metrics")} == {200}
        write_faults(one.faults, {})
        assert {client.get("/api/prices").status_code for _ in range(20)} == {200}
    assert 12 <= bad <= 50
    messages = [json.loads(line) for line in one.log.read_text().splitlines()]
    assert sum("pricing engine gave no quote" in line["message"] for line in messages) == bad


def test_a_latency_factor_can_be_told_from_health(instances: Instances) -> None:
    """Five times the base service time shows as several times the mean duration."""
    one = instances.start()
    with one.client() as client:

        def mean_s() -> float:
            before = [total(client, f"http_request_duration_seconds_{part}") for part in ("sum", "count")]
            for _ in range(15):
                client.get("/api/prices")
            after = [total(client, f"http_request_duration_seconds_{part}") for part in ("sum", "count")]
            return (after[0] - before[0]) / (after[1] - before[1])

        healthy = mean_s()
        one.break_with(ServiceFaults(latency_factor=5))
        assert mean_s() > 2 * healthy


def test_faults_of_another_version_or_of_later_do_nothing(instances: Instances) -> None:
    """An entry for the other version, and one whose time has not come, leave an instance healthy."""
    one = instances.start()
    with one.client() as client:
        one.break_with(ServiceFaults(error_rate=1.0), PREVIOUS)
        assert client.get("/api/prices").status_code == 200
        one.break_with(ServiceFaults(error_rate=1.0, after=time.time() + 3600), NEXT)
        assert client.get("/api/prices").status_code == 200
        one.break_with(ServiceFaults(error_rate=1.0, after=time.time() - 1), NEXT)
        assert client.get("/api/prices").status_code == 500


def test_health_and_metrics_can_be_broken_apart(instances: Instances) -> None:
    """`unhealthy` turns /health alone to 503, `no_metrics` /metrics alone."""
    one = instances.start()
    with one.client() as client:
        one.break_with(ServiceFaults(unhealthy=True))
        assert (client.get("/health").status_code, client.get("/metrics").status_code) == (503, 200)
        one.break_with(ServiceFaults(no_metrics=True))
        assert (client.get("/health").status_code, client.get("/metrics").status_code) == (200, 503)
        assert client.get("/api/prices").status_code == 200


def test_the_exit_fault_ends_the_process(instances: Instances) -> None:
    """The instance leaves by itself with a status of its own."""
    one = instances.start()
    one.break_with(ServiceFaults(exit=True))
    assert one.child.wait(10) == 70


def test_a_faults_file_that_cannot_be_read_is_logged_and_changes_nothing(instances: Instances) -> None:
    """The faults read before stay in force, and a warning names what is wrong."""
    one = instances.start()
    with one.client() as client:
        one.break_with(ServiceFaults(unhealthy=True))
        wait_for_status(client, "/health", 503)
        one.faults.write_text('{"*": {"unhealty": true}}')
        deadline = time.monotonic() + 10
        while "no fault is called 'unhealty'" not in one.log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert client.get("/health").status_code == 503


def test_seeding_adds_its_rows_once(trading_servers: TradingServers) -> None:
    """A second seeding adds nothing, and every seeded order has its journal entry."""
    assert seed_trading_rows(trading_servers.dsn, accounts=5, orders_each=3) == 5
    assert seed_trading_rows(trading_servers.dsn, accounts=5, orders_each=3) == 0
    with psycopg.connect(trading_servers.dsn) as database:
        found = database.execute(
            """SELECT count(*), count(j.id) FROM orders o LEFT JOIN journal j ON j.order_id = o.id
               WHERE j.instance = 'seed'"""
        ).fetchone()
    assert found == (15, 15)


def test_nobody_logs_in_to_a_seeded_account(client: httpx.Client, trading_servers: TradingServers) -> None:
    """Seeded customers have no password that matches."""
    seed_trading_rows(trading_servers.dsn, accounts=5, orders_each=3)
    answer = client.post("/api/login", json={"email": "customer-1@trading.test", "password": "0"})
    assert answer.status_code == 401


def test_an_incomplete_environment_is_refused_with_all_that_is_missing() -> None:
    """Every missing variable is named, and no value is shown."""
    with pytest.raises(SettingsError, match=r"TRADING_ARTIFACT_DIGEST.*TRADING_LOG") as refused:
        Settings.from_environment({"TRADING_VERSION": NEXT, "TRADING_JWT_KEY": "canary"})
    assert "canary" not in str(refused.value)


@given(waits=st.lists(st.floats(0, 3), max_size=60), burst=st.integers(1, 5), per_second=st.floats(0.5, 4))
def test_a_rate_limit_never_allows_more_than_its_bucket(waits: list[float], burst: int, per_second: float) -> None:
    """Whatever the pauses between attempts: at most the burst plus the rate times the time that passed."""
    clock = 0.0
    limit = RateLimit(burst=burst, per_second=per_second, now=lambda: clock)
    allowed = 0
    for wait in waits:
        clock += wait
        allowed += limit.allows("client")
        assert allowed <= burst + clock * per_second + 1e-6


@given(own=st.floats(0, 100) | st.none(), everyone=st.floats(0, 100) | st.none(), now=st.floats(0, 100))
def test_a_versions_own_faults_outrank_those_of_every_version(
    own: float | None, everyone: float | None, now: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The version's own entry once its time has come, else the entry for all once its time has come, else none."""
    path = tmp_path_factory.getbasetemp() / "outrank.json"
    entries = {NEXT: own, "*": everyone}
    rates = {NEXT: 0.5, "*": 0.25}
    write_faults(path, {k: ServiceFaults(error_rate=rates[k], after=at) for k, at in entries.items() if at is not None})
    due = [rates[key] for key, at in entries.items() if at is not None and at <= now]
    assert FaultFile(path).for_service(NEXT, now=now).error_rate == (due[0] if due else 0.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[]", "expected an object of versions"),
        ('{"2.0.0": 5}', "2.0.0: expected an object of faults"),
        ('{"2.0.0": {"error_rte": 1}}', "no fault is called 'error_rte'; the faults are error_rate"),
        ('{"2.0.0": {"error_rate": true}}', "error_rate is True, expected float"),
        ('{"platform": {"service_down": 1}}', "platform: service_down is 1, expected str"),
    ],
)
def test_a_wrong_faults_file_is_explained(text: str, says: str) -> None:
    """Which entry, which fault, which value, and what is allowed."""
    with pytest.raises(FaultFileError, match=re.escape(says)):
        parse(text)
