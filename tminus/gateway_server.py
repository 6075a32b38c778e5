"""How the gateway is served: bounds on what a client may send before it is judged, and on how long it may take."""

import asyncio

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from tminus.refusals import TOO_SLOW, Refusals

HEAD = 16 * 1024  # bytes of a request's line and headers
HEAD_WITHIN = 10.0  # seconds in which they must have come
IDLE = 5  # seconds that a connection may rest between two requests
CONNECTIONS = 500  # at one moment; one more is answered with 503
_LINGER = 1.0  # seconds that a client has to read its answer, though it has not sent all that it said it would
_ENDING = 5  # seconds that requests under way have once the process is told to end


def configuration(app: ASGIApp, refusals: Refusals, head_within: float = HEAD_WITHIN) -> Config:
    """Uvicorn's configuration for the gateway.

    Args:
        app: the application.
        refusals: where clients that were cut off are written down.
        head_within: seconds in which a request's line and headers must have come.
    """

    class Bounded(BoundedHttp):
        """With this gateway's bounds."""

        cut_after = head_within
        written_in = refusals

    return Config(
        app,
        http=Bounded,
        ws="none",
        log_level="warning",
        access_log=False,
        h11_max_incomplete_event_size=HEAD,
        timeout_keep_alive=IDLE,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=_ENDING,
    )


class BoundedHttp(H11Protocol):
    """uvicorn's own, which by itself waits for ever for a head that comes byte by byte.

    Attributes:
        cut_after: seconds in which a head must have come.
        written_in: where it is written down if it has not.
    """

    cut_after = HEAD_WITHIN
    written_in: Refusals
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the class above does
        """Its first head is awaited from now on."""
        super().connection_made(transport)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._unwatch()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """A head that is whole is awaited no more; the next one is."""
        super().handle_events()
        self._watch_head()

    def on_response_complete(self) -> None:
        """A client that was answered before it had sent everything is not listened to for ever."""
        super().on_response_complete()
        if self._awaits("SEND_BODY"):
            self.loop.call_later(_LINGER, self.transport.close)

    def _watch_head(self) -> None:
        if not self._awaits("IDLE"):
            self._unwatch()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.cut_after, self._cut)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut(self) -> None:
        self.written_in.note("", 408, TOO_SLOW)
        self.transport.close()

    def _awaits(self, state: str) -> bool:
        """Whether h11 awaits this of the client."""
        return str(self.conn.their_state) == state
