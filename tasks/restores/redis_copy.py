"""Every key of a scratch Redis, written into an empty database of a live one, and counted there. Blocks."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from tasks.backups.redis_contents import Reader
from tasks.backups.redis_wire import Command, Wire, as_bytes
from tasks.restores.live_redis import LiveRedis, Mark, mark_of
from tminus.backups.contents import RedisContents
from tminus.backups.redis_differences import redis_differences
from tminus.clock import now
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import redis

_AT_ONCE = 4 << 20  # bytes of values on their way


def copy(scratch: Wire, live: LiveRedis, pairs: Mapping[int, int], key: str, mine: Mark, taken_at: datetime) -> None:
    """Fills each database beside, anew where an earlier try left something.

    Every write goes through only where the mark is still ours: not once somebody swapped, or a later conductor began.

    Args:
        scratch: with the backup loaded.
        live: the server.
        pairs: database → the one beside that is to take its name.
        key: by which a database is known as this restore's.
        mine: what stands there, but for the database.
        taken_at: the backup's moment.

    Raises CouldNotObserve where one beside holds what is not this restore's.
    """
    exact = scratch.ask("COMMAND", "INFO", "PEXPIRETIME") not in ([None], [])
    for database, beside in pairs.items():
        mark = mine.model_copy(update={"database": database})
        with live.database(beside) as client:
            _begin(client, key, mark, f"redis {live.name}: database {beside}")
            scratch.ask("SELECT", database)
            reader = Reader(scratch, taken_at, exact)
            for names in reader.pages():
                for commands in _commands(scratch, reader, names):
                    _write(client, key, mark, commands)


def _begin(client: "redis.Redis", key: str, mark: Mark, where: str) -> None:
    """An empty database with the mark in it."""
    with client.pipeline(transaction=True) as pipe:
        pipe.watch(key)  # type: ignore[no-untyped-call]
        found = mark_of(client, key)
        if found is None and client.dbsize():
            raise CouldNotObserve(f"{where} is not empty any more")
        if found is not None and (found.restore != mark.restore or found.token > mark.token):
            raise CouldNotObserve(f"{where} is another restore's, or a later conductor's")
        pipe.multi()
        pipe.flushdb()
        pipe.set(key, mark.model_dump_json())
        pipe.execute()


def _commands(scratch: Wire, reader: Reader, names: list[bytes]) -> Iterator[list[Command]]:
    """What writes these keys, in parts of a bounded size."""
    commands: list[Command] = []
    size = 0
    for one in reader.described(names):
        [value] = scratch.many([("DUMP", one.name)], gone_is_none=True)
        if value is None:
            continue  # it has expired since it was named
        commands.append(("RESTORE", one.name, one.expires or 0, as_bytes(value), "REPLACE", "ABSTTL"))
        size += len(as_bytes(value))
        if size > _AT_ONCE:
            yield commands
            commands, size = [], 0
    if commands:
        yield commands


def _write(client: "redis.Redis", key: str, mark: Mark, commands: list[Command]) -> None:
    with client.pipeline(transaction=True) as pipe:
        pipe.watch(key)  # type: ignore[no-untyped-call]
        if mark_of(client, key) != mark:
            raise CouldNotObserve("a database beside is not this restore's any more: somebody swapped or flushed it")
        pipe.multi()
        for command in commands:
            pipe.execute_command(*command)  # type: ignore[no-untyped-call]
        pipe.execute()


class _Without(Reader):
    """Counts a database but for one key."""

    def __init__(self, wire: Wire, taken_at: datetime, exact: bool, but: bytes) -> None:
        super().__init__(wire, taken_at, exact)
        self._but = but

    def pages(self) -> Iterator[list[bytes]]:
        """See Reader."""
        for names in super().pages():
            yield [name for name in names if name != self._but]


def differences(
    live: LiveRedis, pairs: Mapping[int, int], mark: str, wanted: RedisContents, taken_at: datetime
) -> list[str]:
    """How the databases beside differ from what was counted as the backup was taken, but for what expired since."""
    used, found = live.used(), {}
    for database, beside in pairs.items():
        keys, expiring = used.get(beside, (0, 0))
        with live.wire(beside) as wire:
            exact = wire.ask("COMMAND", "INFO", "PEXPIRETIME") not in ([None], [])
            census = _Without(wire, taken_at, exact, mark.encode()).read(beside, keys - 1, expiring)
        before = wanted.databases.get(database)
        if before is not None:
            # A live server removes what expires, and a scratch does not: how many there were is not what is asked.
            found[database] = census.model_copy(update={"keys": before.keys, "expiring": before.expiring})
        elif census.keys:
            found[database] = census
    contents = RedisContents(databases=found, functions=wanted.functions)
    return [f"{where} beside: {what}" for where, what in redis_differences(wanted, contents, taken_at, now()).items()]
