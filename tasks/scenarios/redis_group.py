"""The servers of a Redis that Sentinels watch, as each describes itself, and as the Sentinels see them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, SecretStr, ValidationError

from tasks.estate import Estate, named, redis_client
from tasks.redis_sentinels import Belief, beliefs
from tasks.scenarios.whereabouts import whereabouts
from tminus.credentials import resolve
from tminus.errors import CouldNotObserve
from tminus.systems.drills import RedisGroup

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import redis.asyncio


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
    return named(drills.redis if drills else {}, name, "drills.redis")


async def see(estate: Estate, group: RedisGroup) -> Seen:
    """Asks all of them at once. A server that does not answer is not an error; raises MissingSecret, NotConfigured."""
    urls = [await asyncio.to_thread(resolve, node.url) for node in group.nodes.values()]
    asked, believed = await asyncio.gather(
        asyncio.gather(*(_described(estate, url) for url in urls)), beliefs(estate, group.sentinels)
    )
    places = dict(zip(group.nodes, map(whereabouts, urls), strict=True))
    return Seen(dict(zip(group.nodes, asked, strict=True)), places, believed)


async def _described(estate: Estate, url: SecretStr) -> Described | None:
    try:
        async with connected(estate, url) as client:
            return Described.model_validate(await client.info("replication"))
    except (CouldNotObserve, ValidationError):
        return None


def connected(estate: Estate, url: SecretStr) -> "AbstractAsyncContextManager[redis.asyncio.Redis]":
    """A client of one server; see tasks.estate.redis_client."""
    return redis_client(estate.environment, url, f"redis {whereabouts(url)}", decoded=True)
