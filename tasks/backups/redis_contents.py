"""What a scratch Redis holds, counted: per database keys, types, a checksum, and what expires when. Blocks."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tasks.backups.redis_values import Unordered, digest_by_parts, digest_of_whole, hashed, whole_commands
from tasks.backups.redis_wire import Command, Wire, as_bytes, as_list, as_number
from tminus.backups.contents import ExpiringKeys, KeyCensus, Marker, RedisContents
from tminus.backups.redis_horizons import horizon
from tminus.errors import CouldNotObserve

MARKER_KEY = "tminus:marker"
"""The hash in which `tminus mark` leaves `number` and `at`."""
_PAGE = 1000  # keys asked for at once
_SMALL = 16 << 10  # bytes of memory: a value up to this is read whole
_AT_ONCE = 8 << 20  # bytes of values read in one round trip
_TOGETHER = 50  # expiries read between two looks at the server's clock
_TRIES = 5
_KEYSPACE = re.compile(rb"^db(\d+):keys=(\d+),expires=(\d+)", re.MULTILINE)
_FIELDS_EXPIRE = re.compile(rb"(?:subexpiry|keys_with_volatile_items)=[1-9]")
_MS = 1000


@dataclass
class _Database:
    """One database while it is counted."""

    types: Counter[str] = field(default_factory=Counter)
    lasting: Unordered = field(default_factory=Unordered)
    expiring: dict[int, Unordered] = field(default_factory=dict)

    def census(self, keys: int, expiring: int) -> KeyCensus:
        return KeyCensus(
            keys=keys,
            types=dict(sorted(self.types.items())),
            expiring=expiring,
            checksum=self.lasting.checksum,
            horizons=tuple(
                ExpiringKeys(after=after, keys=found.parts, checksum=found.checksum)
                for after, found in sorted(self.expiring.items())
            ),
        )


@dataclass(frozen=True)
class _Key:
    name: bytes
    kind: str
    expires: int | None
    memory: int


def redis_contents(wire: Wire, taken_at: datetime) -> RedisContents:
    """Everything in it. Memory stays the same however much that is.

    Keys that have expired are counted, since a replica keeps them, but cannot be read. Raises CouldNotObserve where
    the server is gone, or a type of key is a module's.
    """
    exact = wire.ask("COMMAND", "INFO", "PEXPIRETIME") not in ([None], [])
    databases = {}
    for number, (keys, expiring) in keyspace(as_bytes(wire.ask("INFO", "keyspace"))).items():
        wire.ask("SELECT", number)
        databases[number] = Reader(wire, taken_at, exact).read(number, keys, expiring)
    return RedisContents(databases=databases, functions=_functions(wire))


def keyspace(info: bytes) -> dict[int, tuple[int, int]]:
    """Database → its keys, and how many of them expire, from INFO keyspace; those not deleted yet included.

    Raises CouldNotObserve where single fields of hashes expire: such a key is another every moment.
    """
    if _FIELDS_EXPIRE.search(info):
        raise CouldNotObserve("hashes have fields with a time to live of their own, which tminus cannot compare yet")
    return {int(found[1]): (int(found[2]), int(found[3])) for found in _KEYSPACE.finditer(info)}


def marker(wire: Wire) -> Marker | None:
    """The newest mark, from database 0; None where there is none."""
    wire.ask("SELECT", 0)
    return as_marker(*as_list(wire.ask("HMGET", MARKER_KEY, "number", "at")))


def as_marker(number: object, at: object) -> Marker | None:
    """A mark from the two fields of its hash; None where one is missing or makes no sense."""
    try:
        return Marker(number=int(as_bytes(number)), at=datetime.fromisoformat(as_bytes(at).decode()))
    except (ValueError, CouldNotObserve):  # pydantic's error is a ValueError
        return None


class Reader:
    """Reads one database by its cursor."""

    def __init__(self, wire: Wire, taken_at: datetime, exact: bool) -> None:
        self._wire = wire
        self._taken_at = taken_at
        self._exact = exact  # whether the server has PEXPIRETIME (7.0)

    def read(self, number: int, keys: int, expiring: int) -> KeyCensus:
        """All of it. Again where a table that shrank under way made the cursor give some keys twice."""
        for _ in range(_TRIES):
            found = _Database()
            for names in self.pages():
                self._count(found, self.described(names))
            if found.lasting.parts == keys - expiring:
                return found.census(keys, expiring)
        raise CouldNotObserve(
            f"database {number} of the scratch Redis has {keys - expiring} keys without a time to live, "
            f"but {found.lasting.parts} can be read"
        )

    def pages(self) -> Iterator[list[bytes]]:
        """The names of all keys, some of them at a time; one may come twice."""
        cursor = b"0"
        while True:
            reply, names = as_list(self._wire.ask("SCAN", cursor, "COUNT", _PAGE))
            yield [as_bytes(name) for name in as_list(names)]
            cursor = as_bytes(reply)
            if cursor == b"0":
                return

    def described(self, names: Sequence[bytes]) -> Iterator[_Key]:
        """Type, expiry and size of each; those that have expired are left out."""
        ttl = "PEXPIRETIME" if self._exact else "PTTL"
        commands: list[Command] = []
        for name in names:
            commands += [("TYPE", name), (ttl, name), ("MEMORY", "USAGE", name)]
        replies = self._wire.many(commands)
        inexact = [name for name, left in zip(names, replies[1::3], strict=True) if as_number(left) >= 0]
        expiries = {} if self._exact else self._expiries(inexact)
        for name, kind, left, memory in zip(names, replies[0::3], replies[1::3], replies[2::3], strict=True):
            if kind == b"none" or not isinstance(memory, int):
                continue
            expires = None if as_number(left) == -1 else as_number(left) if self._exact else expiries.get(name)
            if as_number(left) != -1 and (expires is None or expires < 0):
                continue
            yield _Key(name, as_bytes(kind).decode(errors="replace"), expires, memory)

    def _expiries(self, names: Sequence[bytes]) -> dict[bytes, int]:
        """When each expires, to the millisecond, from how long it has left: the server's clock before and after agree.

        A server without PEXPIRETIME does not tell it in any other way.
        """
        found: dict[bytes, int] = {}
        for start in range(0, len(names), _TOGETHER):
            together = names[start : start + _TOGETHER]
            for tried in range(_TRIES * 4):
                # The whole lot at first; where the clock went on meanwhile, one by one.
                lots = [together] if tried == 0 else [[name] for name in together if name not in found]
                for lot in lots:
                    found |= self._at_one_moment(lot)
                if all(name in found for name in together):
                    break
            else:
                raise CouldNotObserve("the scratch Redis is too slow to tell when its keys expire")
        return found

    def _at_one_moment(self, names: Sequence[bytes]) -> dict[bytes, int]:
        before, *left, after = self._wire.many([("TIME",), *(("PTTL", name) for name in names), ("TIME",)])
        moment = _milliseconds(before)
        if moment != _milliseconds(after):
            return {}
        # A key that expired meanwhile (-2) is placed before everything, and read as gone afterwards.
        lasts = zip(names, map(as_number, left), strict=True)
        return {name: moment + ms if ms >= 0 else -1 for name, ms in lasts}

    def _count(self, found: _Database, keys: Iterator[_Key]) -> None:
        small: list[_Key] = []
        total = 0
        for key in keys:
            if key.memory > _SMALL or not whole_commands(key.kind, key.name):
                self._add(found, key, digest_by_parts(self._wire, key.kind, key.name, self._each(key)))
                continue
            small.append(key)
            total += key.memory
            if total > _AT_ONCE:
                self._count_small(found, small)
                small, total = [], 0
        self._count_small(found, small)

    def _count_small(self, found: _Database, keys: Sequence[_Key]) -> None:
        commands = [whole_commands(key.kind, key.name) for key in keys]
        if not commands:
            return
        replies = iter(self._wire.many([one for some in commands for one in some], gone_is_none=True))
        for key, some in zip(keys, commands, strict=True):
            self._add(found, key, digest_of_whole(key.kind, key.name, [next(replies) for _ in some]))

    def _each(self, key: _Key) -> int:
        size = {"list": "LLEN", "set": "SCARD", "hash": "HLEN", "zset": "ZCARD", "stream": "XLEN"}.get(key.kind)
        return key.memory // max(1, as_number(self._wire.ask(size, key.name))) if size else key.memory

    def _add(self, found: _Database, key: _Key, digest: bytes | None) -> None:
        if digest is None:
            return  # it has expired since it was named
        found.types[key.kind] += 1
        if key.expires is None:
            found.lasting.add(digest)
            return
        stretch = found.expiring.setdefault(horizon(key.expires, self._taken_at), Unordered())
        stretch.add(hashed(digest, b"%d" % key.expires))


def _milliseconds(time: object) -> int:
    seconds, microseconds = (int(as_bytes(part)) for part in as_list(time))
    return seconds * _MS + microseconds // _MS


def clock(time: object) -> datetime:
    """The reply to TIME as a moment."""
    return datetime.fromtimestamp(_milliseconds(time) / _MS, UTC)


def _functions(wire: Wire) -> tuple[str, ...]:
    """Each library of functions, with a hash of its code; none where the server knows no functions (before 7.0)."""
    if wire.ask("COMMAND", "INFO", "FUNCTION") in ([None], []):
        return ()
    lines = []
    for library in as_list(wire.ask("FUNCTION", "LIST", "WITHCODE")):
        pairs = iter(as_list(library))
        about = {as_bytes(name): value for name, value in zip(pairs, pairs, strict=True)}
        code = hashlib.sha256(as_bytes(about[b"library_code"])).hexdigest()
        lines.append(f"{as_bytes(about[b'library_name']).decode(errors='replace')} {code[:16]}")
    return tuple(sorted(lines))
