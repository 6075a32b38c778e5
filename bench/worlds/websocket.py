"""The system's stream of prices, by WebSocket, from two instances; a stand-in serves it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import uvicorn

from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.stand_in_server import listen
from deployments.rehearsal.vendors.front import CUSTOMER, Front

_STREAM: Sections = {"endpoint": "ws", "path": "/stream", "identity": "customer", "send": {"subscribe": "BTC-USD"}}
_ALL: Sections = {**_STREAM, "instance_pointer": "/instance", "connections": 4, "within": "1 s"}
_POLL = 0.005  # seconds


class WebSocketWorld(World):
    """A stream that lets customers in, brings them prices from each instance, and knows them when they come back."""

    system: ClassVar[str] = "websocket"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "websocket.messages",
            {**_STREAM, "at_least": 3, "within": "1 s"},
            {"connected": "< 500 ms", "messages": ">= 3", "first": "< 500 ms", "unauthenticated": "= refused"},
            (
                "is_open_to_all",
                "is_closed",
                ("opens_after", "0.6"),
                ("prices_come_every", "0.7"),
                ("is_deaf", "stream-1", "stream-2"),
                ("ends_after", "2"),
            ),
        ),
        Case(
            "websocket.messages",
            _ALL,
            {"messages": ">= 1", "instances": ">= 2", "sticky": "= yes"},
            (("is_deaf", "stream-2"), "forgets_customers", "has_one_instance", "is_closed"),
        ),
    )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Served in a thread, by a server that speaks WebSocket."""
        self.front = Front()
        configuration = uvicorn.Config(
            self.front.app(),
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(configuration)
        with listen(0) as listening:
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
            thread.start()
            while not server.started and thread.is_alive():
                time.sleep(_POLL)
            self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            try:
                yield
            finally:
                server.should_exit = True
                thread.join()

    def sections(self) -> Sections:
        """One endpoint, and one who may connect."""
        return {"endpoints": {"ws": {"url": self.url}}, "identities": {"customer": "env:WORLD_WEBSOCKET_CUSTOMER"}}

    def secrets(self) -> dict[str, str]:
        """A token of the front's own making."""
        return {"WORLD_WEBSOCKET_CUSTOMER": self.front.tokens.issue(CUSTOMER)}

    @fault
    def is_open_to_all(self) -> Iterator[None]:
        """Strangers are let in."""
        self.front.stream.open_to_all = True
        yield
        self.front.stream.open_to_all = False

    @fault
    def is_closed(self) -> Iterator[None]:
        """Nobody is let in."""
        self.front.stream.closed = True
        yield
        self.front.stream.closed = False

    @fault
    def opens_after(self, seconds: str) -> Iterator[None]:
        """A connection takes longer to open."""
        self.front.stream.late = float(seconds)
        yield
        self.front.stream.late = 0.0

    @fault
    def prices_come_every(self, seconds: str) -> Iterator[None]:
        """Prices come too seldom."""
        before, self.front.stream.every = self.front.stream.every, float(seconds)
        yield
        self.front.stream.every = before

    @fault
    def is_deaf(self, *instances: str) -> Iterator[None]:
        """Published prices do not get to these instances."""
        self.front.stream.deaf = set(instances)
        yield
        self.front.stream.deaf = set()

    @fault
    def ends_after(self, messages: str) -> Iterator[None]:
        """A connection is closed after so many messages."""
        self.front.stream.ends_after = int(messages)
        yield
        self.front.stream.ends_after = None

    @fault
    def forgets_customers(self) -> Iterator[None]:
        """A customer who comes back may get to any instance."""
        self.front.stream.sticky = False
        yield
        self.front.stream.sticky = True

    @fault
    def has_one_instance(self) -> Iterator[None]:
        """All connections go to the same instance."""
        before, self.front.stream.instances = self.front.stream.instances, ("stream-1",)
        yield
        self.front.stream.instances = before
