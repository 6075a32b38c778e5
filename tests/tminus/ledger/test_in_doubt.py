"""A ledger that breaks off: that nothing was written is said only where it is certain."""

from pathlib import Path

import pytest

from tests.conftest import PostgresServer
from tests.tminus.broken_off import When, break_off
from tests.tminus.ledger.conftest import postgres_ledger, sqlite_ledger
from tests.tminus.staged_launch import Stage
from tminus import events as ev
from tminus import inbox
from tminus.errors import InDoubt, LedgerUnreachable, Refused
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry

CHAIN = "tradesense-2-0-0"
ENTRY = Entry(CHAIN, '"one"')
DIES = """
CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON event {when} FOR EACH ROW EXECUTE FUNCTION die();
"""


@pytest.mark.parametrize(
    ("when", "doubt", "there"), [("before", False, 0), ("while committing", True, 0), ("after", True, 1)]
)
def test_sqlite_says_whether_it_is_certain(tmp_path: Path, when: When, doubt: bool, there: int) -> None:
    """Before the commit nothing is written; from then on nobody can tell, and what is there is there whole."""
    ledger = sqlite_ledger(tmp_path)
    store = ledger.open()
    assert isinstance(store, SqliteStore)
    store.open_chain(CHAIN)
    break_off(store, when)
    with pytest.raises(LedgerUnreachable) as caught:
        store.append(ENTRY)
    assert isinstance(caught.value, InDoubt) is doubt
    assert ("is not known" in str(caught.value)) is doubt
    assert len(store.read(CHAIN)) == there
    assert store.append(ENTRY)[0].seq == there + 1
    ledger.close()


@pytest.mark.parametrize(("when", "doubt"), [("NOT DEFERRABLE", False), ("DEFERRABLE INITIALLY DEFERRED", True)])
def test_postgres_says_whether_it_is_certain(postgres_server: PostgresServer, when: str, doubt: bool) -> None:
    """Its connection is ended within a statement, or within the COMMIT."""
    ledger = postgres_ledger(postgres_server)
    store = ledger.open()
    store.open_chain(CHAIN)
    ledger.alter(DIES, when=when)
    with pytest.raises(LedgerUnreachable) as caught:
        store.append(ENTRY)
    assert isinstance(caught.value, InDoubt) is doubt
    assert ("whether this was written is not known" in str(caught.value)) is doubt
    ledger.alter("DROP TRIGGER dies ON event")
    assert store.append(ENTRY)[0].seq == len(store.read(CHAIN))
    ledger.close()


@pytest.mark.parametrize("when", ["while committing", "after"])
def test_whoever_ordered_is_told_what_to_do_and_it_counts_once(tmp_path: Path, when: When) -> None:
    """Where to look; said again it is taken, or told that it was said already."""
    stage = Stage.set(tmp_path)
    assert isinstance(stage.store, SqliteStore)
    break_off(stage.store, when)
    hold = ev.Ordered(order="hold", person="devops", via="slack", reason="r")
    with pytest.raises(InDoubt, match=f"is not known: .*Look with `tminus status {stage.book.launch}`"):
        inbox.order(stage.book, stage.frozen, hold)
    if when == "after":
        with pytest.raises(Refused, match="holds it already"):
            inbox.order(stage.book, stage.frozen, hold)
    else:
        inbox.order(stage.book, stage.frozen, hold)
    assert stage.book.refresh().holding == (hold,)


def test_a_refusal_stays_one_whether_or_not_it_is_written_down(tmp_path: Path) -> None:
    """Nobody is told that it is not known whether it counts."""
    stage = Stage.set(tmp_path)
    assert isinstance(stage.store, SqliteStore)
    break_off(stage.store, "while committing")
    with pytest.raises(Refused, match="nothing is held"):
        inbox.order(stage.book, stage.frozen, ev.Ordered(order="resume", person="devops", via="slack"))
