"""One request to an address of the system itself, sent as it is written, and what came of it.

Nothing is carried from one request to the next: no cookie, and no token but the one that is given. So a request that
is meant to come from a stranger does.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from time import perf_counter
from urllib.parse import quote, urlsplit

import httpx
from pydantic import JsonValue, SecretStr

from tasks.estate import Estate
from tasks.http_body import IDENTITY, read_body
from tasks.probe import as_json, at, said
from tminus.errors import CouldNotObserve

WITHIN = timedelta(seconds=10)
LARGEST = 4 * 1024 * 1024  # bytes of an answer that are read
_PLAIN = "%/:?@!$&'()*+,;=~-._[]"  # what a path says is sent as it stands: an attack must not be mended on its way
_OWN_HEADERS = {"User-Agent": "tminus", "Accept": "*/*", "Accept-Encoding": IDENTITY}

Sent = bytes | AsyncIterator[bytes] | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request.

    Attributes:
        path: with its query; dots and percent signs are sent as they are.
        document: sent as JSON.
        content: sent as it is, where there is no document.
        token: sent as a bearer's.
        as_sent: the answer's body is not unpacked.
    """

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    document: JsonValue = None
    content: Sent = None
    token: SecretStr | None = None
    as_sent: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status.

    Attributes:
        body: as far as it was read.
        took_ms: from the request's beginning to the end of what was read.
    """

    status: int
    headers: httpx.Headers
    body: bytes
    took_ms: float

    @property
    def cut(self) -> bool:
        """Whether there was more of it than is read."""
        return len(self.body) >= LARGEST

    @property
    def document(self) -> JsonValue:
        """The body as JSON; None where it is none."""
        return as_json(self.body)

    @property
    def good(self) -> bool:
        """Whether the status is one of 2xx."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def broken(self) -> bool:
        """Whether the server says that it failed (5xx)."""
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


class Front:
    """One address of the system, asked as a stranger would.

    Args:
        name: what the environment calls it.
        url: where it is.
        client: what sends; its cookies are never sent.
    """

    def __init__(self, name: str, url: str, client: httpx.AsyncClient) -> None:
        self.name = name
        self.url = url
        self._client = client

    @property
    def where(self) -> str:
        """Its address, without credentials."""
        return without_credentials(self.url)

    async def ask(self, wanted: Wanted, within: timedelta = WITHIN) -> Reply:
        """Asks once; raises CouldNotObserve where nothing answers."""
        reply = await self.attempt(wanted, within)
        if isinstance(reply, str):
            raise CouldNotObserve(self.silent(wanted, reply))
        return reply

    async def attempt(self, wanted: Wanted, within: timedelta = WITHIN) -> Reply | str:
        """Asks once; the words for why there is no answer, where there is none."""
        started = perf_counter()
        try:
            async with asyncio.timeout(within.total_seconds()):
                response = await self._client.send(self._request(wanted, within), stream=True)
                try:
                    body = await read_body(response, LARGEST, as_sent=wanted.as_sent)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as e:
            return said(e, within)
        return Reply(response.status_code, response.headers, body, (perf_counter() - started) * 1000)

    def silent(self, wanted: Wanted, why: str) -> str:
        """The sentence for a request that nothing answered."""
        return f"{self.name} ({self.where}): {wanted}: {why}"

    def _request(self, wanted: Wanted, within: timedelta) -> httpx.Request:
        headers = dict(_OWN_HEADERS) | dict(wanted.headers)
        if wanted.token is not None:
            headers["Authorization"] = f"Bearer {wanted.token.get_secret_value()}"
        url = at(self.url, wanted.path) if wanted.path else self.url
        return httpx.Request(
            wanted.method,
            self.url,
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            json=wanted.document,
            content=wanted.content if wanted.document is None else None,
            extensions={"target": _target(url), "timeout": httpx.Timeout(within.total_seconds()).as_dict()},
        )


async def front(estate: Estate, name: str) -> Front:
    """An endpoint of the environment, ready to be asked; raises NotConfigured, CouldNotObserve."""
    endpoint = estate.endpoint(name)
    return Front(name, endpoint.url, estate.client_of(endpoint))


async def token_of(estate: Estate, identity: str | None) -> SecretStr | None:
    """The token of an identity, where one is named; raises NotConfigured, MissingSecret."""
    return None if identity is None else await asyncio.to_thread(estate.identity, identity)


def without_credentials(url: str) -> str:
    """An address as people may read it: scheme, host, port and path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _target(url: str) -> bytes:
    """What stands in the request's first line; httpx would take the dots out of `/../`."""
    rest = url.partition("://")[2]
    path = rest[len(urlsplit(url).netloc) :] or "/"
    return quote(path, safe=_PLAIN).encode()
