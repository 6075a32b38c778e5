"""A ledger whose PostgreSQL waits for a synchronous standby that is gone: it says so, instead of waiting for ever."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.conftest import PostgresServer
from tests.tminus.ledger.conftest import postgres_ledger
from tminus.errors import LedgerUnreachable
from tminus.ledger.chain import faults
from tminus.ledger.store import Entry, Store

CHAIN = "tradesense-2-0-0"


@pytest.fixture
def nobody_stands_by(postgres_server: PostgresServer) -> Iterator[None]:
    """Every commit waits for a standby that does not exist, until the test is over."""
    with closing(postgres_server.connect()) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        connection.execute("SELECT pg_reload_conf()")
        yield
        connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
        connection.execute("SELECT pg_reload_conf()")


def append_often(store: Store) -> None:
    """The setting may take a moment to reach the connection."""
    for _ in range(1000):
        store.append(Entry(CHAIN, "2"))


def test_an_append_that_waits_for_a_standby_ends(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """It is unreachable, whatever was committed; the chain is whole, and an undo goes on by the journal."""
    with closing(postgres_ledger(postgres_server)) as ledger:
        store = ledger.open()
        store.open_chain(CHAIN, Entry(CHAIN, "1"))
        monkeypatch.setattr("tminus.ledger.server._PATIENCE", 1.0)
        request.getfixturevalue("nobody_stands_by")
        with pytest.raises(LedgerUnreachable):
            append_often(store)
        events = store.read(CHAIN)
        assert events[0].body == "1"
        assert faults(events) == []
