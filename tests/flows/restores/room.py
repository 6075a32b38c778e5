"""A live database of its own on the shop's server, with its files and its people."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.flows.restores.desk import Desk
from tests.tasks.backups.dumps.shop import BOOK, DSN, Shop
from tminus import events as ev

if TYPE_CHECKING:
    Connection = psycopg.Connection[tuple[object, ...]]

LIVE, RESTORER, SERVER = "TMINUS_ROOM_DSN", "TMINUS_ROOM_RESTORER", "TMINUS_ROOM_SERVER"
_NOBODY = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop'"


@dataclass(frozen=True)
class Room(Desk):
    """Where a test restores.

    Attributes:
        database: the live database's name.
    """

    shop: Shop
    database: str

    @classmethod
    def made(cls, shop: Shop, folder: Path) -> "Room":
        """A copy of the shop as a live database, and files about it."""
        room = cls(folder, shop, f"live{secrets.token_hex(4)}")
        with room.connect("postgres") as connection:
            for statement in (
                f"CREATE DATABASE {room.database} OWNER shop TEMPLATE shop",
                f"GRANT CONNECT ON DATABASE {room.database} TO auditor WITH GRANT OPTION",
                f"ALTER DATABASE {room.database} SET work_mem = '8MB'",
                f"ALTER ROLE shop IN DATABASE {room.database} SET search_path = shop, public",
                f"COMMENT ON DATABASE {room.database} IS 'The shop''s own words'",
            ):
                connection.execute(statement.encode())
        book = BOOK.model_dump(mode="json") | {"database": "shop"}
        environment = shop.estate().environment.model_dump(mode="json", exclude_defaults=True)
        postgres = {
            "shop": {"dsn": f"env:{LIVE}", "restorer": f"env:{RESTORER}"},
            "server": {"dsn": f"env:{SERVER}"},
        }
        halted = {"check": "sql.query", "with": {"database": "server", "query": _NOBODY}, "expect": {"value": "= 0"}}
        buckets = {"backups": {**environment["buckets"]["backups"], "prefix": f"rooms/{room.database}"}}
        room.set(book, {**environment, "postgres": postgres, "buckets": buckets}, halted)
        return room

    def secrets(self) -> dict[str, str]:
        """What the environment file refers to."""
        mine = self.shop.secrets()
        return {
            **mine,
            LIVE: psycopg.conninfo.make_conninfo(mine[DSN], dbname=self.database),
            SERVER: psycopg.conninfo.make_conninfo(mine[DSN], dbname="postgres"),
            RESTORER: self.shop.server.address.dsn("postgres", database="postgres").get_secret_value(),
            "TMINUS_LEDGER": f"sqlite:{self.folder / 'ledger.db'}",
        }

    def connect(self, database: str = "") -> "Connection":
        """A superuser's."""
        return self.shop.connect(database or self.database)

    @contextmanager
    def trading(self) -> Iterator["Connection"]:
        """In the block somebody trades."""
        dsn = psycopg.conninfo.make_conninfo(self.secrets()[LIVE], user="shop", password="shop")
        connection = psycopg.connect(dsn, autocommit=True)
        try:
            yield connection
        finally:
            connection.close()

    def value(self, asked: str, database: str = "") -> object:
        """One value of a database."""
        with self.connect(database) as connection:
            row = connection.execute(asked.encode()).fetchone()
        assert row is not None
        return row[0]

    def orders(self, database: str = "") -> object:
        """How many orders there are."""
        return self.value("SELECT count(*) FROM shop.orders", database)

    def databases(self) -> set[str]:
        """Every database that is named after the live one, by what follows its name up to the stamp."""
        with self.connect("postgres") as connection:
            rows = connection.execute("SELECT datname::text FROM pg_database").fetchall()
        mine = [str(name).removeprefix(self.database) for (name,) in rows if str(name).startswith(self.database)]
        return {"_".join(rest.split("_")[:2]) for rest in mine}

    def verdicts(self, chain: str) -> dict[str, str]:
        """Each step's last."""
        return {one.step: one.outcome.verdict.value for one in self.events(chain) if isinstance(one, ev.StepEnded)}

    def removed(self) -> None:
        """Every database of this room goes."""
        with self.connect("postgres") as connection:
            for (name,) in connection.execute("SELECT datname::text FROM pg_database").fetchall():
                if str(name).startswith(self.database):
                    connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
