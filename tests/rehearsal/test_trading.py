"""The trading service: what its customers can do, and what they are refused."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import jwt
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.client import connect

from deployments.rehearsal.trading.rate_limit import RateLimit
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS
from deployments.rehearsal.trading_schema import seed_trading_rows

if TYPE_CHECKING:
    from tests.rehearsal.conftest import Instances, TradingServers

from tests.rehearsal.trader import Trader


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


@pytest.mark.long
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
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
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


def test_prices_stream_over_a_websocket(instances: Instances) -> None:
    """Ticks are JSON with symbol, price and time, and go on; the handshake names the version."""
    one = instances.start()
    with connect(one.url.replace("http", "ws") + "/prices", proxy=None) as stream:
        ticks = [json.loads(stream.recv(timeout=10)) for _ in range(9)]
        assert stream.response is not None
        assert stream.response.headers["X-Version"] == NEXT
    assert {tick["symbol"] for tick in ticks[:4]} == {"BTCUSD", "EURUSD", "GBPUSD", "XAUUSD"}
    assert ticks[-1]["time"] > ticks[0]["time"]


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
