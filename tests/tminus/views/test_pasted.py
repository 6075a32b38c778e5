"""What a held launch shows to type can be pasted as it stands, whatever the console's width."""

import io
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from cli.main import main
from tests.test_printed_commands import why_not_whole
from tests.tminus.staged_launch import LAUNCH, Stage
from tminus import events as ev
from tminus.clock import now
from tminus.countdown import render
from tminus.ledger.opening import VARIABLE
from tminus.outcome import Outcome
from tminus.spoken import time_said
from tminus.standing import held_until, patience

STEP = "services-healthy"


def held_twice(folder: Path) -> Stage:
    """A step failed with much to say, a security lead holds by a PagerDuty note, and the go is asked for."""
    stage = Stage.set(folder)
    stage.book.write(ev.PhaseStarted(phase="T-4h", holder="x", token=1, run="r"))
    stage.end_step(STEP, Outcome.failed(f"healthy 4 of 6: {', '.join(['10.0.0.1 is not healthy'] * 20)}"))
    why = f"{STEP} fail: {'healthy 4 of 6 ' * 30}. Then: tminus retry {LAUNCH} {STEP}"
    stage.book.write(ev.Held(why=why, step=STEP))
    stage.book.write(ev.Ordered(order="hold", person="security", via="pagerduty", reason="an alert"))
    stage.ask()
    return stage


def commands(shown: str) -> list[str]:
    """The lines that begin with a command, whole."""
    return [line.strip() for line in shown.replace(" \\\n", " ").splitlines() if line.strip().startswith("tminus ")]


@pytest.mark.parametrize("live", [False, True], ids=["status", "live"])
@pytest.mark.parametrize("width", [24, 40, 100])
def test_every_command_stands_whole_on_a_line_of_its_own(tmp_path: Path, width: int, *, live: bool) -> None:
    """With what it is for behind it as a shell's comment; a live view breaks it only as a shell reads on."""
    stage = held_twice(tmp_path)
    console = Console(file=io.StringIO(), width=width, no_color=True)
    screen = render(stage.frozen, stage.book.refresh(), now(), *((60, width) if live else ()))
    console.print(screen, crop=live)
    assert isinstance(console.file, io.StringIO)
    typed = [shlex.split(one, comments=True) for one in commands(console.file.getvalue())]
    assert [one[1] for one in typed] == ["approve", "resume", "retry", "waive", "scrub"]
    assert [why for one in typed if (why := why_not_whole(one[1:]))] == []


def test_status_prints_them_so_into_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a step's failure the way to accept it, with its digest; and what ends the hold of a person."""
    held_twice(tmp_path)
    monkeypatch.setenv(VARIABLE, f"sqlite:{tmp_path / 'ledger.sqlite'}")
    shown = CliRunner().invoke(main, ["status", LAUNCH]).output
    said = {one.split()[1]: one for one in commands(shown)}
    assert said["resume"] == f"tminus resume {LAUNCH}  # to let go of every hold"
    assert said["retry"] == f"tminus retry {LAUNCH} {STEP}  # to try {STEP} again"
    assert len(shlex.split(said["waive"], comments=True)[-1]) == 12
    assert len(said["waive"]) > 100
    assert "anybody in people.yaml" in shown


def test_it_says_when_a_hold_ends_the_launch(tmp_path: Path) -> None:
    """By the patience of the phase that a step holds, or of the last where a person does; and what becomes of it."""
    stage = Stage.set(tmp_path)
    assert held_until(stage.frozen, stage.book.record) is None
    stage.book.write(ev.PhaseStarted(phase="T-4h", holder="x", token=1, run="r"))
    first, *_, last = stage.frozen.runbook.phases
    stage.book.write(hold := ev.Ordered(order="hold", person="security", via="slack", reason="an alert"))
    assert held_until(stage.frozen, stage.book.refresh()) == patience(stage.frozen, last, hold.at)
    stage.end_step(STEP, Outcome.failed("healthy 4 of 6"))
    stage.book.write(held := ev.Held(why=f"{STEP} fail", step=STEP))
    until = held_until(stage.frozen, stage.book.refresh())
    assert until == patience(stage.frozen, first, held.at)
    assert f"If nobody ends the hold by {time_said(until)}" in screen(stage)
    assert "it ends as a no-go." in screen(stage)
    stage.begin_change()
    assert "it closes as held, and nothing is rolled back by itself." in screen(stage)


def screen(stage: Stage) -> str:
    """What status shows, on one line."""
    console = Console(file=io.StringIO(), width=100)
    console.print(render(stage.frozen, stage.book.refresh(), now()))
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_a_long_text_in_the_steps_column_is_cut_between_words(tmp_path: Path) -> None:
    """Where something is left out a `…` shows it, and no word is broken."""
    stage, text = Stage.set(tmp_path), " ".join(f"word{number}" for number in range(300))
    stage.end_step(STEP, Outcome.failed(text))
    stage.book.write(ev.PhaseStarted(phase="T-4h", holder="x", token=1, run="r"))
    found = screen(stage).partition(f"✗ fail {STEP} ")[2].partition(" · ")[0].split()
    assert "…" in found
    assert {*found} <= {*text.split(), "…"}
