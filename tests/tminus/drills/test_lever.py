"""The stop lever: whoever pulls it stops all drills until somebody lets go, and a variable pulls it for one process."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tminus.chain_names import lever_chain
from tminus.drills.lever import VARIABLE, Lever
from tminus.ledger.opening import have_chain
from tminus.ledger.sqlite import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A ledger of its own."""
    with closing(SqliteStore(tmp_path / "ledger.db")) as made:
        yield made


def test_pulled_and_let_go_of(store: SqliteStore) -> None:
    """Nobody pulled it at first; who did, and why, is told; of one system and environment alone."""
    lever, other = Lever(store, "house", "test", {}), Lever(store, "house", "production", {})
    assert lever.pulled() == ""
    lever.pull("on-call", "orders are late")
    assert lever.pulled().startswith("on-call stopped all drills at ")
    assert lever.pulled().endswith(": orders are late")
    assert other.pulled() == ""
    lever.release("on-call", "it was something else")
    assert lever.pulled() == ""


def test_a_variable_pulls_it(store: SqliteStore) -> None:
    """Whatever the ledger says, and also while that does not answer."""
    assert VARIABLE in Lever(store, "house", "test", {VARIABLE: "release day"}).pulled()
    assert "--allow" not in Lever(store, "house", "test", {VARIABLE: "release day"}).how_to_allow()


@pytest.mark.parametrize("said", ["", " ", "0", "false", "No", "off"])
def test_a_variable_that_says_no(store: SqliteStore, said: str) -> None:
    """Stops nothing; what lets go is what pulled it."""
    lever = Lever(store, "house", "test", {VARIABLE: said})
    assert lever.pulled() == ""
    lever.pull("on-call", "orders are late")
    assert lever.pulled().startswith("on-call stopped")
    assert "--allow" in lever.how_to_allow()


def test_looked_at_while_it_is_moved_for_the_first_time(store: SqliteStore) -> None:
    """Its chain is there before anything is written in it: that is not pulled, and no error that ends a drill."""
    have_chain(store, lever_chain("house", "test"))
    assert Lever(store, "house", "test", {}).pulled() == ""
