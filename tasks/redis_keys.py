"""A random sample of a Redis' keys: how they are named, when they expire, and whether big values are compressed."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from tasks.backups.redis_contents import MARKER_KEY

if TYPE_CHECKING:
    import redis.asyncio

_STEP = 200  # keys a round trip
_STEPS_MORE = 5  # round trips
_TRIES = 4  # of as many keys as are wanted, for keys that were drawn before
_HEAD = 9  # bytes
# How compressed values begin: gzip, zstd, LZ4's frame, zlib (three levels), Snappy's frame, XZ, bzip2.
_MAGIC = (
    *(b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"\x78\x01", b"\x78\x9c", b"\x78\xda"),
    *(b"\xff\x06\x00\x00sNaPp"[:_HEAD], b"\xfd7zXZ\x00", b"BZh"),
)
_NAMESPACE = re.compile(rb"[A-Za-z][A-Za-z_.-]{0,31}(?=:)")  # without digits: one that tells customers apart is no name

_DATABASE = re.compile(r"db\d{1,9}")
_MARK = MARKER_KEY.encode()  # tminus' own, which never expires, since a backup must hold it
_NO_KEY = -2  # what PTTL answers of a key that is not there

Command = tuple[str | bytes | int, ...]


class Database(BaseModel, frozen=True):
    """One line of INFO keyspace. See https://redis.io/docs/latest/commands/info/."""

    keys: int = Field(ge=0)
    expires: int = Field(ge=0)


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


async def keyspace(client: "redis.asyncio.Redis") -> dict[int, Database]:
    """Each database that has keys, as INFO counts them, but for what `tminus mark` leaves there.

    Raises ValueError where that is no INFO. RedisError passes through.
    """
    found: dict[int, Database] = {}
    for name, counts in dict(await client.info("keyspace")).items():
        if not _DATABASE.fullmatch(str(name)):
            raise ValueError("INFO keyspace has more than databases")
        number = int(str(name)[2:])
        one = await _but_the_mark(_Place(client, number), Database.model_validate(counts))
        if one.keys:
            found[number] = one
    return found


async def sample(client: "redis.asyncio.Redis", databases: Mapping[int, Database], most: int, big: int) -> list[Key]:
    """Up to `most` keys, each another, drawn at random from all databases, with the heads of big strings.

    Each database gives its share of `most`, one key at least; one that has no more keys than its share gives all.
    RedisError passes through. Keys that go away meanwhile are left out.

    Args:
        client: whose own database it stays in afterwards.
        databases: those that have keys.
        most: how many keys, at least; every database adds one at most to it.
        big: bytes from which the head of a string is read.
    """
    total = sum(one.keys for one in databases.values())
    found: list[Key] = []
    for number, one in databases.items():
        share = min(one.keys, max(1, -(-most * one.keys // max(total, 1))))
        place = _Place(client, number)
        names = await (_all(place, share) if one.keys <= share else _drawn(place, share))
        for start in range(0, len(names), _STEP):
            found += await _looked_at(place, names[start : start + _STEP], big)
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """One database, through a client that is connected to another one, perhaps."""

    client: "redis.asyncio.Redis"
    number: int

    async def asked(self, commands: Sequence[Command]) -> list[object]:
        """The answers to commands in one round trip, after which the connection is in its own database again."""
        own = int(self.client.connection_pool.connection_kwargs.get("db") or 0)
        moved = [("SELECT", self.number)] if self.number != own else []
        async with self.client.pipeline(transaction=False) as batch:
            for command in [*moved, *commands, *([("SELECT", own)] if moved else [])]:
                batch.execute_command(*command)
            answers: list[object] = await batch.execute()
        return answers[len(moved) : len(answers) - len(moved)]


async def _but_the_mark(place: _Place, one: Database) -> Database:
    ttl = _number((await place.asked([("PTTL", _MARK)]))[0])
    if ttl == _NO_KEY:
        return one
    return Database(keys=max(0, one.keys - 1), expires=max(0, one.expires - (ttl >= 0)))


async def _all(place: _Place, expected: int) -> list[bytes]:
    """Every key there is, in as many steps as there are keys, and some more for those that come meanwhile."""
    names: dict[bytes, None] = {}
    cursor = 0
    for _ in range(2 * expected // _STEP + _STEPS_MORE):
        [answer] = await place.asked([("SCAN", cursor, "COUNT", _STEP)])
        if not isinstance(answer, list | tuple) or len(answer) != 2:  # noqa: PLR2004 - the cursor and the keys
            raise ValueError("SCAN answers with something else")
        names.update(dict.fromkeys(answer[1]))
        cursor = int(answer[0])
        if cursor == 0:
            break
    return [name for name in names if name != _MARK]


async def _drawn(place: _Place, wanted: int) -> list[bytes]:
    """Keys at random, until there are enough different ones or it was tried often enough."""
    names: dict[bytes, None] = {}
    for _ in range(_TRIES * wanted // _STEP + _STEPS_MORE):
        answers = await place.asked([("RANDOMKEY",)] * min(_STEP, wanted))
        names.update(dict.fromkeys(name for name in answers if isinstance(name, bytes) and name != _MARK))
        if len(names) >= wanted:
            break
    return list(names)[:wanted]


async def _looked_at(place: _Place, names: Sequence[bytes], big: int) -> list[Key]:
    plain = await place.asked([command for name in names for command in (("PTTL", name), ("TYPE", name))])
    there = [
        (name, _number(ttl), kind)
        for name, ttl, kind in zip(names, plain[::2], plain[1::2], strict=True)
        if kind != b"none"
    ]
    strings = [name for name, _, kind in there if kind == b"string"]
    lengths = await place.asked([("STRLEN", name) for name in strings])
    sizes = {name: _number(length) for name, length in zip(strings, lengths, strict=True)}
    long = [name for name, size in sizes.items() if size >= big]
    heads = dict(zip(long, await place.asked([("GETRANGE", name, 0, _HEAD - 1) for name in long]), strict=True))
    return [Key(name, ttl if ttl >= 0 else None, sizes.get(name), _text(heads.get(name))) for name, ttl, _ in there]


def _text(answer: object) -> bytes:
    return answer if isinstance(answer, bytes) else b""


def _number(answer: object) -> int:
    if not isinstance(answer, int):
        raise TypeError("no number")
    return answer


def namespaces(keys: Sequence[Key]) -> Counter[str]:
    """How many keys each namespace has; those without one under ""."""
    return Counter(key.namespace for key in keys)
