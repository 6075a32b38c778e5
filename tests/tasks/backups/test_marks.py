"""Marks through a real PostgreSQL, a real Redis and moto's S3: one number, one time, everywhere."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest
import redis

from tasks.backups import marks
from tasks.backups.marks import Marked, Place, mark, places
from tasks.backups.redis_contents import MARKER_KEY
from tasks.estate import Estate
from tests.conftest import Estates, PostgresServer, RedisServer, S3Server
from tminus.backups.book import BackupBook
from tminus.backups.contents import Marker
from tminus.backups.object_list import MARKER_OBJECT

_EACH = {"title": "t", "owner": "o", "bucket": "backups", "every": "1h", "rpo": "1h", "rto": "1h"}
BOOK = BackupBook.model_validate(
    {
        "backups": "shop",
        "title": "t",
        "stores": {
            "dump": {**_EACH, "kind": "postgres.dump", "database": "main"},
            "base": {**_EACH, "kind": "postgres.base", "database": "main"},
            "cache": {**_EACH, "kind": "redis.rdb", "redis": "main"},
            "uploads": {**_EACH, "kind": "s3.objects", "source": "uploads"},
        },
    }
)
STORES = list(BOOK.stores.values())
EVERYWHERE = [Place("postgres", "main"), Place("redis", "main"), Place("buckets", "uploads")]


@pytest.fixture
def place(
    estates: Estates, postgres_server: PostgresServer, redis_pair: RedisServer, s3_server: S3Server
) -> Iterator[Estate]:
    """All three, without any mark before and after."""
    _forget(postgres_server, redis_pair)
    yield estates.make(
        postgres={"main": {"dsn": estates.secret(postgres_server.at.address.dsn("postgres"))}},
        redis={"main": {"url": estates.secret(redis_pair.dsn)}},
        buckets={"uploads": s3_server.section(estates.secret, f"u/{estates.folder.name}/")},
    )
    _forget(postgres_server, redis_pair)


def _forget(postgres_server: PostgresServer, redis_pair: RedisServer) -> None:
    with postgres_server.connect() as sql:
        sql.execute("DROP SCHEMA IF EXISTS tminus CASCADE")
    with redis.Redis.from_url(redis_pair.dsn.get_secret_value()) as client:
        client.delete(MARKER_KEY)


def marked(place: Estate) -> Marked:
    """One more."""
    return asyncio.run(mark(place, STORES))


def in_redis(redis_pair: RedisServer) -> dict[bytes, bytes]:
    """What the hash holds."""
    with redis.Redis.from_url(redis_pair.dsn.get_secret_value()) as client:
        return client.hgetall(MARKER_KEY)


def in_postgres(postgres_server: PostgresServer) -> list[tuple[object, ...]]:
    """What the table holds."""
    with postgres_server.connect() as sql:
        return sql.execute("SELECT number, at FROM tminus.marker").fetchall()


def test_each_live_store_once() -> None:
    """Two kinds of backup of one database are one place."""
    assert places(STORES) == EVERYWHERE


def test_the_same_mark_goes_through_all(
    place: Estate, postgres_server: PostgresServer, redis_pair: RedisServer, s3_server: S3Server
) -> None:
    """The table is made where it is missing; the number grows by one."""
    assert [marked(place).mark.number for _ in range(3)] == [1, 2, 3]
    last = marked(place)
    assert (last.written, last.failed) == (EVERYWHERE, {})
    assert in_postgres(postgres_server) == [(4, last.mark.at)]
    assert in_redis(redis_pair) == {b"number": b"4", b"at": last.mark.at.isoformat().encode()}
    key = f"{place.environment.buckets['uploads'].prefix}{MARKER_OBJECT}"
    body = s3_server.client().get_object(Bucket=s3_server.at.address.bucket, Key=key)["Body"].read()
    assert Marker.model_validate_json(body) == last.mark


def test_one_that_lost_its_mark_goes_on_with_the_others(
    place: Estate, postgres_server: PostgresServer, redis_pair: RedisServer
) -> None:
    """A store that was restored to an earlier state takes up the number of the rest."""
    marked(place)
    marked(place)
    with redis.Redis.from_url(redis_pair.dsn.get_secret_value()) as client:
        client.delete(MARKER_KEY)
    assert marked(place).mark.number == 3
    assert in_redis(redis_pair)[b"number"] == b"3"
    assert [number for number, _ in in_postgres(postgres_server)] == [3]


def test_a_number_never_goes_back(place: Estate, postgres_server: PostgresServer) -> None:
    """Somebody else who marks at the same moment with a higher number wins."""
    from tasks.backups.marks import _to_sql

    marked(place)
    with postgres_server.connect() as sql:
        sql.execute("UPDATE tminus.marker SET number = 9")
    asyncio.run(_to_sql(place, EVERYWHERE[0], marked(place).mark.model_copy(update={"number": 5})))
    assert [number for number, _ in in_postgres(postgres_server)] == [10]


def test_what_may_not_be_made_is_said(place: Estate, estates: Estates, postgres_server: PostgresServer) -> None:
    """With the statement for an administrator; the other stores are marked all the same."""
    with postgres_server.connect() as sql:
        sql.execute("DROP ROLE IF EXISTS marks_only")
        sql.execute("CREATE ROLE marks_only LOGIN PASSWORD 'no-rights'")
    dsn = psycopg.conninfo.make_conninfo(
        postgres_server.at.address.dsn("postgres").get_secret_value(), user="marks_only", password="no-rights"
    )
    from pydantic import SecretStr

    sections = place.environment.model_dump(include={"redis", "buckets"}, mode="json")
    poor = estates.make(postgres={"main": {"dsn": estates.secret(SecretStr(dsn))}}, **sections)
    found = marked(poor)
    assert found.written == EVERYWHERE[1:]
    assert "CREATE TABLE IF NOT EXISTS tminus.marker" in found.failed[EVERYWHERE[0]]


def test_what_somebody_else_wrote_there_is_no_mark(place: Estate, redis_pair: RedisServer) -> None:
    """It is not written over."""
    with redis.Redis.from_url(redis_pair.dsn.get_secret_value()) as client:
        client.hset(MARKER_KEY, "number", "many")
    found = marked(place)
    assert "holds no mark" in found.failed[EVERYWHERE[1]]
    assert in_redis(redis_pair) == {b"number": b"many"}


def test_a_store_that_hangs_keeps_no_other_from_its_mark(place: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be it that it does not even let itself be ended, as a driver does that waits for its server."""

    async def hangs(_estate: Estate, _name: str) -> int:
        for _ in range(2):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue
        return 0

    monkeypatch.setattr(marks, "_in_redis", hangs)
    monkeypatch.setattr(marks, "_WITHIN", 2.0)
    monkeypatch.setattr(marks, "_ENDS", 0.01)
    found = marked(place)
    assert found.written == [EVERYWHERE[0], EVERYWHERE[2]]
    assert "redis main did not answer within" in found.failed[EVERYWHERE[1]]


def test_nobody_s_lock_is_waited_for(
    place: Estate, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that somebody holds, for whatever reason, is marked the next time."""
    marked(place)
    monkeypatch.setattr(marks, "_LOCK", "50ms")
    with postgres_server.connect() as sql, sql.transaction():
        sql.execute("LOCK TABLE tminus.marker")
        found = marked(place)
    assert found.written == EVERYWHERE[1:]
    assert "LockNotAvailable" in found.failed[EVERYWHERE[0]]
    assert marked(place).failed == {}
