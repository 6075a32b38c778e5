"""The two kinds of ledger, so that the same promises are tested on both."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from tests.conftest import PostgresServer
from tminus.ledger.opening import VARIABLE
from tminus.ledger.postgres import PostgresStore
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Store

_DSN = "TMINUS_TEST_LEDGER_DSN"
_numbers = count(1)


@dataclass
class Ledger:
    """An empty ledger, opened as often as a test likes; everything opened is closed at the end.

    Attributes:
        place: the file of a SQLite ledger, or the schema of a PostgreSQL one.
        variables: what another process needs in its environment to open it.
    """

    place: str
    variables: Mapping[str, str]
    _make: Callable[[], Store]
    _alter: Callable[[str], None]
    _ends: ExitStack = field(default_factory=ExitStack)

    def open(self) -> Store:
        """A store with a connection of its own."""
        store = self._make()
        self._ends.callback(store.close)
        return store

    def alter(self, sql: str, **values: object) -> None:
        """What somebody with the database's password can do: any SQL, past every rule of tminus.

        `{name}` in it stands for one of the values.
        """
        self._alter(sql.format(**values))

    def close(self) -> None:
        """Closes what was opened."""
        self._ends.close()


def sqlite_ledger(folder: Path) -> Ledger:
    """A ledger in a file of its own."""
    path = folder / f"ledger-{next(_numbers)}.sqlite"

    def alter(sql: str) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.executescript(sql)

    return Ledger(str(path), {VARIABLE: f"sqlite:{path}"}, lambda: SqliteStore(path), alter)


def postgres_ledger(server: PostgresServer) -> Ledger:
    """A ledger in a schema of its own."""
    schema = f"ledger_{next(_numbers)}"
    dsn = make_conninfo(server.at.address.dsn("postgres").get_secret_value(), options=f"-c search_path={schema}")

    connection = psycopg.connect(dsn, autocommit=True)

    def alter(sql: str) -> None:
        connection.execute(sql.encode())

    alter(f"CREATE SCHEMA {schema}")
    made = Ledger(schema, {VARIABLE: f"env:{_DSN}", _DSN: dsn}, lambda: PostgresStore(SecretStr(dsn)), alter)
    made._ends.callback(connection.close)
    return made


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger of each kind."""
    with closing(_made(request, tmp_path)) as made:
        yield made


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared_ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger of each kind for a module's property tests, which make chains of their own in it."""
    with closing(_made(request, tmp_path_factory.mktemp("ledger"))) as made:
        yield made


def _made(request: pytest.FixtureRequest, folder: Path) -> Ledger:
    if request.param == "sqlite":
        return sqlite_ledger(folder)
    return postgres_ledger(request.getfixturevalue("postgres_server"))
