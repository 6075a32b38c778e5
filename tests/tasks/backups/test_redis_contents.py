"""Counting a Redis: the same whatever server holds the keys, in whatever encoding, and however they are read."""

from datetime import timedelta
from pathlib import Path

import pytest

from tasks.backups import redis_contents as counting
from tasks.backups.redis_contents import redis_contents
from tasks.backups.redis_counting import own_folder
from tasks.backups.redis_server import RDB, scratch_redis
from tasks.backups.redis_tools import RedisProgram, RedisVersion, find_redis
from tests.tasks.backups.redis_room import PROGRAMS, edited, fill, live_redis
from tminus.backups.contents import RedisContents
from tminus.clock import now
from tminus.errors import CouldNotObserve

TAKEN = now()


@pytest.fixture(scope="module")
def rdb(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Keys of every type, as the oldest server here writes them."""
    folder = tmp_path_factory.mktemp("written")
    with live_redis(min(PROGRAMS, key=lambda one: one.version.number), folder, appendonly=False) as live:
        fill(live, keys=50)
        with live.client() as client:
            client.set("precise", 1, pxat=int((TAKEN + timedelta(days=3)).timestamp() * 1000) + 123)
            client.save()
    return (folder / RDB).read_bytes()


async def count(program: RedisProgram, rdb: bytes, folder: Path) -> RedisContents:
    """What a scratch server counts in a file."""
    place = own_folder(folder)
    (place / RDB).write_bytes(rdb)
    async with scratch_redis(program, place) as server:
        with server.wire() as wire:
            return redis_contents(wire, TAKEN)


@pytest.mark.parametrize("program", [pytest.param(one, id=str(one.version)) for one in PROGRAMS])
async def test_every_server_counts_the_same(program: RedisProgram, rdb: bytes, tmp_path: Path) -> None:
    """The oldest server's file counts the same in each, down to the millisecond of an expiry, and twice over."""
    wanted = await count(PROGRAMS[0], rdb, tmp_path)
    assert await count(program, rdb, tmp_path) == wanted
    census = wanted.databases[0]
    assert census.expiring == 51
    assert sum(one.keys for one in census.horizons) == 51
    assert set(census.types) == {"hash", "list", "set", "stream", "string", "zset"}


async def test_large_values_read_in_parts_count_the_same(
    rdb: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a value is read whole or in pieces changes nothing."""
    wanted = await count(PROGRAMS[0], rdb, tmp_path)
    for limit in (0, 10**9):
        monkeypatch.setattr(counting, "_SMALL", limit)
        assert await count(PROGRAMS[0], rdb, tmp_path) == wanted


async def test_other_encodings_count_the_same(rdb: bytes, tmp_path: Path) -> None:
    """Small values kept as lists of pairs, or as tables: their content counts."""
    tables = [
        f"{name} 0" for name in ("hash-max-ziplist-entries", "zset-max-ziplist-entries", "set-max-intset-entries")
    ]
    other = edited(PROGRAMS[0], rdb, tmp_path / "edit", lambda _client: None, *tables)
    assert other != rdb
    assert await count(PROGRAMS[0], other, tmp_path) == await count(PROGRAMS[0], rdb, tmp_path)


def test_versions_that_load_one_another() -> None:
    """A newer server loads an older one's files; Valkey loads Redis' up to the fork; nothing else."""

    def loads(one: str, other: str) -> bool:
        return RedisVersion.parse(one).loads(RedisVersion.parse(other))

    assert loads("redis 7.0.15", "redis 6.2.14")
    assert loads("redis 6.2.1", "redis 6.2.14")
    assert not loads("redis 6.2.14", "redis 7.0.15")
    assert loads("valkey 9.1.2", "redis 7.2.4")
    assert not loads("valkey 9.1.2", "redis 7.4.0")
    assert not loads("redis 8.0.0", "valkey 7.2.5")
    assert loads("valkey 8.0.0", "valkey 7.2.5")
    with pytest.raises(CouldNotObserve, match="is no version"):
        RedisVersion.parse("six")


def test_no_server_for_what_is_newer() -> None:
    """Where no program loads the files, those that are there are named."""
    with pytest.raises(CouldNotObserve, match=r"no server that loads what redis 99\.0\.0 wrote; found: .*redis"):
        find_redis(RedisVersion.parse("redis 99.0.0"))


@pytest.mark.parametrize(
    "says", [b"db0:keys=3,expires=0,avg_ttl=0,subexpiry=2", b"db0:keys=1,keys_with_volatile_items=1"]
)
def test_fields_that_expire_are_not_guessed_at(says: bytes) -> None:
    """Hashes whose fields expire one by one are said to be beyond what can be compared."""
    with pytest.raises(CouldNotObserve, match="fields with a time to live"):
        counting.keyspace(says)


@pytest.mark.parametrize(
    ("number", "at", "good"),
    [
        (b"7", b"2026-03-01T12:00:00+00:00", True),
        (b"7", b"2026-03-01T12:00:00Z", True),
        (b"7", b"2026-03-01T12:00:00", False),
        (b"-1", b"2026-03-01T12:00:00Z", False),
        (b"x", b"2026-03-01T12:00:00Z", False),
        (b"7", b"yesterday", False),
        (None, None, False),
    ],
)
def test_marks(number: bytes | None, at: bytes | None, good: bool) -> None:
    """What is no number, or no moment with its zone, is no mark."""
    assert (counting.as_marker(number, at) is not None) is good
