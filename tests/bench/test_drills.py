"""The bench of failovers loses writes, counts them as the servers' own files do, and sees a count that is wrong."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import drills
from bench.drill_truth import (
    Truth,
    TruthUnknown,
    Write,
    postgres_rows_of_the_dead,
    postgres_table,
)
from bench.drills import figures
from bench.drills_course import ARMS, LEAD_IN, Arm, Failover, failovers
from bench.drills_sabotage import SABOTAGES
from deployments.rehearsal.binaries import CHECKOUT, postgres_folder
from deployments.rehearsal.drill_estate import DrillEstate
from tminus import events as ev
from tminus.drills.receipts import Loss, Receipt, judge

WRITES = st.frozensets(st.tuples(st.integers(0, 1), st.integers(0, 3)))


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillEstate]:
    """One for both, since neither touches the other's servers."""
    with DrillEstate(tmp_path_factory.mktemp("failovers"), lead_in=LEAD_IN) as made:
        yield made


@pytest.mark.parametrize("name", ["postgres", "redis", "restore"])
def test_a_failover_loses_what_its_drill_says(estate: DrillEstate, name: str) -> None:
    """The seed holds replication back, so writes are lost; with what the heir has as the truth, the error is theirs."""
    [one] = failovers(ARMS[name], estate, 1, seed=1)
    assert one.error == 0
    assert one.ended.how == "held"
    assert one.loss.lost
    assert one.loss.lost <= one.truth.gone
    assert one.loss.kept <= one.truth.new
    assert replace(one, truth=Truth(one.truth.new, one.truth.new)).error == len(one.loss.lost)
    assert not (estate.folder / "truth").exists()


@pytest.mark.long
def test_nothing_acknowledged_is_lost_where_commits_wait(capsys: pytest.CaptureFixture[str]) -> None:
    """Replication is held back as well, and what is gone nobody was promised."""
    assert drills.main(["--only", "postgres-synchronous", "--failovers", "2"]) == 0
    told = _told(capsys.readouterr().out)
    assert told["postgres-synchronous.lost"]["value"] == 0
    assert told["postgres-synchronous.error"]["value"] == 0


@pytest.mark.long
@pytest.mark.parametrize("what", sorted(SABOTAGES))
def test_what_is_made_wrong_is_seen(what: str) -> None:
    """The negative control: `error` rises, for all kinds side by side, and the exit code is 1."""
    argv = [sys.executable, "-m", "bench.drills", "--failovers", "6", "--sabotage", what]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, cwd=CHECKOUT)
    told = _told(done.stdout)
    assert done.returncode == 1, done.stderr
    assert {name for name in told if name.endswith(".failovers")} == {f"{name}.failovers" for name in ARMS}
    for name in ("postgres", "redis", "restore"):
        assert not told[f"{name}.error"]["holds"], done.stderr


def test_every_sabotage_is_explained() -> None:
    """By the name that the command knows."""
    explained = {line.split(":")[0].strip("- ") for line in (drills.__doc__ or "").splitlines() if line[:2] == "- "}
    assert explained == set(SABOTAGES)


@given(WRITES, WRITES, WRITES)
def test_the_error_is_none_just_where_both_agree(
    acknowledged: frozenset[Write], old: frozenset[Write], new: frozenset[Write]
) -> None:
    """On servers that have all that they acknowledged, and whatever else; one write less or more is seen."""
    old |= acknowledged
    sent = old | new | {(2, 0)}
    receipts = [Receipt(key, 1.0, 2.0 if key in acknowledged else None) for key in sorted(sent)]
    exact = _failover(judge(receipts, sorted(new)), Truth(old, new))
    assert exact.error == 0
    lost = exact.loss.lost
    assert replace(exact, loss=replace(exact.loss, lost=lost | {(3, 0)})).error == 1
    assert replace(exact, loss=replace(exact.loss, lost=frozenset())).error == len(lost)


def test_each_fault_moves_its_figure() -> None:
    """And no other; asynchronous runs in which nothing was lost prove nothing."""
    good = _failover(judge([Receipt((0, 0), 1.0, 2.0)], []), Truth(frozenset({(0, 0)}), frozenset()))
    none_lost = _failover(judge([], []), Truth(frozenset(), frozenset()))
    other = replace(good, ended=good.ended.model_copy(update={"how": "missed"}))
    plain, waits = ARMS["postgres"], ARMS["postgres-synchronous"]
    assert _fallen(plain, [good], 1) == set()
    assert _fallen(waits, [none_lost], 1) == set()
    assert _fallen(plain, [good], 2) == {"postgres.failovers"}
    assert _fallen(plain, [none_lost], 1) == {"postgres.lossy"}
    assert _fallen(plain, [other], 1) == {"postgres.not_held"}
    assert _fallen(plain, [replace(good, truth=none_lost.truth)], 1) == {"postgres.error"}
    assert _fallen(waits, [good], 1) == {"postgres-synchronous.lost"}


def test_the_truth_shares_no_code_with_what_it_judges() -> None:
    """Nothing of the product is even loaded."""
    ask = "import bench.drill_truth, sys; print({name.split('.')[0] for name in sys.modules})"
    said = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True, cwd=CHECKOUT).stdout
    assert "'bench'" in said
    assert not any(f"'{name}'" in said for name in ("tminus", "tasks", "flows", "cli"))


def test_a_truth_that_cannot_be_told_is_an_error(estate: DrillEstate, tmp_path: Path) -> None:
    """No table, or a folder that is no cluster: never an empty truth."""
    heir, _ = estate.writable()
    with pytest.raises(TruthUnknown, match="there must be one"):
        postgres_table(heir.get_secret_value())
    (tmp_path / "data").mkdir()
    with pytest.raises(TruthUnknown, match="cannot be read"):
        postgres_rows_of_the_dead(tmp_path / "data", tmp_path / "copy", "drill_1", "trading", postgres_folder(), ())
    assert not (tmp_path / "copy").exists()


def _failover(loss: Loss, truth: Truth) -> Failover:
    return Failover(ev.DrillEnded(drill="d", how="held", sentence="all is as before", after={}), loss, 1.0, truth)


def _fallen(arm: Arm, seen: list[Failover], asked: int) -> set[str]:
    return {one.figure for one in figures(arm, seen, asked) if not one.holds}


def _told(printed: str) -> dict[str, dict[str, object]]:
    return {figure["figure"]: figure for figure in map(json.loads, printed.splitlines())}
