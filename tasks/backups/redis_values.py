"""A digest of one Redis key: its type, name and value, whatever encoding the server keeps the value in. Blocks."""

import hashlib
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence

from tasks.backups.redis_wire import Command, Wire, as_bytes, as_list, as_number
from tminus.errors import CouldNotObserve

_CHUNK = 1 << 20  # bytes of one value that are read at once
_MOST = 1000  # elements read at once
_WHOLE = 1 << 256
_TRIES = 3


def hashed(*parts: bytes) -> bytes:
    """BLAKE2b of 32 bytes over parts, each with its length before it."""
    return hashlib.blake2b(b"".join(framed(part) for part in parts), digest_size=32).digest()


def framed(part: bytes) -> bytes:
    """A part with its length before it, so that no two sequences of parts read the same."""
    return struct.pack(">Q", len(part)) + part


class Unordered:
    """A checksum over parts that come in any order: the sum of their digests modulo 2^256, and how many they are."""

    def __init__(self) -> None:
        self._sum = 0
        self.parts = 0

    def add(self, digest: bytes) -> None:
        """One more; the same part twice counts twice."""
        self._sum = (self._sum + int.from_bytes(digest, "big")) % _WHOLE
        self.parts += 1

    def digest(self) -> bytes:
        """32 bytes."""
        return self._sum.to_bytes(32, "big")

    @property
    def checksum(self) -> str:
        """In hexadecimal, with the number of parts."""
        return f"{self.parts}:{self._sum:064x}"


def whole_commands(kind: str, key: bytes) -> tuple[Command, ...]:
    """The commands that read a small value whole; none for a type that no Redis has without a module."""
    match kind:
        case "string":
            return (("GET", key),)
        case "list":
            return (("LRANGE", key, 0, -1),)
        case "set":
            return (("SMEMBERS", key),)
        case "hash":
            return (("HGETALL", key),)
        case "zset":
            return (("ZRANGE", key, 0, -1, "WITHSCORES"),)
        case "stream":
            return (("XRANGE", key, "-", "+"), ("XINFO", "STREAM", key), ("XINFO", "GROUPS", key))
        case _:
            return ()


def digest_of_whole(kind: str, key: bytes, replies: Sequence[object]) -> bytes | None:
    """The digest of a key from the replies to those commands; None where the key is gone."""
    if any(reply is None for reply in replies) or (replies[0] == [] and kind != "stream"):
        return None
    if kind == "string":
        return _of_parts(kind, key, [as_bytes(replies[0])])
    if kind == "stream":
        return _of_parts(kind, key, [*_entries(as_list(replies[0])), *_about_stream(replies[1], replies[2])])
    return _of_parts(kind, key, _bodies(kind, as_list(replies[0])))


def digest_by_parts(wire: Wire, kind: str, key: bytes, each: int) -> bytes | None:
    """The same digest, read in pieces; None where the key is gone.

    Args:
        wire: to the server.
        kind: the type.
        key: its name.
        each: bytes that one element has on average.

    Raises CouldNotObserve for a type that only a module knows.
    """
    if kind not in _READ:
        raise CouldNotObserve(f"a key has the type {kind[:20]!r}, which no Redis has without a module")
    count = max(1, min(_MOST, _CHUNK // max(each, 1)))
    digest = _of_parts(kind, key, _READ[kind](wire, key, count))
    return digest if as_number(wire.ask("EXISTS", key)) else None


def _of_parts(kind: str, key: bytes, parts: Sequence[bytes] | Iterator[bytes]) -> bytes:
    found = hashlib.blake2b(framed(kind.encode()) + framed(key), digest_size=32)
    for part in parts:
        found.update(part)
    return found.digest()


def _bodies(kind: str, elements: list[object]) -> Iterator[bytes]:
    if kind == "list":
        yield b"".join(framed(as_bytes(element)) for element in elements)
    elif kind == "zset":
        yield b"".join(_scored(elements))
    else:
        found = Unordered()
        for digest in _members(kind, elements):
            found.add(digest)
        yield found.digest()


def _members(kind: str, elements: list[object]) -> Iterator[bytes]:
    if kind == "set":
        yield from (hashed(as_bytes(element)) for element in elements)
        return
    pairs = iter(elements)
    yield from (hashed(as_bytes(field), as_bytes(value)) for field, value in zip(pairs, pairs, strict=True))


def _scored(elements: list[object]) -> Iterator[bytes]:
    pairs = iter(elements)
    for member, score in zip(pairs, pairs, strict=True):
        # By value: servers write the same number in different ways.
        yield framed(as_bytes(member)) + struct.pack(">d", float(as_bytes(score)))


def _string(wire: Wire, key: bytes, _count: int) -> Iterator[bytes]:
    length = as_number(wire.ask("STRLEN", key))
    for start in range(0, length, _CHUNK):
        yield as_bytes(wire.ask("GETRANGE", key, start, start + _CHUNK - 1))


def _list(wire: Wire, key: bytes, count: int) -> Iterator[bytes]:
    for start in range(0, as_number(wire.ask("LLEN", key)), count):
        elements = as_list(wire.ask("LRANGE", key, start, start + count - 1))
        yield b"".join(framed(as_bytes(element)) for element in elements)


def _zset(wire: Wire, key: bytes, count: int) -> Iterator[bytes]:
    for start in range(0, as_number(wire.ask("ZCARD", key)), count):
        yield b"".join(_scored(as_list(wire.ask("ZRANGE", key, start, start + count - 1, "WITHSCORES"))))


def _set(wire: Wire, key: bytes, count: int) -> Iterator[bytes]:
    yield _scanned(wire, "set", key, count, ("SSCAN", "SCARD"))


def _hash(wire: Wire, key: bytes, count: int) -> Iterator[bytes]:
    yield _scanned(wire, "hash", key, count, ("HSCAN", "HLEN"))


def _scanned(wire: Wire, kind: str, key: bytes, count: int, commands: tuple[str, str]) -> bytes:
    """All members by a cursor; again where a table that shrank under way made it give some of them twice."""
    scan, size = commands
    for _ in range(_TRIES):
        found, cursor = Unordered(), b"0"
        while True:
            cursor_reply, elements = as_list(wire.ask(scan, key, cursor, "COUNT", count))
            for digest in _members(kind, as_list(elements)):
                found.add(digest)
            cursor = as_bytes(cursor_reply)
            if cursor == b"0":
                break
        if found.parts == as_number(wire.ask(size, key)):
            return found.digest()
    raise CouldNotObserve(f"a {kind} of the scratch Redis gives another number of members than it says it has")


def _stream(wire: Wire, key: bytes, count: int) -> Iterator[bytes]:
    start = b"-"
    while entries := as_list(wire.ask("XRANGE", key, start, "+", "COUNT", count)):
        yield from _entries(entries)
        milliseconds, number = as_bytes(as_list(entries[-1])[0]).split(b"-")
        start = b"%s-%d" % (milliseconds, int(number) + 1)
    about = wire.many([("XINFO", "STREAM", key), ("XINFO", "GROUPS", key)], gone_is_none=True)
    if None not in about:
        yield from _about_stream(*about)


def _entries(entries: list[object]) -> Iterator[bytes]:
    for entry in entries:
        identity, fields = as_list(entry)
        yield framed(as_bytes(identity)) + hashed(*(as_bytes(field) for field in as_list(fields)))


def _about_stream(about: object, groups: object) -> Iterator[bytes]:
    yield framed(as_bytes(_named(as_list(about))[b"last-generated-id"]))
    for group in sorted((_named(as_list(one)) for one in as_list(groups)), key=lambda one: as_bytes(one[b"name"])):
        yield hashed(as_bytes(group[b"name"]), as_bytes(group[b"last-delivered-id"]), b"%d" % _pending(group))


def _named(pairs: list[object]) -> dict[bytes, object]:
    each = iter(pairs)
    return {as_bytes(name): value for name, value in zip(each, each, strict=True)}


def _pending(group: Mapping[bytes, object]) -> int:
    return as_number(group[b"pending"])


_READ: Mapping[str, Callable[[Wire, bytes, int], Iterator[bytes]]] = {
    "string": _string,
    "list": _list,
    "set": _set,
    "hash": _hash,
    "zset": _zset,
    "stream": _stream,
}
