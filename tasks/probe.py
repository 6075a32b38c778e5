"""One GET, and what came of it: an answer, or the words for why there is none."""

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from time import perf_counter

import httpx
from pydantic import JsonValue

from tasks.http_body import IDENTITY, UnreadableBody, read_body
from tminus.clock import show_duration

LARGEST = 4 * 1024 * 1024
"""Bytes of an answer that are read."""

REFUSED = "connection refused"
"""The words for an address at which nothing listens, which is known rather than guessed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a GET came to.

    Attributes:
        took_ms: how long the answer took; where there was none, at least how long it would have been waited for.
        status: the HTTP status; None where nothing answered.
        problem: why there is no answer; "" where there is one.
        document: the body as JSON; None where it is none, or is longer than what is read.
        body: as far as it was read.
        headers: of the answer, their names in any case.
    """

    took_ms: float
    status: int | None = None
    problem: str = ""
    document: JsonValue = None
    body: bytes = b""
    headers: httpx.Headers = field(default_factory=httpx.Headers)

    @property
    def trouble(self) -> str:
        """Why this is not an answer with status 200; "" where it is."""
        if self.problem or self.status == HTTPStatus.OK:
            return self.problem
        return f"status {self.status}"


async def get(client: httpx.AsyncClient, url: str, within: timedelta, address: str = "") -> Answer:
    """Asks once. Never raises for what the other side does: redirects are answers, and silence is a problem.

    Args:
        client: what asks.
        url: whom, by name.
        within: how long the answer is waited for.
        address: what is connected to, of that name; where it is "", the name is resolved.
    """
    started = perf_counter()
    seconds = within.total_seconds()
    try:
        async with asyncio.timeout(seconds):
            headers, named = {"Accept-Encoding": IDENTITY}, httpx.URL(url)
            if address:
                headers["Host"] = named.netloc.decode()
            asking = client.stream(
                "GET",
                named.copy_with(host=address) if address else named,
                timeout=seconds,
                headers=headers,
                extensions={"sni_hostname": named.raw_host.decode()} if address else None,
            )
            async with asking as response:
                body = await read_body(response, LARGEST)
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as e:
        took_ms = max(within.total_seconds(), perf_counter() - started) * 1000
        return Answer(took_ms, problem=said(e, within))
    took_ms = (perf_counter() - started) * 1000
    document = as_json(body) if len(body) < LARGEST else None
    return Answer(took_ms, response.status_code, document=document, body=body, headers=response.headers)


def said(error: Exception, within: timedelta) -> str:
    """A failed request in words, without its address (which could hold credentials)."""
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return f"no answer within {show_duration(within)}"
    if isinstance(error, UnreadableBody):
        return str(error)
    if isinstance(error, httpx.ConnectError):
        return REFUSED if _refused(error) else "no connection"
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return "the connection broke before the answer was complete"
    return f"no answer ({type(error).__name__})"


def _refused(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ConnectionRefusedError):
            return True
        error = error.__cause__ or error.__context__
    return False


def as_json(body: bytes) -> JsonValue:
    """The document in `body`; None where it is not JSON."""
    try:
        document: JsonValue = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document


def at(front: str, path: str) -> str:
    """The URL of `path` behind `front`, which may end with a slash or not."""
    return f"{front.rstrip('/')}/{path.lstrip('/')}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` (0 to 1] of them do not exceed: the nearest-rank percentile.

    Raises ValueError where there are none. Source: https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method
    """
    if not values:
        raise ValueError("a percentile of no values")
    rank = math.ceil(share * len(values) - 1e-9)  # 0.07 * 100 is a little more than 7
    return sorted(values)[max(rank, 1) - 1]
