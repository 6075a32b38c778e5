"""`tminus ledger verify`."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.cli.forging import forge
from tests.tminus.told_launches import rolled_back
from tminus.ledger.chain import Head

LAUNCH = "tradesense-2-0-0-1"


@pytest.fixture
def heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Head]:
    """The heads of a launch that is in the ledger which TMINUS_LEDGER names, one after each of its events."""
    told = rolled_back(tmp_path)
    events = told.store.read(LAUNCH)
    told.store.close()
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    return [Head(one.chain, one.seq, one.hash) for one in events]


def run(*words: str) -> Result:
    """The command's result."""
    return CliRunner().invoke(main, ["ledger", "verify", *words])


def alter(folder: Path, sql: str, **values: object) -> None:
    """What somebody with the file can do."""
    with closing(sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)) as connection:
        connection.executescript(sql.format(launch=LAUNCH, **values))


def test_a_whole_launch_is_called_whole(heads: list[Head]) -> None:
    """With how much of its tail was anchored outside, and its head to write down."""
    last = heads[-1]
    result = run(LAUNCH)
    assert result.exit_code == 0
    assert (
        f"its end could be cut off unseen: {last.seq} events, 0 anchors agree, the last {last.seq} are not anchored"
        in result.stdout
    )
    assert f"Head: {last}" in result.stdout
    result = run(LAUNCH, "--offline", "--anchor", str(heads[3]), "--anchor", str(last))
    assert f"{last.seq} events, 2 anchors agree, the tail is anchored" in result.stdout


def test_a_changed_launch_is_called_that_without_reading_on(heads: list[Head], tmp_path: Path) -> None:
    """Also where the changed event can no longer be read as one: it ends with 1 and names the event."""
    alter(tmp_path, "UPDATE event SET body = '{{' WHERE chain = '{launch}' AND seq = 1")
    result = run(LAUNCH)
    assert result.exit_code == 1
    assert f"{LAUNCH} is NOT whole: event 1 was changed" in result.output


def test_a_cut_tail_is_found_by_its_anchor(heads: list[Head], tmp_path: Path) -> None:
    """A careful cut leaves a whole chain; the anchor shows that something is missing."""
    forge(tmp_path / "ledger.sqlite", LAUNCH, lambda seq, body: body if seq <= heads[-3].seq else None)
    assert run(LAUNCH, "--offline").exit_code == 0
    result = run(LAUNCH, "--offline", "--anchor", str(heads[-1]))
    assert result.exit_code == 1
    assert f"the tail is cut: event {heads[-1].seq} was anchored outside" in result.output


def test_a_removed_launch_is_no_unknown_one(heads: list[Head], tmp_path: Path) -> None:
    """With a head in hand, a launch that is gone is a fault; without one, a name that nobody knows is a mistake."""
    alter(tmp_path, "DELETE FROM event WHERE chain = '{launch}'; DELETE FROM chain WHERE chain = '{launch}'")
    assert run(LAUNCH, "--anchor", str(heads[-1])).exit_code == 1
    result = run("never-created")
    assert result.exit_code == 2
    assert "no launch is called 'never-created'; `tminus status` lists them" in result.output


@pytest.mark.parametrize("wrong", ["nonsense", f"{LAUNCH}#12", f"{LAUNCH}#x:{'0' * 64}"])
def test_what_is_no_head_is_refused(heads: list[Head], wrong: str) -> None:
    """With an example of one."""
    result = run(LAUNCH, "--anchor", wrong)
    assert result.exit_code == 2
    assert "is no head; one looks like LAUNCH#12:<64 hex digits>" in result.output
