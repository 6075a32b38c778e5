"""Three real stores backed up at different points, restored, and held against each other. S3 is moto's."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import redis
from ruamel.yaml import YAML

from flows.backup_verification import proven, verify
from flows.marks import mark_all
from flows.taking import take_backup
from tests.conftest import Estates, PostgresServer, RedisServer, S3Server
from tests.sampling import few
from tminus.backups.contents import Marker
from tminus.backups.history import History
from tminus.backups.opened import OpenedBackups, open_backups
from tminus.outcome import Outcome, Verdict

_EACH = {"owner": "o", "bucket": "backups", "every": "24h", "rpo": "1h", "rto": "15m", "encrypted": False}
STORES = {
    "database": {**_EACH, "title": "The database", "kind": "postgres.dump", "database": "main"},
    "cache": {**_EACH, "title": "The cache", "kind": "redis.rdb", "redis": "main"},
    "notes": {**_EACH, "title": "The notes", "kind": "s3.objects", "source": "notes"},
}
TABLE = "together_orders"


@dataclass
class Shop:
    """Orders in a table, as keys, and as objects."""

    opened: OpenedBackups
    postgres: PostgresServer
    cache: "redis.Redis"
    s3: S3Server
    prefix: str

    def place(self, first: int, last: int, ago: timedelta = timedelta(hours=1)) -> None:
        """Orders in all three, whose ids are these numbers."""
        at = datetime.now(UTC) - ago
        with self.postgres.connect() as sql:
            for number in range(first, last):
                sql.execute(f"INSERT INTO {TABLE} VALUES (%s, %s)", (number, at))  # noqa: S608 - a constant
        for number in range(first, last):
            self.cache.set(f"order:{number}", "bought")
            self.s3.client().put_object(Bucket=self.s3.at.address.bucket, Key=self.note(number), Body=b"{}")

    def note(self, number: int) -> str:
        """The key of an order's contract note."""
        return f"{self.prefix}/notes/{number}.json"

    def lose(self, what: str) -> None:
        """One order is no longer in one of them."""
        match what:
            case "database":
                with self.postgres.connect() as sql:
                    sql.execute(f"DELETE FROM {TABLE} WHERE id = 7")  # noqa: S608 - a constant
            case "cache":
                self.cache.delete("order:7")
            case "notes":
                self.s3.client().delete_object(Bucket=self.s3.at.address.bucket, Key=self.note(7))

    def mark(self) -> Marker:
        """The next mark, through all of them."""
        marked = asyncio.run(mark_all(self.opened))
        assert not marked.failed
        return marked.mark

    def back_up(self, *stores: str) -> None:
        """Takes backups."""
        for name, store in self.opened.named(stores):
            asyncio.run(take_backup(self.opened, name, store))

    def history(self) -> History:
        """What the ledger knows."""
        with closing(self.opened.store()) as store:
            return self.opened.history(store)

    def compared(self) -> Outcome:
        """How the last comparison came out."""
        return self.history().compared[-1].outcome


Opening = Callable[[Mapping[str, str]], Shop]


@pytest.fixture
def opening(
    estates: Estates, postgres_server: PostgresServer, redis_pair: RedisServer, s3_server: S3Server
) -> Iterator[Opening]:
    """Makes the shop with these questions."""
    cache = redis.Redis.from_url(redis_pair.dsn.get_secret_value())
    with postgres_server.connect() as sql:
        sql.execute(f"CREATE TABLE {TABLE} (id bigint PRIMARY KEY, placed_at timestamptz NOT NULL)")
    folder, prefix = estates.folder, f"t/{estates.folder.name}"

    def opened(ids: Mapping[str, str]) -> Shop:
        agree = [{"title": "Orders", "ids": dict(ids)}]
        book = {
            "backups": "shop",
            "title": "t",
            "stores": STORES,
            "together": {"trading": {"title": "t", "owner": "o", "settles": "0s", "agree": agree}},
        }
        environment = {
            "environment": "here",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(folder / "ledger.db")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(folder / "state"),
            "postgres": {"main": {"dsn": estates.secret(postgres_server.at.address.dsn("postgres"))}},
            "redis": {"main": {"url": estates.secret(redis_pair.dsn)}},
            "buckets": {
                "backups": dict(s3_server.section(estates.secret, f"{prefix}/b")),
                "notes": dict(s3_server.section(estates.secret, f"{prefix}/notes")),
            },
            "backups": {"scratch": str(folder / "scratch")},
        }
        yaml = YAML(typ="safe", pure=True)
        yaml.dump(book, folder / "backups.yaml")
        yaml.dump(environment, folder / "environment.yaml")
        return Shop(open_backups(folder, folder / "environment.yaml"), postgres_server, cache, s3_server, prefix)

    yield opened
    cache.flushall()
    cache.close()
    with postgres_server.connect() as sql:
        sql.execute(f"DROP TABLE {TABLE}")


@pytest.fixture
def shop(opening: Opening) -> Shop:
    """With a key each in the cache that does not say when it was written."""
    return opening(
        {"database": f"SELECT id, placed_at FROM {TABLE}", "cache": "KEYS order:*", "notes": "*/notes/*.json"}  # noqa: S608
    )


@pytest.mark.long
def test_stores_of_different_points_agree_at_the_common_one(shop: Shop) -> None:
    """The cache's backup is the earlier one: what came later is no disagreement, and its mark is the common point."""
    shop.place(0, 30)
    first = shop.mark()
    shop.back_up("cache")
    shop.place(30, 35, ago=timedelta(0))
    shop.mark()
    shop.back_up("database", "notes")

    ended = asyncio.run(verify(shop.opened, shown=False))

    (came,) = shop.history().compared
    assert came.outcome.verdict is Verdict.PASS, (came.outcome.summary, came.outcome.details)
    assert proven(ended), ended.sentence
    assert came.mark == ended.common_mark == first
    assert f"agree as of mark {first.number}" in came.outcome.summary
    assert "Orders: cache has 30, database has 35, notes has 35" in came.outcome.details


@pytest.mark.parametrize("lost", few(["database", "cache", "notes"], "cache"))
def test_what_is_missing_in_one_is_caught(shop: Shop, lost: str) -> None:
    """A row, a key, an object: each backup is as its store was, and the stores do not agree."""
    shop.place(0, 30)
    shop.lose(lost)
    shop.mark()
    shop.back_up("cache")
    shop.mark()
    shop.back_up("database", "notes")

    ended = asyncio.run(verify(shop.opened, shown=False))

    assert {one.outcome.verdict for one in shop.history().verified} == {Verdict.PASS}
    assert shop.compared().verdict is Verdict.FAIL
    assert f"Orders: {lost} lacks 1 that" in shop.compared().summary
    assert "not proven to agree: trading (fail)" in ended.sentence
    assert not proven(ended)


UNASKABLE: list[tuple[Mapping[str, str], str]] = [
    ({"database": "SELECT id FROM no_such_table"}, "UndefinedTable 42P01"),
    ({"database": f"SELECT id, placed_at::timestamp FROM {TABLE}"}, "time without its zone"),  # noqa: S608
    ({"database": "SELECT 1, now(), NULL, 2"}, "gives 4 columns"),
    ({"database": "SELECT NULL"}, "NULL for an id"),
    ({"database": f"DELETE FROM {TABLE} RETURNING id"}, "SyntaxError"),  # noqa: S608
    ({"cache": "SMEMBERS order:1"}, "WRONGTYPE"),
    ({"cache": "KEYS order:* AT placed_at"}, ""),
]


@pytest.mark.parametrize("asked", few(UNASKABLE, UNASKABLE[0], UNASKABLE[3], UNASKABLE[5]))
def test_what_cannot_be_asked_is_unknown(opening: Opening, asked: tuple[Mapping[str, str], str]) -> None:
    """The backup is proven all the same; that the stores agree is not."""
    ids, why = asked
    plain = {"database": f"SELECT id, placed_at FROM {TABLE}", "cache": "KEYS order:*"}  # noqa: S608
    shop = opening({**plain, **ids})
    shop.place(0, 3)
    shop.mark()
    shop.back_up("cache", "database")

    asyncio.run(verify(shop.opened, ("cache", "database"), shown=False))

    assert {one.outcome.verdict for one in shop.history().verified} == {Verdict.PASS}
    if why:
        assert shop.compared().verdict is Verdict.UNKNOWN
        assert why in shop.compared().summary
    else:
        assert shop.compared().verdict is Verdict.PASS


@pytest.mark.long
def test_times_from_a_redis(opening: Opening) -> None:
    """Of hashes and of sorted sets; so a later cache is judged too."""
    plain = {"database": f"SELECT id, placed_at, NULL FROM {TABLE}"}  # noqa: S608
    for question in ("KEYS sale:* AT at", "ZRANGE sales", "HKEYS sold", "SMEMBERS sales:set"):
        shop = opening({**plain, "cache": question})
        shop.cache.flushall()
        for number in range(4):
            shop.cache.hset(f"sale:{number}", "at", "1700000000")
            shop.cache.zadd("sales", {str(number): 1700000000000})
            shop.cache.hset("sold", str(number), "1")
            shop.cache.sadd("sales:set", str(number))
        with shop.postgres.connect() as sql:
            sql.execute(f"DELETE FROM {TABLE}")  # noqa: S608
            for number in range(3):
                sql.execute(f"INSERT INTO {TABLE} VALUES (%s, '2024-01-01Z')", (number,))  # noqa: S608
        shop.mark()
        shop.back_up("database")
        shop.mark()
        shop.back_up("cache")
        ended = asyncio.run(verify(shop.opened, ("cache", "database"), shown=False))
        timed = question.startswith(("KEYS", "ZRANGE"))
        assert shop.compared().verdict is (Verdict.FAIL if timed else Verdict.PASS), (question, ended.sentence)
        assert timed == ("database lacks 1 that cache has" in shop.compared().summary)
