"""The questions for a set of ids that a book may ask of a restored Redis, or of restored objects."""

import re
from dataclasses import dataclass
from datetime import datetime

from tminus.backups.redis_query import database_and_words
from tminus.errors import UsageError

_GLOB = re.compile(r"[?\[\]\\^]")
_MEMBERS = ("SMEMBERS", "HKEYS", "ZRANGE")
_EXAMPLES = "'KEYS order:*', 'KEYS order:* AT placed_at', 'DB 2 SMEMBERS orders' or 'ZRANGE orders'"
_MILLISECONDS_FROM = 1e11  # a number above this is milliseconds since 1970: as seconds it would be the year 5138


@dataclass(frozen=True)
class IdPattern:
    """Keys, and which part of each is the id: what the last `*` stands for."""

    text: str
    form: re.Pattern[bytes]

    @classmethod
    def parse(cls, text: str) -> "IdPattern":
        """Reads `notes/*.json`, where each `*` is any characters; raises UsageError."""
        before, star, after = text.rpartition("*")
        if not star:
            raise UsageError(f"{text!r} says not which part of a key is the id; write a * for it, as in 'notes/*.json'")
        parts = [re.escape(part.encode()) for part in before.split("*")]
        return cls(text, re.compile(b".*".join(parts) + b"(.*)" + re.escape(after.encode()), re.DOTALL))

    def id_of(self, key: bytes) -> bytes | None:
        """The id in a key; None where the key is none of these."""
        found = self.form.fullmatch(key)
        return found[1] if found else None


@dataclass(frozen=True)
class RedisSet:
    """A set of ids in a Redis.

    Attributes:
        database: in which database.
        command: `KEYS`, whose keys have the id in their names, or where the ids are members: `SMEMBERS`, `HKEYS`,
            `ZRANGE`, of which the scores are when each was written.
        key: of the set, hash or sorted set; the pattern for `KEYS`.
        field: of each key's hash, that says when it was written; "" where nothing does.
    """

    database: int
    command: str
    key: str
    field: str = ""

    @classmethod
    def parse(cls, text: str) -> "RedisSet":
        """Reads `[DB n] KEYS pattern [AT field]`, or a command and a key; raises UsageError with an example."""
        database, words = database_and_words(text, _EXAMPLES)
        match [words[0].upper() if words else "", *words[1:]]:
            case ["KEYS", pattern]:
                return cls(database, "KEYS", _plain(pattern))
            case ["KEYS", pattern, at, field] if at.upper() == "AT":
                return cls(database, "KEYS", _plain(pattern), field)
            case [command, key] if command in _MEMBERS:
                return cls(database, command, key)
        raise UsageError(f"{text!r} names no set of ids in a Redis; write one such as {_EXAMPLES}")


def _plain(pattern: str) -> str:
    IdPattern.parse(pattern)
    if _GLOB.search(pattern):
        raise UsageError(f"{pattern!r}: only * may stand for something here; such as {_EXAMPLES}")
    return pattern


def as_time(text: bytes) -> float:
    """Seconds since 1970 of a time as applications write it: that number, milliseconds, or ISO 8601 with its zone.

    Raises ValueError where it is none of these.
    """
    said = text.decode("ascii", "replace").strip()
    try:
        number = float(said)
    except ValueError:
        at = datetime.fromisoformat(said)
        if at.tzinfo is None:
            raise ValueError("a time without its zone") from None
        return at.timestamp()
    if not number >= 0:
        raise ValueError("no time")
    return number / 1000 if number > _MILLISECONDS_FROM else number
