"""A sample of a Redis' keys: how they are named, when they expire, and whether big values are compressed."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import redis.asyncio

_STEP = 200  # keys a round trip
_HEAD = 9  # bytes
# How compressed values begin: gzip, zstd, LZ4's frame, zlib (three levels), Snappy's frame, XZ, bzip2.
_MAGIC = (
    *(b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"\x78\x01", b"\x78\x9c", b"\x78\xda"),
    *(b"\xff\x06\x00\x00sNaPp"[:_HEAD], b"\xfd7zXZ\x00", b"BZh"),
)
_NAMESPACE = re.compile(rb"[A-Za-z][A-Za-z_.-]{0,31}(?=:)")  # without digits: one that tells customers apart is no name


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was looked at.

    Attributes:
        name: as it is stored.
        ttl_ms: milliseconds until it expires; None where it never does.
        size: bytes of a string; None for other types, which nobody compresses as a whole.
        head: the first bytes of a big string.
    """

    name: bytes
    ttl_ms: int | None
    size: int | None
    head: bytes = b""

    @property
    def namespace(self) -> str:
        """What stands before the first colon; "" where nothing does that could be a namespace's name."""
        match = _NAMESPACE.match(self.name)
        return match.group().decode() if match else ""

    @property
    def compressed(self) -> bool:
        """Whether its value begins as a known compression does."""
        return self.head.startswith(_MAGIC)


async def sample(client: "redis.asyncio.Redis", most: int, big: int) -> list[Key]:
    """Up to `most` keys in the order of their hashes, with the heads of strings of at least `big` bytes.

    RedisError passes through. Keys that go away meanwhile are left out.
    """
    names: dict[bytes, None] = {}
    async for name in client.scan_iter(count=min(most, _STEP)):
        names[name] = None
        if len(names) >= most:
            break
    found: list[Key] = []
    ordered = list(names)
    for start in range(0, len(ordered), _STEP):
        found += await _looked_at(client, ordered[start : start + _STEP], big)
    return found


async def _looked_at(client: "redis.asyncio.Redis", names: Sequence[bytes], big: int) -> list[Key]:
    async with client.pipeline(transaction=False) as ask:
        for name in names:
            ask.pttl(name)
            ask.type(name)
        plain = await ask.execute()
    there = [
        (name, ttl, kind) for name, ttl, kind in zip(names, plain[::2], plain[1::2], strict=True) if kind != b"none"
    ]
    strings = [name for name, _, kind in there if kind == b"string"]
    sizes = dict(zip(strings, await _lengths(client, strings), strict=True))
    heads = dict(await _heads(client, [name for name, size in sizes.items() if size >= big]))
    return [Key(name, ttl if ttl >= 0 else None, sizes.get(name), heads.get(name, b"")) for name, ttl, _ in there]


async def _lengths(client: "redis.asyncio.Redis", names: Sequence[bytes]) -> list[int]:
    async with client.pipeline(transaction=False) as ask:
        for name in names:
            ask.strlen(name)
        found: list[int] = await ask.execute()
    return found


async def _heads(client: "redis.asyncio.Redis", names: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    async with client.pipeline(transaction=False) as ask:
        for name in names:
            ask.getrange(name, 0, _HEAD - 1)
        return list(zip(names, await ask.execute(), strict=True))


def namespaces(keys: Sequence[Key]) -> Counter[str]:
    """How many keys each namespace has; those without one under ""."""
    return Counter(key.namespace for key in keys)
