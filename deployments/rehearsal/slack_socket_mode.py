"""Slack's side of Socket Mode: connections that apps open, envelopes that go over them, and the ways they end.

What was not acknowledged when its connection ended goes out again, with the same id, over another one. Slack's own
description promises that for events and is silent about presses; whoever takes it twice here would take it twice there.
"""

import asyncio
import json
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.websockets import WebSocket, WebSocketDisconnect

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.slack_arguments import SlackRefusal

MOST = 10  # connections that one app may have at a time
TICKET_LIFE = 30.0  # seconds


class Trouble(BaseModel):
    """What befalls the connections that are open.

    `warning` and `refresh_requested`: another one is wanted, and these end after `seconds`. `link_disabled`: they end
    at once, and none is given out until `enabled`. `closed`: they end without a word. `silent`: the next `times`
    connections get no hello.
    """

    model_config = ConfigDict(extra="forbid")

    do: Literal["warning", "refresh_requested", "link_disabled", "enabled", "closed", "silent"]
    seconds: Annotated[float, Field(ge=0)] = 0.5
    times: Annotated[int, Field(ge=1)] = 1


@dataclass(eq=False)
class _Link:
    """A connection; `leaving` ones get no more envelopes."""

    number: int
    out: "asyncio.Queue[str | None]" = field(default_factory=asyncio.Queue)
    leaving: bool = False

    def send(self, message: JsonObject) -> None:
        """In order, behind what waits already."""
        self.out.put_nowait(json.dumps(message))


class SocketMode:
    """The connections of one app.

    Attributes:
        address: where apps are told to connect, instead of the server that they asked.
        acknowledged: by envelope, what the app answered with.
        deliveries: which envelope went over which connection, in order.
        opened: how many connections there were.
    """

    def __init__(self) -> None:
        self.address: str | None = None
        self.acknowledged: dict[str, JsonValue] = {}
        self.deliveries: list[tuple[str, int]] = []
        self.opened = 0
        self._enabled = True
        self._silent = 0
        self._tickets: dict[str, float] = {}
        self._links: list[_Link] = []
        self._waiting: OrderedDict[str, tuple[JsonObject, _Link | None]] = OrderedDict()
        self._endings: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> int:
        """How many connections are open."""
        return len(self._links)

    def open(self, base: str) -> JsonObject:
        """apps.connections.open: an address for one connection."""
        if not self._enabled:
            raise SlackRefusal("access_denied")
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = time.monotonic() + TICKET_LIFE
        where = self.address or f"ws{base.removeprefix('http')}"
        return {"ok": True, "url": f"{where}/link/?ticket={ticket}&app_id=A0TMINUSBOT"}

    def deliver(self, kind: str, payload: JsonValue) -> str:
        """Sends an envelope over one of the connections, or over the next one; returns its id."""
        identity = secrets.token_hex(16)
        envelope: JsonObject = {
            "envelope_id": identity,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind in {"interactive", "slash_commands"},
        }
        self._waiting[identity] = envelope, None
        self._deliver_waiting()
        return identity

    async def befall(self, trouble: Trouble) -> None:
        """Lets something happen to the connections that are open."""
        match trouble.do:
            case "silent":
                self._silent = trouble.times
            case "enabled":
                self._enabled = True
            case "closed":
                for link in self._links:
                    link.out.put_nowait(None)
            case "warning" | "refresh_requested" | "link_disabled":
                self._enabled = trouble.do != "link_disabled"
                for link in self._links:
                    link.send({"type": "disconnect", "reason": trouble.do, "debug_info": {"host": "stand-in"}})
                    self._end(link, 0.0 if trouble.do == "link_disabled" else trouble.seconds)

    async def link(self, websocket: WebSocket) -> None:
        """One connection, for as long as it lasts."""
        until = self._tickets.pop(websocket.query_params.get("ticket", ""), 0.0)
        if time.monotonic() > until or len(self._links) >= MOST:
            await websocket.close(code=1008)
            return
        await websocket.accept()
        self.opened += 1
        link = _Link(self.opened)
        sending = asyncio.create_task(_send(websocket, link))
        try:
            self._greet(link)
            while True:
                self._acknowledge(await websocket.receive_text())
        except WebSocketDisconnect:
            pass
        finally:
            sending.cancel()
            self._forget(link)

    def _greet(self, link: _Link) -> None:
        if self._silent:
            self._silent -= 1
            return
        self._links.append(link)
        link.send({"type": "hello", "num_connections": len(self._links), "connection_info": {"app_id": "A0TMINUSBOT"}})
        self._deliver_waiting()

    def _forget(self, link: _Link) -> None:
        if link in self._links:
            self._links.remove(link)
        for identity, (envelope, carrier) in self._waiting.items():
            if carrier is link:
                self._waiting[identity] = envelope, None
        self._deliver_waiting()

    def _deliver_waiting(self) -> None:
        links = [link for link in self._links if not link.leaving]
        if not links:
            return
        for number, (identity, (envelope, carrier)) in enumerate(self._waiting.items()):
            if carrier is None:
                link = links[number % len(links)]
                self._waiting[identity] = envelope, link
                self.deliveries.append((identity, link.number))
                link.send(envelope)

    def _acknowledge(self, text: str) -> None:
        told = json.loads(text)
        identity = told["envelope_id"]
        if self._waiting.pop(identity, None) is not None:
            self.acknowledged[identity] = told.get("payload")

    def _end(self, link: _Link, seconds: float) -> None:
        async def end() -> None:
            await asyncio.sleep(seconds)
            link.out.put_nowait(None)

        link.leaving = True
        task = asyncio.create_task(end())
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)


async def _send(websocket: WebSocket, link: _Link) -> None:
    while (text := await link.out.get()) is not None:
        await websocket.send_text(text)
    await websocket.close()
