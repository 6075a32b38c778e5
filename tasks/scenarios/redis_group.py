"""The servers of a Redis that Sentinels watch, as each describes itself, and as the Sentinels see them."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError

from tasks.estate import CONNECT_WITHIN, Estate
from tasks.redis_sentinels import Belief, beliefs
from tminus.credentials import resolve
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.loopback import url_is_local
from tminus.systems.drills import RedisGroup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import redis.asyncio

_PORT = 6379


class Described(BaseModel, frozen=True):
    """INFO replication. See https://redis.io/docs/latest/commands/info/."""

    role: str
    connected_slaves: int = 0
    master_link_status: str = ""
    offset: int = Field(default=0, alias="master_repl_offset")


@dataclass(frozen=True)
class Seen:
    """All servers and all Sentinels; None for a server that does not answer."""

    nodes: Mapping[str, Described | None]
    places: Mapping[str, str]
    sentinels: Sequence[Belief]

    @property
    def primaries(self) -> Sequence[str]:
        """Those that take writes."""
        return [name for name, one in self.nodes.items() if one is not None and one.role == "master"]

    @property
    def replicas(self) -> Sequence[str]:
        """Those that follow, with their link up."""
        return [name for name, one in self.nodes.items() if one is not None and one.master_link_status == "up"]

    @property
    def silent(self) -> Sequence[str]:
        """Those that do not answer."""
        return [name for name, one in self.nodes.items() if one is None]

    @property
    def believed(self) -> str:
        """Who all Sentinels that answer say is the primary, and up; "" where they do not agree."""
        said = {one.primary if one.up else "" for one in self.sentinels if not one.trouble}
        [place] = said if len(said) == 1 else [""]
        return next((name for name, at in self.places.items() if at == place), "")

    def steady(self) -> dict[str, str]:
        """By roles."""
        return {
            "servers that take writes": str(len(self.primaries)),
            "replicas whose link is up": str(len(self.replicas)),
            "servers that do not answer": str(len(self.silent)),
            "Sentinels that can fail over": str(sum(one.able for one in self.sentinels)),
        }

    def line(self) -> str:
        """For people."""
        parts = ((self.primaries, "takes writes"), (self.replicas, "follows"), (self.silent, "does not answer"))
        said = [f"{', '.join(names)} {how}" for names, how in parts if names]
        able = sum(one.able for one in self.sentinels)
        return f"{'; '.join(said)}; {able} of {len(self.sentinels)} Sentinels can fail over"


def group_of(estate: Estate, name: str) -> RedisGroup:
    """What the environment says of it; raises NotConfigured."""
    drills = estate.environment.drills
    if drills is None or name not in drills.redis:
        known = ", ".join(sorted(drills.redis)) if drills else ""
        raise NotConfigured(f"drills.redis names no {name!r} (it has: {known or 'none'}); add it to the environment")
    return drills.redis[name]


async def see(estate: Estate, group: RedisGroup) -> Seen:
    """Asks all of them at once. A server that does not answer is not an error; raises MissingSecret, NotConfigured."""
    urls = [await asyncio.to_thread(resolve, node.url) for node in group.nodes.values()]
    asked, believed = await asyncio.gather(
        asyncio.gather(*(_described(estate, url) for url in urls)), beliefs(estate, group.sentinels)
    )
    places = dict(zip(group.nodes, map(place, urls), strict=True))
    return Seen(dict(zip(group.nodes, asked, strict=True)), places, believed)


async def _described(estate: Estate, url: SecretStr) -> Described | None:
    try:
        async with connected(estate, url) as client:
            return Described.model_validate(await client.info("replication"))
    except (CouldNotObserve, ValidationError):
        return None


@asynccontextmanager
async def connected(estate: Estate, url: SecretStr) -> "AsyncIterator[redis.asyncio.Redis]":
    """A client of one server; raises CouldNotObserve."""
    import redis.asyncio

    at = place(url)
    if estate.environment.clock.compressed and not url_is_local(url.get_secret_value()):
        raise CouldNotObserve(f"redis {at}: with a compressed clock nothing but loopback is opened")
    client = redis.asyncio.from_url(
        url.get_secret_value(),
        decode_responses=True,
        socket_connect_timeout=CONNECT_WITHIN,
        socket_timeout=CONNECT_WITHIN,
    )
    try:
        yield client
    except redis.exceptions.RedisError as e:
        raise CouldNotObserve(f"redis {at}: {type(e).__name__}; is it up?") from e
    finally:
        await client.aclose()


def place(url: SecretStr) -> str:
    """`host:port` of a server, without credentials."""
    parts = urlsplit(url.get_secret_value())
    return f"{parts.hostname or 'localhost'}:{parts.port or _PORT}"
