"""What each of several Redis Sentinels believes of the primary that they watch."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError

from tasks.estate import CONNECT_WITHIN, Estate
from tminus.credentials import resolve
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.loopback import url_is_local

if TYPE_CHECKING:
    import redis.asyncio

_IDENTITY = re.compile(r"[0-9a-f]{40}")
_DOWN = {"s_down", "o_down", "disconnected"}


class _Watched(BaseModel, frozen=True):
    """SENTINEL MASTER. See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#sentinel-api."""

    ip: str
    port: int
    flags: str
    quorum: int = Field(ge=0)


class _Replica(BaseModel, frozen=True):
    """One of SENTINEL REPLICAS."""

    flags: str
    link: str = Field(alias="master-link-status")


@dataclass(frozen=True, slots=True)
class Belief:
    """What one Sentinel says.

    Attributes:
        sentinel: its host and port.
        trouble: why it says nothing; "" where it does.
        primary: host and port of the primary; "" where it watches none of that name.
        up: whether it finds that primary up.
        quorum: how many Sentinels must find it down.
        replicas: how many replicas it finds up and following.
        able: whether it knows of enough other Sentinels to agree on a failover now.
        identity: what it calls itself (SENTINEL MYID), which no other Sentinel does.
    """

    sentinel: str
    trouble: str = ""
    primary: str = ""
    up: bool = False
    quorum: int = 0
    replicas: int = 0
    able: bool = False
    identity: str = ""

    def line(self) -> str:
        """For the evidence."""
        if self.trouble or not self.primary:
            return f"sentinel {self.sentinel}: {self.trouble or 'watches no primary of that name'}"
        state = f"primary {self.primary} {'up' if self.up else 'down'}, {self.replicas} replicas"
        return f"sentinel {self.sentinel}: {state}, quorum {self.quorum}, {'can' if self.able else 'cannot'} fail over"


async def beliefs(estate: Estate, name: str) -> list[Belief]:
    """Asks all Sentinels of the environment's section at once; raises NotConfigured, MissingSecret, CouldNotObserve."""
    sections = estate.environment.sentinels
    if name not in sections:
        known = ", ".join(sorted(sections)) or "none"
        raise NotConfigured(f"sentinels names no {name!r} (it has: {known}); add it to the environment file")
    section = sections[name]
    urls = [(await asyncio.to_thread(resolve, reference)).get_secret_value() for reference in section.urls]
    if estate.environment.clock.compressed and not all(map(url_is_local, urls)):
        raise CouldNotObserve(f"sentinels {name}: with a compressed clock nothing but loopback is opened")
    return _each_once(await asyncio.gather(*(_asked(url, section.primary) for url in urls)))


def _each_once(seen: Sequence[Belief]) -> list[Belief]:
    """What a Sentinel says that was asked before, under another address, is nothing more."""
    first: dict[str, Belief] = {}
    for one in seen:
        if one.identity:
            first.setdefault(one.identity, one)
    return [
        Belief(one.sentinel, trouble=f"the same Sentinel as {again.sentinel}")
        if (again := first.get(one.identity, one)) is not one
        else one
        for one in seen
    ]


async def _asked(url: str, primary: str) -> Belief:
    import redis.asyncio

    sentinel = _place(url)
    try:
        client = redis.asyncio.from_url(
            url, decode_responses=True, socket_connect_timeout=CONNECT_WITHIN, socket_timeout=CONNECT_WITHIN
        )
        async with client:
            return await _belief(client, sentinel, primary)
    except redis.exceptions.RedisError as e:
        return Belief(sentinel, trouble=f"no answer ({type(e).__name__})")
    except (ValidationError, ValueError, AttributeError, TypeError):  # what redis-py makes of an answer of other kinds
        return Belief(sentinel, trouble="an answer that is no Sentinel's")


async def _belief(client: "redis.asyncio.Redis", sentinel: str, primary: str) -> Belief:
    import redis.exceptions

    identity = str(await client.execute_command("SENTINEL MYID"))  # type: ignore[no-untyped-call]
    if not _IDENTITY.fullmatch(identity):
        raise ValueError("no Sentinel's name for itself")
    try:
        watched = _Watched.model_validate(await client.sentinel_master(primary))
    except redis.exceptions.ResponseError as e:
        if "No such master" not in str(e):
            raise
        return Belief(sentinel, identity=identity)
    replicas = [_Replica.model_validate(one) for one in await client.sentinel_slaves(primary)]
    return Belief(
        sentinel,
        primary=f"{watched.ip}:{watched.port}",
        up=not _down(watched.flags),
        quorum=watched.quorum,
        replicas=sum(not _down(one.flags) and one.link == "ok" for one in replicas),
        able=await _able(client, primary),
        identity=identity,
    )


async def _able(client: "redis.asyncio.Redis", primary: str) -> bool:
    """SENTINEL CKQUORUM answers with an error where it is not."""
    import redis.exceptions

    try:
        await client.sentinel_ckquorum(primary)
    except redis.exceptions.ResponseError:
        return False
    return True


def _down(flags: str) -> bool:
    return bool(_DOWN & set(flags.split(",")))


def _place(url: str) -> str:
    """Host and port, without credentials."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 26379}"
