"""Whether the system's WebSockets bring their messages, to those who may have them."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from tasks.check import Check
from tasks.checks.web_answers import Pointer
from tasks.estate import Estate
from tasks.journey_values import ABSENT
from tasks.web_pointer import found_at
from tasks.web_request import token_of, without_credentials
from tasks.web_socket import Heard, Opening, listen
from tminus.clock import Duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation
from tminus.systems.web import Endpoint

_WITHIN = timedelta(seconds=5)
_SILENCE = timedelta(seconds=1)  # how long a stranger's connection may stay open before it counts as let in
_AGAIN = 3  # how often a customer comes back
_LONGEST = 80  # characters of an instance's name


class Messages(Check, frozen=True):
    """Opens connections, and says how soon they are open, what comes over them, and from where.

    With several `connections`, opened at the same time, `connected` and `first` are the slowest's, and `messages` are
    those of the one that got the fewest: a message that only some instances hand on is missing there. A connection that
    is turned away counts as long as it would have been waited for. `first` counts from when it was open. Where it,
    `instances`, `sticky` or `unauthenticated` is expected, so are `messages` (at least `at_least`) unless the book says
    otherwise. `unauthenticated` is `refused` where a connection without the identity's token is turned away with 401 or
    403, or closed with 1008, 4401 or 4403 before it brings anything, and `accepted` where it brings something or stays
    open; any other status or code, such as 404, says nothing of who may connect. `instances` counts the values at
    `instance_pointer` among all connections; `sticky` is `yes` where a customer who comes back, with the cookies of the
    first connection, reaches the same instance each of three times.

    Attributes:
        endpoint: where to connect, by its name in the environment's `endpoints`; https stands for wss.
        path: of the WebSocket.
        send: the first message, sent as it opens: a text as it is, anything else as JSON.
        identity: whose token is sent, by its name in the environment's `identities`.
        at_least: how many messages are waited for on each connection.
        instance_pointer: where in a message the instance's name stands (RFC 6901).
        connections: how many are opened at the same time.
        within: how long the opening, and from then on the messages, are waited for.
    """

    kind: Literal["websocket.messages"] = "websocket.messages"
    impact: ClassVar[Impact] = Impact.SYNTHETIC
    measures: ClassVar[Mapping[str, str]] = {
        "connected": "ms",
        "messages": "",
        "first": "ms",
        "unauthenticated": "word",
        "instances": "",
        "sticky": "word",
    }

    endpoint: str
    path: str
    send: JsonValue = None
    identity: str | None = None
    at_least: Annotated[int, Field(ge=1, le=10_000)] = 1
    instance_pointer: Pointer | None = None
    connections: Annotated[int, Field(ge=1, le=200)] = 1
    within: Duration = _WITHIN

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        wanted = set(self.expect)
        if "unauthenticated" in wanted and self.identity is None:
            raise ValueError("`unauthenticated` is expected, so say who is let in, such as `identity: customer`")
        if wanted & {"instances", "sticky"} and self.instance_pointer is None:
            raise ValueError(
                "instances are expected, so say where they are named, such as `instance_pointer: /instance`"
            )
        if wanted & {"first", "instances", "sticky", "unauthenticated"}:
            self.expect.setdefault("messages", Expectation(f">= {self.at_least}"))
        return self

    async def look(self, estate: Estate) -> Observation:
        """Opens `connections`, then what else is asked about: one without a token, and three of a customer's."""
        endpoint = estate.endpoint(self.endpoint)
        trusts = await _trust(endpoint)
        token = await token_of(estate, self.identity)
        opening = Opening(endpoint.url, self.path, trusts, token, send=self.send)
        heard = await asyncio.gather(*(listen(opening, self.at_least, self.within) for _ in range(self.connections)))
        found, wrong = self._messages(heard)
        if "unauthenticated" in self.expect:
            stranger = await listen(replace(opening, token=None), 1, min(self.within, _SILENCE))
            if stranger.refused or stranger.let_in:
                found.append(Measurement(name="unauthenticated", word="refused" if stranger.refused else "accepted"))
            if not stranger.refused:
                wrong.append(_stranger(stranger))
        if self.instance_pointer is not None:
            named = [self._named(one) for one in heard]
            found.append(Measurement.number("instances", len({name for names in named for name in names})))
            if "sticky" in self.expect and all(named):
                sticky = await self._sticky(opening)
                found.append(Measurement(name="sticky", word="yes" if sticky else "no"))
                wrong += [] if sticky else ["a customer who comes back reaches another instance"]
        return Observation(
            found=tuple(found),
            where=without_credentials(endpoint.url),
            details=tuple(wrong) or (f"{len(heard)} connections, {sum(len(one.messages) for one in heard)} messages",),
            because="; ".join(wrong),
        )

    def _messages(self, heard: Sequence[Heard]) -> tuple[list[Measurement], list[str]]:
        fewest = min(len(one.messages) for one in heard)
        found = [Measurement.number("messages", fewest)]
        longest = self.within / timedelta(milliseconds=1)
        opened = [longest if one.connected_ms is None else one.connected_ms for one in heard]
        found.append(Measurement.number("connected", round(max(opened), 3), "ms"))
        first = [one.first_ms for one in heard if one.first_ms is not None]
        if len(first) == len(heard):
            found.append(Measurement.number("first", round(max(first), 3), "ms"))
        statuses = sorted({one.status for one in heard if one.status is not None})
        wrong = [f"not opened: status {', '.join(map(str, statuses))}"] if statuses else []
        if not statuses and fewest < self.at_least:
            few = sum(len(one.messages) < self.at_least for one in heard)
            wrong.append(f"{few} of {len(heard)} connections brought fewer than {self.at_least} messages")
        return found, wrong

    def _named(self, heard: Heard) -> list[str]:
        """The instances that a connection's messages name."""
        found = [found_at(message, self.instance_pointer or "") for message in heard.messages]
        return [str(one)[:_LONGEST] for one in found if one is not ABSENT and isinstance(one, str | int)]

    async def _sticky(self, opening: Opening) -> bool:
        first = await listen(opening, 1, self.within)
        back = replace(opening, cookies=first.cookies)
        visits = [first, *[await listen(back, 1, self.within) for _ in range(_AGAIN)]]
        names = [self._named(one) for one in visits]
        if not all(names):
            raise CouldNotObserve(
                f"WebSocket {self.path}: a message does not name its instance at {self.instance_pointer}"
            )
        return len({name for some in names for name in some}) == 1


def _stranger(heard: Heard) -> str:
    """What became of a connection without a token that was not refused."""
    if heard.let_in:
        return "a connection without a token is let in"
    said = f"status {heard.status}" if heard.status is not None else f"closed with {heard.code or 'no code'}"
    return f"a connection without a token: {said}, which is no refusal of who connects"


async def _trust(endpoint: Endpoint) -> ssl.SSLContext | None:
    if not endpoint.url.startswith(("https://", "wss://")):
        return None
    try:
        return await asyncio.to_thread(ssl.create_default_context, cafile=endpoint.ca_file)
    except (OSError, ssl.SSLError) as e:
        raise CouldNotObserve(f"ca_file {endpoint.ca_file} cannot be read as certificates ({type(e).__name__})") from e
