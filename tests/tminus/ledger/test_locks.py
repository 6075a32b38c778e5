"""One launch, drill, rotation or restore an environment at a time, and a directory that always knows which."""

from functools import partial

import pytest

from tests.tminus.ledger.conftest import Ledger
from tests.tminus.ledger.test_appending import together
from tminus.errors import FencedOff, LedgerError, Refused
from tminus.ledger.chain import Head, faults
from tminus.ledger.directory import DIRECTORY, listed, listed_heads, listing, under_way
from tminus.ledger.store import Entry, Letter, Store
from tminus.outbox import Outbox

FIRST, SECOND = "tradesense-1", "tradesense-2"


def begin(store: Store, chain: str, environment: str = "production") -> list[Head]:
    """Opens a launch the way launches are opened."""
    return store.open_locked(environment, chain, Entry(chain, '"created"'), listing=listing("opened"))


def finish(store: Store, chain: str, token: int | None = None, environment: str = "production") -> list[Head]:
    """Closes it the way launches are closed."""
    return store.append_and_unlock(environment, Entry(chain, '"closed"', token), listing=listing("closed"))


def test_a_second_launch_is_refused_and_changes_nothing(ledger: Ledger) -> None:
    """The refusal names the launch that is under way and what to type; no chain, no letter, no entry is left behind."""
    store = ledger.open()
    begin(store, FIRST)
    with pytest.raises(Refused, match=f"production is held by {FIRST}, which is under way; `tminus status {FIRST}`"):
        store.open_locked(
            "production",
            SECOND,
            Entry(SECOND, "{}", letters=[Letter("slack", "board", "{}")]),
            listing=listing("opened"),
        )
    assert store.chains() == [DIRECTORY, FIRST]
    assert Outbox(store).unsent() == []
    assert under_way(store) == [FIRST]
    assert store.locked_by("production") == FIRST


def test_environments_do_not_hold_each_other_up(ledger: Ledger) -> None:
    """Each environment has a lock of its own."""
    store = ledger.open()
    begin(store, FIRST, "staging")
    begin(store, SECOND, "production")
    assert (store.locked_by("staging"), store.locked_by("production")) == (FIRST, SECOND)
    assert store.locked_by("elsewhere") is None
    assert under_way(store) == [FIRST, SECOND]


def test_the_end_frees_the_environment_and_is_listed(ledger: Ledger) -> None:
    """The closing event, the directory's entry and the free environment come together; then the next one may begin."""
    store = ledger.open()
    opened = begin(store, FIRST)[-1]
    closed = finish(store, FIRST)[-1]
    assert store.locked_by("production") is None
    assert under_way(store) == []
    assert listed_heads(store, FIRST) == [opened, closed]
    begin(store, SECOND)
    assert [(one.chain, one.what) for one in listed(store)] == [
        (FIRST, "opened"),
        (FIRST, "closed"),
        (SECOND, "opened"),
    ]
    assert faults(store.read(DIRECTORY)) == []


def test_a_conductor_without_its_lease_frees_nothing(ledger: Ledger) -> None:
    """An end that is fenced off leaves the lock, the chain and the directory as they are."""
    store = ledger.open()
    begin(store, FIRST)
    old = store.take_lease(FIRST, "first", 60)
    store.take_lease(FIRST, "second", 60, dead=old)
    with pytest.raises(FencedOff):
        finish(store, FIRST, old)
    assert store.locked_by("production") == FIRST
    assert under_way(store) == [FIRST]
    assert len(store.read(FIRST)) == 1


def test_a_name_is_used_once(ledger: Ledger) -> None:
    """A launch whose name was taken is refused, and takes no lock, whether its namesake is over or under way."""
    store = ledger.open()
    begin(store, FIRST)
    with pytest.raises(Refused, match="exists already"):
        begin(store, FIRST)
    finish(store, FIRST)
    with pytest.raises(Refused, match="exists already"):
        begin(store, FIRST)
    assert store.locked_by("production") is None


class Crash(Exception):
    """Stands for a process that ends here."""


def test_a_crash_between_the_launch_and_its_listing_leaves_neither(ledger: Ledger) -> None:
    """A launch that is not in the directory would have no watchdog, so it exists only together with its entry."""
    store = ledger.open()

    def crash(_head: Head) -> Entry:
        raise Crash

    with pytest.raises(Crash):
        store.open_locked("production", FIRST, Entry(FIRST, "{}"), listing=crash)
    assert (store.chains(), store.locked_by("production")) == ([], None)
    begin(store, FIRST)
    with pytest.raises(Crash):
        store.append_and_unlock("production", Entry(FIRST, "{}"), listing=crash)
    assert (len(store.read(FIRST)), store.locked_by("production"), under_way(store)) == (1, FIRST, [FIRST])


def test_of_many_only_one_begins_and_the_rest_are_told_by_whom(ledger: Ledger) -> None:
    """While launches begin and end at once, at most one has the environment, and every refusal names a holder."""
    stores = [ledger.open() for _ in range(3)]
    begun: list[str] = []

    def launch(number: int) -> None:
        store = stores[number]
        for turn in range(15):
            chain = f"launch-{number}-{turn}"
            try:
                begin(store, chain)
            except Refused as e:
                assert "is held by launch-" in str(e)  # noqa: PT017 - a refusal is one of the two right ends
                continue
            assert store.locked_by("production") == chain
            begun.append(chain)
            finish(store, chain)

    together(*(partial(launch, number) for number in range(3)))
    assert begun
    entries = [(one.chain, one.what) for one in listed(stores[0])]
    assert [chain for chain, what in entries if what == "opened"] == [
        chain for chain, what in entries if what == "closed"
    ]
    assert entries[::2] == [(chain, "opened") for chain, _ in entries[1::2]]
    assert faults(stores[0].read(DIRECTORY)) == []


def test_a_directory_that_was_tampered_with_is_said(ledger: Ledger) -> None:
    """Nobody acts on a directory that cannot be read."""
    store = ledger.open()
    begin(store, FIRST)
    ledger.alter("UPDATE event SET body = 'nonsense' WHERE chain = '{chain}'", chain=DIRECTORY)
    with pytest.raises(LedgerError, match="entry 1 of the directory cannot be read; `tminus ledger verify directory`"):
        under_way(store)
