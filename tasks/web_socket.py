"""One WebSocket connection: opened, listened to, closed."""

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from time import perf_counter
from typing import TYPE_CHECKING

from pydantic import JsonValue, SecretStr

from tasks.probe import REFUSED, as_json, at
from tminus.clock import show_duration
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection, connect

_LARGEST = 1 << 20  # bytes of a message
_SCHEMES = {"http": "ws", "https": "wss"}
_REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_SHOWN_OUT = {1008, 4401, 4403}  # RFC 6455, 7.4.1: a policy is violated; and what stands for 401 and 403


@dataclass(frozen=True, slots=True)
class Opening:
    """How a connection is opened.

    Attributes:
        url: of the endpoint; http and https stand for ws and wss.
        trusts: whom, where it is https.
        token: sent as a bearer's.
        cookies: sent along.
        send: the first message: a text as it is, anything else as JSON.
    """

    url: str
    path: str
    trusts: ssl.SSLContext | None = None
    token: SecretStr | None = None
    cookies: Mapping[str, str] = field(default_factory=dict)
    send: JsonValue = None

    @property
    def headers(self) -> dict[str, str]:
        """What is sent as it opens."""
        found = {}
        if self.token is not None:
            found["Authorization"] = f"Bearer {self.token.get_secret_value()}"
        if self.cookies:
            found["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return found


@dataclass(slots=True)
class Heard:
    """What came of it.

    Attributes:
        connected_ms: until the connection was open; None where it was refused.
        first_ms: from then until the first message; None where none came.
        messages: as JSON; None of one that is none.
        status: the HTTP status of a refusal.
        closed: whether the server closed it before the time was up.
        code: with which it did; None where it gave none.
        cookies: what the server set as it opened.
    """

    connected_ms: float | None = None
    first_ms: float | None = None
    messages: list[JsonValue] = field(default_factory=list)
    status: int | None = None
    closed: bool = False
    code: int | None = None
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether the server turned it away: by 401 or 403, or by a code like these before it said anything."""
        return self.status in _REFUSALS or (not self.messages and self.closed and self.code in _SHOWN_OUT)

    @property
    def let_in(self) -> bool:
        """Whether it was opened, and brought something or stayed open."""
        return self.status is None and (bool(self.messages) or not self.closed)


async def listen(opening: Opening, at_least: int, within: timedelta) -> Heard:
    """Opens it, and listens until there are enough messages, it is closed, or the time since it was open is up.

    Raises CouldNotObserve where nothing answers, or with what is neither a WebSocket nor a refusal.
    """
    from websockets.exceptions import InvalidStatus, WebSocketException

    heard, started, place = Heard(), perf_counter(), f"WebSocket {opening.path.partition('?')[0]}"
    try:
        async with _connecting(opening, within) as connection:
            opened = perf_counter()
            heard.connected_ms = (opened - started) * 1000
            if connection.response is not None:
                heard.cookies = _cookies(connection.response.headers.get_all("Set-Cookie"))
            await _listen(connection, heard, opening, at_least, opened + within.total_seconds())
    except InvalidStatus as e:
        heard.status = e.response.status_code
        if heard.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise CouldNotObserve(f"{place}: status {heard.status}") from e
    except TimeoutError as e:
        raise CouldNotObserve(f"{place}: no connection within {show_duration(within)}") from e
    except (WebSocketException, OSError, EOFError) as e:
        why = REFUSED if isinstance(e, ConnectionRefusedError) else f"no connection ({type(e).__name__})"
        raise CouldNotObserve(f"{place}: {why}") from e
    return heard


def _connecting(opening: Opening, within: timedelta) -> "connect":
    from websockets.asyncio.client import connect

    class Straight(connect):
        """Follows no redirects, like every other request."""

        def process_redirect(self, exc: Exception) -> Exception | str:
            return exc

    return Straight(
        at(_as_websocket(opening.url), opening.path),
        additional_headers=opening.headers,
        user_agent_header="tminus",
        proxy=None,
        ssl=opening.trusts,
        open_timeout=within.total_seconds(),
        close_timeout=1,
        max_size=_LARGEST,
    )


def _as_websocket(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{_SCHEMES.get(scheme, scheme)}://{rest}"


async def _listen(connection: "ClientConnection", heard: Heard, opening: Opening, at_least: int, until: float) -> None:
    from websockets.exceptions import ConnectionClosed

    opened = perf_counter()
    try:
        if opening.send is not None:
            await connection.send(opening.send if isinstance(opening.send, str) else json.dumps(opening.send))
        async with asyncio.timeout(max(until - perf_counter(), 0)):
            while len(heard.messages) < at_least:
                message = await connection.recv(decode=False)
                heard.first_ms = (perf_counter() - opened) * 1000 if heard.first_ms is None else heard.first_ms
                heard.messages.append(as_json(message))
    except ConnectionClosed as e:
        heard.closed, heard.code = True, None if e.rcvd is None else e.rcvd.code
    except TimeoutError:
        return


def _cookies(headers: Sequence[str]) -> dict[str, str]:
    """Name → value, of those that can be read."""
    found: dict[str, str] = {}
    for header in headers:
        try:
            found |= {name: morsel.coded_value for name, morsel in SimpleCookie(header).items()}
        except CookieError:
            continue
    return found
