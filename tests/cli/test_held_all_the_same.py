"""A word about a step that brings the launch on no further says what holds it; a second waiver who gave the first."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.tminus.staged_launch import LAUNCH, Stage
from tminus import asking
from tminus import events as ev
from tminus.clock import now
from tminus.digests import failure_digest
from tminus.outcome import Outcome

STEP = "services-healthy"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Held for a step that failed; DevOps lead is at the desk."""
    stage = Stage.set(tmp_path)
    stage.end_step(STEP, Outcome.failed("healthy 4 of 6"))
    stage.book.write(ev.Held(why=f"{STEP} fail", step=STEP))
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    monkeypatch.setenv("TMINUS_KEY", str(stage.keys / "devops"))
    return stage


def tminus(*words: str) -> Result:
    """Runs a command."""
    return CliRunner().invoke(main, list(words))


def waive(stage: Stage) -> Result:
    """Accepts the failure, until tomorrow."""
    digest = asking.short(failure_digest(stage.book.refresh().step(STEP)) or "sha256:0123456789ab")
    until = f"{now() + timedelta(days=1):%Y-%m-%d}"
    return tminus("waive", LAUNCH, STEP, "--reason", "known", "--until", until, "--digest", digest)


@pytest.mark.parametrize("word", ["retry", "waive"])
def test_a_persons_hold_stays_and_is_said(stage: Stage, word: str) -> None:
    """With who holds and why, and the command that ends it."""
    stage.book.write(ev.Ordered(order="hold", person="security", via="pagerduty", reason="an alert"))
    done = waive(stage) if word == "waive" else tminus("retry", LAUNCH, STEP)
    then = {"retry": f"{STEP} is tried", "waive": "The launch goes on"}[word]
    said = f"{then} once nobody holds any more (Security lead: an alert): `tminus resume {LAUNCH}`"
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, said)


def test_where_nobody_else_holds_nothing_more_is_said(stage: Stage) -> None:
    """The word lets go of the step's own hold."""
    assert tminus("retry", LAUNCH, STEP).output.splitlines() == [f"Recorded: DevOps lead, first shift retry {STEP}."]
    assert stage.book.refresh().held is None


def test_what_is_waived_already_says_by_whom_and_until_when(stage: Stage) -> None:
    """To whoever waives it again, and on the screen: by name, not by id."""
    assert waive(stage).exit_code == 0
    again = waive(stage)
    until = f"{now() + timedelta(days=1):%Y-%m-%d} 23:59:59 UTC"
    said = f"{STEP} is waived already until {until}, by DevOps lead, first shift"
    assert (again.exit_code, said in again.stderr) == (3, True), again.output
    stage.book.write(ev.PhaseStarted(phase="T-4h", holder="x", token=1, run="r"))
    shown = " ".join(tminus("status", LAUNCH).output.split())
    assert f"~ waived {STEP} waived by DevOps lead, first shift until {until}" in shown


def test_after_a_recycle_nothing_is_shown_as_running(stage: Stage) -> None:
    """What was looked at waits to be observed again, until it is."""
    stage.book.write(ev.PhaseStarted(phase="T-4h", holder="x", token=1, run="r"))
    assert tminus("recycle", LAUNCH, "--reason", "a new image").exit_code == 0
    shown = " ".join(tminus("status", LAUNCH).output.split())
    assert f"· not begun {STEP} waits to be observed again" in shown
    assert "running" not in shown
    stage.book.write(ev.StepStarted(step=STEP, attempt=2))
    assert f"▸ running {STEP}" in " ".join(tminus("status", LAUNCH).output.split())
