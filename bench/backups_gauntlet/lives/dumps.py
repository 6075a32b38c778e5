"""A live PostgreSQL that is dumped: the shop whose schema has what a schema can have, and databases that are drawn."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

import psycopg

from bench.backups_gauntlet.damage import DUMP
from bench.backups_gauntlet.live import Live
from bench.backups_gauntlet.lives.drawn_schema import DrawnSchema, quoted
from bench.backups_gauntlet.lives.writers import writing_rows
from deployments.rehearsal.postgres import Postgres
from tests.conftest import S3Server
from tests.tasks.backups.dumps.shop import BOOK, Shop, make_shop

_SHOP = "shop"
_ODD = ("Größe", "with space", 'quo"ted', "日本", "percent%s", "single'quote")


class LiveDump(Live):
    """pg_dump's.

    Attributes:
        dumps: what was dumped of an altered shop, by the damage's name: each is asked for more than once.
    """

    kind: ClassVar[str] = DUMP

    def start(self) -> None:
        """See Live."""
        server = Postgres.plan(self.place.new_folder("live"), standby=False)
        server.start(self.processes)
        self.shop = make_shop(server, S3Server(self.place.aws), self.place.new_folder("shop"))
        self.dumps: dict[str, bytes] = {}
        self._use(_SHOP)

    def _use(self, database: str) -> None:
        self.database = database
        self._dsn = self.place.secret(
            self.shop.server.address.dsn("postgres", database=database).get_secret_value()
            if database == _SHOP
            else psycopg.conninfo.make_conninfo(
                self.shop.server.address.dsn("postgres").get_secret_value(), dbname=database
            )
        )

    def fill(self) -> None:
        """The shop is full already."""

    def grow(self) -> None:
        """See Live."""
        with self.shop.connect() as connection:
            connection.execute("INSERT INTO shop.east SELECT n, 'east ' || n FROM generate_series(11, 40) n")
            connection.execute("UPDATE shop.accounts SET spent = spent + '1.00' WHERE id < 20")
            connection.execute("SELECT nextval('shop.tickets')")

    def entry(self) -> Mapping[str, object]:
        """See Live."""
        invariants = [one.model_dump(mode="json") for one in BOOK.invariants]
        return {"database": "live", "invariants": invariants if self.database == _SHOP else []}

    def sections(self) -> Mapping[str, object]:
        """See Live."""
        return {"postgres": {"live": {"dsn": self._dsn}}}

    @contextmanager
    def varied(self, drawn: random.Random) -> Iterator[str]:
        """A database of its own, of a name that may be odd."""
        name = (
            f"{drawn.choice(_ODD)} {drawn.randrange(10**6)}" if drawn.random() < 0.2 else f"d{drawn.randrange(10**9)}"
        )
        with self.shop.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {quoted(name)}".encode())
        self._use(name)
        try:
            schema = DrawnSchema.draw(drawn)
            with self.connect() as connection:
                for statement in schema.statements:
                    connection.execute(statement.encode())
            if schema.busy and drawn.random() < 0.3:
                with writing_rows(self.connect, schema.busy):
                    yield f"{schema} under writes"
            else:
                yield str(schema)
        finally:
            self._use(_SHOP)
            with self.shop.connect("postgres") as connection:
                connection.execute(f"DROP DATABASE {quoted(name)} WITH (FORCE)".encode())

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        """A superuser's connection to the database that is backed up now."""
        dsn = self.shop.server.address.dsn("postgres").get_secret_value()
        return psycopg.connect(psycopg.conninfo.make_conninfo(dsn, dbname=self.database), autocommit=True)


def shop_of(live: Live) -> Shop:
    """The shop whose dumps are damaged."""
    assert isinstance(live, LiveDump)
    return live.shop
