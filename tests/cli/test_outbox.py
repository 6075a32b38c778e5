"""`tminus outbox` and `tminus outbox resend`."""

from pathlib import Path

import pytest

from tests.cli.launch_desk import Ended, tminus
from tests.tminus.staged_launch import LAUNCH, Stage, slack_section

ENVIRONMENT = "rehearsal-on-loopback"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A launch whose board is letter 1 and dead, and whose note is letter 2 and waits."""
    stage = Stage.set(tmp_path, slack=slack_section())
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    stage.store.run("UPDATE outbox SET state = 'dead', attempts = 400, error = 'Slack: invalid_blocks'", {})
    stage.ask()
    return stage


def resend(*words: str) -> Ended:
    """The command."""
    return tminus("outbox", "resend", *words)


@pytest.mark.parametrize("words", [[], [LAUNCH], ["show"], ["show", LAUNCH]], ids=" ".join)
def test_it_lists_what_has_not_arrived(stage: Stage, words: list[str]) -> None:
    """With or without a launch's name, and without a command's."""
    done = tminus("outbox", *words)
    assert (done.code, "dead after 400 tries" in done.stdout, "due after 0 tries" in done.stdout) == (0, True, True)
    assert "Slack: invalid_blocks" in done.stdout
    assert f"{LAUNCH}  slack of {ENVIRONMENT}  board" in done.stdout


@pytest.mark.parametrize("words", [["show"], ["resend", "--dead", "--launch"]], ids=" ".join)
def test_a_name_that_is_no_launch_is_a_mistake(stage: Stage, words: list[str]) -> None:
    """As if all had arrived, nobody would look again; the nearest names are said."""
    done = tminus("outbox", *words, LAUNCH[:-1])
    assert (done.code, done.stdout) == (2, "")
    assert f"no launch or sign-off is called {LAUNCH[:-1]!r}; did you mean {LAUNCH!r}?" in done.stderr
    assert stage.store.look("SELECT id FROM outbox WHERE state = 'dead'", {}) != []


def test_a_channel_that_is_left_alone_is_said(stage: Stage) -> None:
    """Nothing is sent there for a while, and nobody needs to look for the reason."""
    stage.store.run(
        "INSERT INTO environment_pause (environment, channel, paused_until) "
        "VALUES ('staging', 'slack', clock() + 300), ('staging', 'pagerduty', clock() - 1)",
        {},
    )
    said = tminus("outbox").stdout
    assert "slack of staging asked to be left alone; nothing is sent there for" in said
    assert "pagerduty" not in said


def test_letters_that_no_gateway_carries_are_said(stage: Stage) -> None:
    """By environment, once they wait for long: another environment's gateway leaves them where they are."""
    assert "does a gateway run there?" not in tminus("outbox").stdout
    stage.store.run("UPDATE outbox SET made = made - 120", {})
    assert f"slack of {ENVIRONMENT}: nobody has tried anything for 12" in tminus("outbox").stdout


def test_resending_says_what_it_did(stage: Stage) -> None:
    """By number, and then there is none left."""
    done = resend("1")
    assert (done.code, done.stdout) == (0, f"1  {LAUNCH}  slack  board: it is due again\n")
    assert resend("--dead").stdout == "No letter is dead.\n"
    assert "dead" not in tminus("outbox").stdout


def test_every_dead_letter_of_a_launch(stage: Stage) -> None:
    """And of no other."""
    stage.store.run("UPDATE outbox SET chain = 'another' WHERE state = 'dead'", {})
    assert resend("--dead", "--launch", LAUNCH).stdout == "No letter is dead.\n"
    stage.store.run("UPDATE outbox SET chain = :chain WHERE chain = 'another'", {"chain": LAUNCH})
    assert "due again" in resend("--dead", "--launch", LAUNCH).stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "name the letters"),
        (["1", "--dead"], 2, "name the letters"),
        (["1", "--launch", LAUNCH], 2, "name the letters"),
        (["1", "99"], 2, "no letter 99"),
        (["one"], 2, "not a valid integer"),
        (["99999999999999999999"], 2, "is not in the range"),
        (["0"], 2, "is not in the range"),
        (["2"], 3, "letter 2 is left as it is: it waits already"),
    ],
)
def test_what_it_refuses(stage: Stage, words: list[str], code: int, said: str) -> None:
    """With its reason, and nothing is changed."""
    done = resend(*words)
    assert (done.code, said in done.stderr) == (code, True), done
    assert "dead after 400 tries" in tminus("outbox").stdout
