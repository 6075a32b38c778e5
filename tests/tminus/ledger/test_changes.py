"""Waiting for people: whoever waits is woken by what others append, and by nothing else."""

from contextlib import closing
from threading import Thread, Timer

import pytest

from tests.conftest import PostgresServer
from tests.tminus.ledger.conftest import Ledger, postgres_ledger
from tminus.errors import LedgerUnreachable
from tminus.ledger.store import Changes, Entry

CHAIN = "tradesense-2-0-0"
_LONG = 20.0  # seconds: nobody in these tests waits so long


@pytest.mark.parametrize("wakes", [True, False], ids=["notified", "notification lost"])
def test_an_append_by_another_wakes(ledger: Ledger, wakes: bool) -> None:
    """A waiter wakes before its time is up, also where no notification comes and only the net beneath it catches."""
    store, other = ledger.open(), ledger.open()
    store.open_chain(CHAIN)
    with closing(store.changes()) as changes:
        assert not changes.wait(0.05)
        later = Timer(0.1, lambda: other.append(Entry(CHAIN, "{}", wakes=wakes)))
        later.start()
        assert changes.wait(_LONG)
        later.join()
        assert not changes.wait(0.05)


def test_what_came_before_the_wait_counts(ledger: Ledger) -> None:
    """What is appended between making the watcher and waiting, or between two waits, is not missed."""
    store = ledger.open()
    store.open_chain(CHAIN)
    with closing(store.changes()) as changes:
        store.append(Entry(CHAIN, "1", wakes=True))
        assert changes.wait(_LONG)
        store.append(Entry(CHAIN, "2"), Entry(CHAIN, "3", wakes=True))
        assert changes.wait(_LONG)
        assert not changes.wait(0.0)


def test_several_waiters_all_wake(ledger: Ledger) -> None:
    """One decision wakes everybody who waits."""
    store = ledger.open()
    store.open_chain(CHAIN)
    watchers = [store.changes() for _ in range(3)]
    woken: list[bool] = []

    def wait(watcher: Changes) -> None:
        woken.append(watcher.wait(_LONG))

    threads = [Thread(target=wait, args=(watcher,)) for watcher in watchers]
    for thread in threads:
        thread.start()
    store.append(Entry(CHAIN, "{}", wakes=True))
    for thread in threads:
        thread.join()
    assert woken == [True, True, True]
    for watcher in watchers:
        watcher.close()


def test_what_was_missed_while_disconnected_wakes(postgres_server: PostgresServer) -> None:
    """A session that the server ended says so once; the next wait comes back at once, in case something happened."""
    made = postgres_ledger(postgres_server)
    store = made.open()
    with closing(store.changes()) as changes:
        made.alter(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'tminus-ledger' AND pid <> pg_backend_pid()"
        )
        with pytest.raises(LedgerUnreachable):
            changes.wait(_LONG)
        assert changes.wait(_LONG)
        assert not changes.wait(0.05)
        assert store.chains() == []
    made.close()
