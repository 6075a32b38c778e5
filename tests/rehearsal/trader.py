"""A customer of the trading service, and what its /metrics say."""

from __future__ import annotations

import time
from uuid import uuid4

import httpx
from prometheus_client.parser import text_string_to_metric_families

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
