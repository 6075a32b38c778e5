"""Each mechanism of a launch has a negative control: with it the figure is 0, without it the figure rises."""

import json
from pathlib import Path

import pytest

from bench import ledger, mechanisms
from tests.sampling import few
from tminus.ledger.sqlite import SqliteStore


@pytest.mark.parametrize("mechanism", few(["settled", "undo", "digest"], "undo", "digest"))
def test_a_mechanism_and_its_control(mechanism: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Switched off, one of tminus' own parts lets something through, and the exit code is 1; then it works again."""
    assert mechanisms.main(["--runs", "1", "--sabotage", mechanism]) == 1
    broken = json.loads(capsys.readouterr().out)
    assert broken["value"] > 0
    assert not broken["holds"]
    assert mechanisms.main(["--runs", "1"]) == 0
    whole = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["figure"]: one["value"] for one in whole}[broken["figure"]] == 0
    assert all(one["holds"] for one in whole)


def test_no_fake_is_switched_off() -> None:
    """What `--sabotage` replaces belongs to tminus, not to the world that counts."""
    owners = [
        getattr(owner, "__module__", getattr(owner, "__name__", "")) for owner, _, _ in mechanisms.SWITCHED_OFF.values()
    ]
    assert all(owner.partition(".")[0] in {"flows", "tasks", "tminus"} for owner in owners), owners


@pytest.mark.parametrize("sabotaged", [True, False])
def test_the_leases_fence_and_its_control(tmp_path: Path, sabotaged: bool) -> None:
    """With its token no append of a conductor that was taken over gets through; without it each does."""
    store = SqliteStore(tmp_path / "ledger.sqlite")
    through = ledger.stale_appends(store, sabotaged=sabotaged)
    store.close()
    assert (through > 0) == sabotaged
