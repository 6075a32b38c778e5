"""One customer of the trading service: the requests that the background traffic sends, each recorded."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import httpx
import websockets
from websockets.asyncio.client import connect

from deployments.rehearsal.traffic_record import NO_ANSWER, Answer, TrafficRecord

if TYPE_CHECKING:
    from random import Random

MIX = {"prices": 60, "portfolio": 25, "order": 10, "list": 5}
SYMBOLS = ("BTCUSD", "EURUSD", "GBPUSD", "XAUUSD")
TIMEOUT_S = 5.0
TICKS = 8
SWITCHING, CREATED, UNAUTHORIZED, CONFLICT = 101, 201, 401, 409


class Customer:
    """A synthetic account and what it does; a request that fails is recorded, never repeated."""

    def __init__(self, url: str, record: TrafficRecord, chance: Random) -> None:
        self._url = url.rstrip("/")
        self._record = record
        self._chance = chance
        name = f"traffic-{chance.getrandbits(48):012x}"
        self._login = {"email": f"{name}@synthetic.test", "password": f"{chance.getrandbits(64):016x}"}
        self._account = ""
        self._headers: dict[str, str] = {}
        # A connection for each request, as from many customers. One kept open would race with the load balancer closing
        # it on a reload, and show as a failure that no customer's browser would show.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(base_url=self._url, timeout=TIMEOUT_S, trust_env=False, limits=limits)

    async def enter(self) -> None:
        """Create the account where it is missing and log in; one that fails is recorded and may be tried again."""
        if not self._account:
            created = await self.send("POST", "/api/accounts", {**self._login, "synthetic": True})
            if created is None or created.status_code not in {CREATED, CONFLICT}:
                return
        answer = await self.send("POST", "/api/login", self._login)
        if answer is None or not answer.is_success:
            return
        granted = answer.json()
        self._account = str(granted["account"])
        self._headers = {"Authorization": f"Bearer {granted['token']}"}

    async def act(self) -> None:
        """Send one request, drawn at random with the weights in ``MIX``; prices only while not logged in."""
        (wish,) = self._chance.choices(list(MIX), list(MIX.values()))
        symbol, side = self._chance.choice(SYMBOLS), self._chance.choice(("buy", "sell"))
        if wish == "prices" or not self._headers:
            await self.send("GET", "/api/prices")
        elif wish == "portfolio":
            await self._send_as_account("GET", "/api/portfolio")
        elif wish == "order":
            order = {"symbol": symbol, "side": side, "quantity": str(self._chance.randint(1, 20))}
            await self._send_as_account("POST", "/api/orders", order)
        else:
            await self._send_as_account("GET", "/api/orders")

    async def watch(self) -> None:
        """Read a few ticks from the price stream; recorded as one answer with the time to the first tick."""
        address = self._url.replace("http", "ws", 1) + "/prices"
        sent, started = time.time(), time.perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT_S), connect(address, proxy=None) as stream:
                await stream.recv()
                latency_ms = _ms_since(started)
                for _ in range(TICKS - 1):
                    await stream.recv()
                version = stream.response.headers.get("X-Version", "") if stream.response else ""
        except (OSError, websockets.WebSocketException) as error:
            self._note(sent, "WS", "/prices", NO_ANSWER, _ms_since(started), error=type(error).__name__)
        else:
            self._note(sent, "WS", "/prices", SWITCHING, latency_ms, version)

    async def leave(self) -> None:
        """Delete the account and its orders, then close the connections."""
        if self._account and self._headers:
            await self._send_as_account("DELETE", f"/api/accounts/{self._account}")
        await self._client.aclose()

    async def send(
        self, method: str, path: str, body: dict[str, object] | dict[str, str] | None = None
    ) -> httpx.Response | None:
        """Send one request and record what came back; None where nothing came."""
        content = None if body is None else json.dumps(body)
        sent, started = time.time(), time.perf_counter()
        try:
            answer = await self._client.request(method, path, content=content, headers=self._headers)
        except httpx.TransportError as error:
            self._note(sent, method, path, NO_ANSWER, _ms_since(started), error=type(error).__name__)
            return None
        version = answer.headers.get("X-Version", "")
        self._note(sent, method, path, answer.status_code, _ms_since(started), version)
        return answer

    async def _send_as_account(self, method: str, path: str, body: dict[str, str] | None = None) -> None:
        answer = await self.send(method, path, body)
        if answer is not None and answer.status_code == UNAUTHORIZED:
            self._headers = {}

    def _note(
        self, sent: float, method: str, path: str, status: int, latency_ms: float, version: str = "", error: str = ""
    ) -> None:
        self._record.add(Answer(sent, method, path, status, latency_ms, version, error))

    @property
    def is_logged_in(self) -> bool:
        """Whether it holds a token that has not been refused."""
        return bool(self._headers)


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)
