"""Redis backups that load, and in which keys are others: by commands, run before the file was written."""

from collections.abc import Sequence
from typing import ClassVar

import redis

from bench.backups_gauntlet.damage import AOF, RDB, Damage, Mode
from bench.backups_gauntlet.trial import Trial
from tests.tasks.backups.redis_room import PROGRAMS, edited

Word = str | int
_DIFFER = ("databases_differ",)


class Commands(Damage, abstract=True):
    """Commands were run: on a server that then saved its RDB file, or at the end of what is appended.

    Attributes:
        commands: in database 0, unless they SELECT another.
    """

    stores: ClassVar[tuple[str, ...]] = (RDB, AOF)
    notices: ClassVar[tuple[str, ...]] = _DIFFER
    commands: ClassVar[Sequence[tuple[Word, ...]]] = ()

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        plain = trial.plain()
        if trial.kind == AOF:
            trial.put_file(plain + resp(("SELECT", 0), *self.commands), consistent=consistent)
            return
        folder = trial.place.new_folder("edit")
        trial.put_file(edited(PROGRAMS[0], plain, folder, self._run), consistent=consistent)

    def _run(self, client: "redis.Redis") -> None:
        for one in self.commands:
            client.execute_command(*one)  # type: ignore[no-untyped-call]


def resp(*commands: tuple[Word, ...]) -> bytes:
    """As a server appends them."""
    parts = []
    for command in commands:
        words = [str(one).encode() for one in command]
        parts.append(b"*%d\r\n" % len(words))
        parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
    return b"".join(parts)


class MissingKey(Commands):
    """One key is missing."""

    commands = (("DEL", "account:17"),)


class MissingKeys(Commands):
    """Half of the keys of one sort are missing."""

    commands = (("DEL", *(f"account:{one}" for one in range(50))),)


class ExtraKey(Commands):
    """A key is there that was not."""

    commands = (("SET", "account:new", 1),)


class ChangedKey(Commands):
    """The value of one key is another."""

    commands = (("SET", "account:17", "balance 1000000"),)


class ChangedByte(Commands):
    """One byte of a large value is another."""

    commands = (("SETRANGE", "large", 1_200_000, "z"),)


class SwappedKeys(Commands):
    """Two keys have each other's values."""

    commands = (("MSET", "account:1", "balance 14", "account:2", "balance 7"),)


class RenamedKey(Commands):
    """A key has another name."""

    commands = (("RENAME", "account:9", "account:nine"),)


class WrongType(Commands):
    """A key is of another type, with the same in it."""

    commands = (("DEL", "account:5"), ("RPUSH", "account:5", "balance 35"))


class ChangedField(Commands):
    """A field of a hash has another value."""

    commands = (("HSET", "order:7", "field 1", 999),)


class LostMember(Commands):
    """A member of a large set is missing."""

    commands = (("SREM", "large set", "member 4 of a large set"),)


class ChangedScore(Commands):
    """A score of a sorted set is another."""

    commands = (("ZADD", "board:9", 5, "player 3"),)


class ReorderedQueue(Commands):
    """A list is in another order."""

    commands = (("RPOPLPUSH", "queue:9", "queue:9"),)


class LostStreamEntry(Commands):
    """An entry of a stream is gone."""

    commands = (("XTRIM", "events:3", "MAXLEN", 0),)


class LostGroup(Commands):
    """A consumer group of a stream is gone, and with it what was not handled yet."""

    commands = (("XGROUP", "DESTROY", "events:1", "mailer"),)


class NoTtl(Commands):
    """Keys that should expire last for ever."""

    commands = tuple(("PERSIST", f"session:{one}") for one in range(100))


class OneNoTtl(Commands):
    """One key that should expire lasts for ever."""

    commands = (("PERSIST", "session:5"),)


class NewTtl(Commands):
    """A key that should last for ever expires."""

    commands = (("EXPIRE", "account:5", 10**6),)


class OtherTtl(Commands):
    """A key expires a day later than it should."""

    commands = (("PEXPIREAT", "session:9", 4_102_444_800_000),)


class ChangedExpiring(Commands):
    """A key that expires has another value."""

    commands = (("SET", "session:3", "another", "KEEPTTL"),)


class LostDatabase(Commands):
    """A whole database is gone."""

    commands = (("SELECT", 3), ("FLUSHDB",), ("SELECT", 0))


class SwappedDatabases(Commands):
    """Two databases have changed places, of which one had one key more."""

    commands = (("SET", "account:1", "x"), ("SWAPDB", 0, 3))


class MovedKey(Commands):
    """A key is in another database."""

    commands = (("MOVE", "account:8", 5),)


class Flushed(Commands):
    """Nothing is left: the file is that of an empty server."""

    commands = (("FLUSHALL",),)


class StaleMarkInRedis(Commands):
    """The mark in the Redis is older than what may be lost."""

    notices: ClassVar[tuple[str, ...]] = ("loss",)
    commands = (("HSET", "tminus:marker", "at", "2026-01-01T00:00:00+00:00"),)


class LostMarkInRedis(Commands):
    """The mark in the Redis is gone."""

    commands = (("DEL", "tminus:marker"),)


class Unchanged(Commands):
    """A key was written once more with the same value, and one was made and removed."""

    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    harmful: ClassVar[bool] = False
    commands = (("SET", "account:17", "balance 119"), ("SET", "brief", 1), ("DEL", "brief"))


class RewrittenSet(Commands):
    """A set, a hash and a sorted set were made anew in another order of what is in them."""

    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    harmful: ClassVar[bool] = False
    commands = (
        ("DEL", "names:5", "order:5", "board:5"),
        ("SADD", "names:5", *(f"name {one}" for one in reversed(range(6)))),
        ("HSET", "order:5", *(word for one in reversed(range(6)) for word in (f"field {one}", one))),
        ("ZADD", "board:5", *(word for one in reversed(range(6)) for word in (repr(one / 3), f"player {one}"))),
    )


class Reencoded(Commands):
    """A hash is kept by another encoding, with the same in it."""

    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    harmful: ClassVar[bool] = False
    commands = (("HSET", "order:6", "brief", "x" * 500), ("HDEL", "order:6", "brief"))
