"""How the gateway is served: bounds on what a client may send before it is judged, and on how long it may take."""

import asyncio
from typing import ClassVar

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from tminus.refusals import NO_HTTP, TOO_MANY, TOO_SLOW, UNREAD, Refusals

HEAD = 16 * 1024  # bytes of a request's line and headers
HEAD_WITHIN = 10.0  # seconds in which they must have come
ANSWERED_WITHIN = 15.0  # seconds from then until the answer has gone out; a body may take five of them
IDLE = 5  # seconds that a connection may rest between two requests
CONNECTIONS = 600  # at one moment; more than the requests that may be under way, so that others get in beside those
_LINGER = 1.0  # seconds that a client has to read its answer, though it has not sent all that it said it would
_UNANSWERED = frozenset({"IDLE", "SEND_RESPONSE"})  # h11's states in which an answer may begin
_ENDING = 5  # seconds that requests under way have once the process is told to end


def configuration(app: ASGIApp, refusals: Refusals, head_within: float = HEAD_WITHIN) -> Config:
    """Uvicorn's configuration for the gateway.

    Its own limit is off: it would turn whoever asks for `/health` away like anybody else, and count nothing.

    Args:
        app: the application.
        refusals: where clients that were cut off are written down.
        head_within: seconds in which a request's line and headers must have come.
    """

    class Bounded(BoundedHttp):
        """With this gateway's bounds."""

        cut_after = head_within
        written_in = refusals
        idle: ClassVar[dict[BoundedHttp, None]] = {}

    return Config(
        app,
        http=Bounded,
        ws="none",
        log_level="error",  # its warnings are of what a client sent, and anybody could fill the log with them
        access_log=False,
        h11_max_incomplete_event_size=HEAD,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=_ENDING,
    )


class BoundedHttp(H11Protocol):
    """uvicorn's own, which by itself waits for ever for a head that comes byte by byte.

    Where too many are connected, whoever has been so for longest without a request gives way to whoever comes.

    Attributes:
        cut_after: seconds in which a head must have come.
        written_in: where it is written down if it has not.
        idle: the connections whose head is awaited, for longest first.
    """

    cut_after = HEAD_WITHIN
    written_in: Refusals
    idle: ClassVar[dict["BoundedHttp", None]]
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the class above does
        """Its first head is awaited from now on."""
        super().connection_made(transport)
        self._watch()
        if len(self.connections) > CONNECTIONS:
            next(iter(self.idle)).cut_off(503, TOO_MANY)  # this one at the latest

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._unwatch()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """A head that is whole is awaited no more; its answer is, and then the next head."""
        super().handle_events()
        self._watch()

    def on_response_complete(self) -> None:
        """A client that was answered before it had sent everything is not listened to for ever."""
        self._unwatch()
        super().on_response_complete()
        self._watch()
        if self._awaits("SEND_BODY"):
            self.loop.call_later(_LINGER, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, or has too large a head, is refused and written down.

        Once an answer has begun there is no place for another: then the connection ends. A request that is under way
        is answered by this one, and by nothing that it comes to.
        """
        self.written_in.note("", 400, NO_HTTP)
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if str(self.conn.our_state) in _UNANSWERED:
            super().send_400_response(msg)
        else:
            self.transport.close()

    def _watch(self) -> None:
        head = self._awaits("IDLE")
        if self._timer is not None and head == (self in self.idle):
            return
        self._unwatch()
        if head:
            self.idle[self] = None
            self._timer = self.loop.call_later(self.cut_after, self.cut_off, 408, TOO_SLOW)
        else:
            self._timer = self.loop.call_later(ANSWERED_WITHIN, self.cut_off, 408, UNREAD)

    def _unwatch(self) -> None:
        self.idle.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def cut_off(self, status: int, why: str) -> None:
        """Ends the connection at once, and writes down why."""
        self._unwatch()
        self.written_in.note("", status, why)
        self.transport.abort()  # who does not read keeps a connection that is only closed open

    def _awaits(self, state: str) -> bool:
        """Whether h11 awaits this of the client."""
        return str(self.conn.their_state) == state
