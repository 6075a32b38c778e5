"""Whoever ends a launch, or takes it back, is told first what comes of it, or at once why it would not count."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from cli import orders
from cli.confirming import confirm
from cli.main import main
from tests.tminus.staged_launch import LAUNCH, Stage
from tminus import events as ev
from tminus.outcome import Outcome

ENDS = "Nothing was changed yet: the launch just ends, and the old version goes on serving.\n"
GOES_BACK = "1 change is undone (switch), and checks prove that the old version serves.\n"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A launch in the ledger that TMINUS_LEDGER names; the DevOps lead's key is set."""
    stage = Stage.set(tmp_path)
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    monkeypatch.setenv("TMINUS_KEY", str(stage.keys / "devops"))
    return stage


def order(word: str, typed: str, *more: str) -> Result:
    """`tminus scrub` or `rollback`, and what is typed then."""
    return CliRunner().invoke(main, [word, LAUNCH, "--reason", "r", *more], input=typed)


def test_a_no_records_nothing_and_says_so(stage: Stage) -> None:
    """Exit code 1, and no bare "Aborted!"."""
    done = order("scrub", "n\n")
    assert (done.exit_code, done.stderr) == (1, "Nothing was recorded.\n")
    assert stage.book.refresh().scrubbed is None


@pytest.mark.parametrize("word", ["scrub", "rollback"])
def test_nobody_there_to_ask_is_a_usage_error(stage: Stage, word: str) -> None:
    """A script is told what to give."""
    stage.begin_change()
    done = order(word, "")
    said = "tminus: nobody answered, since there is no terminal; nothing was recorded. A script gives --yes\n"
    assert (done.exit_code, done.stderr) == (2, said)
    assert not stage.book.refresh().must_roll_back


def test_the_question_says_what_comes_of_it(stage: Stage) -> None:
    """Before a change the launch just ends; after it the very changes are undone."""
    assert order("scrub", "n\n").stdout.startswith(f"{ENDS}Scrub {LAUNCH}? [y/N]:")
    stage.begin_change()
    assert order("scrub", "n\n").stdout.startswith(f"{GOES_BACK}Scrub {LAUNCH}? [y/N]:")
    done = order("rollback", "y\n")
    assert done.stdout.startswith(f"{GOES_BACK}Roll {LAUNCH} back to the old version? [y/N]:")
    assert (done.exit_code, stage.book.refresh().must_roll_back) == (0, True)


def test_what_would_not_count_is_said_at_once(stage: Stage) -> None:
    """Nothing is asked; the reason is told and written down, while there is a launch to write it to."""
    reasons = ["nothing was changed yet, so there is nothing to roll back; scrub ends the launch"]
    refused = [order("rollback", "y\n")]
    stage.begin_change()
    refused.append(order("rollback", "y\n", "--key", str(stage.keys / "product")))
    reasons.append("Product manager may not roll back")
    assert order("rollback", "y\n").exit_code == 0
    refused += [order("rollback", "y\n"), order("scrub", "y\n")]
    reasons += ["it is being rolled back already"] * 2
    assert [one.why.partition(";")[0] for one in stage.refusals()] == [one.partition(";")[0] for one in reasons]
    stage.close("rolled back", "ROLLED BACK")
    refused.append(order("scrub", "y\n"))
    reasons.append("the launch is over: ROLLED BACK")
    for done, reason in zip(refused, reasons, strict=True):
        assert (done.exit_code, done.stdout, reason in done.stderr) == (3, "", True), done.output


def test_a_change_that_begins_meanwhile_is_asked_about(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever said yes to a launch that just ends has not said yes to a rollback."""
    asked: list[str] = []

    def a_change_begins(question: str) -> bool:
        asked.append(question)
        if len(asked) == 1:
            stage.begin_change()
            return True
        return False

    monkeypatch.setattr(click, "confirm", a_change_begins)
    done = order("scrub", "")
    assert [question.splitlines(keepends=True)[0] for question in asked] == [ENDS, GOES_BACK]
    assert (done.exit_code, stage.book.refresh().scrubbed) == (1, None)


def one_more_begins(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """While a question stands that gets a yes, one more change begins; returns what will have been asked."""
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        stage.begin_change("roll-out")
        return True

    monkeypatch.setattr(click, "confirm", confirm)
    return asked


def test_a_yes_to_a_rollback_is_not_thrown_away(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more change begins while the question stands: it is asked once, recorded, and the new list is said."""
    stage.begin_change()
    asked = one_more_begins(stage, monkeypatch)
    done = order("rollback", "")
    now = "As things stand now: 2 changes are undone (roll-out, then switch), and checks prove"
    assert (done.exit_code, len(asked), now in done.stdout) == (0, 1, True), done.output
    assert stage.book.refresh().must_roll_back


def test_a_scrub_of_what_is_changed_already_is_asked_about_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was a rollback when it was asked about, and is one still."""
    stage.begin_change()
    asked = one_more_begins(stage, monkeypatch)
    done = order("scrub", "")
    assert (done.exit_code, len(asked), "2 changes are undone" in done.stdout) == (0, 1, True), done.output


def test_a_change_that_begins_after_the_answer_turns_no_scrub_into_a_rollback(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was confirmed is what is recorded: refused with exit code 3, and the refusal is in the ledger."""
    give = orders.ask_back

    def a_change_begins_after(*asked: object) -> str:
        said = give(*asked)  # type: ignore[arg-type]  # handed on as they are
        stage.begin_change()
        return said

    monkeypatch.setattr(orders, "ask_back", a_change_begins_after)
    done = order("scrub", "y\n")
    why = "a change began just now: switch; look and say it again"
    assert (done.exit_code, done.stderr) == (3, f"tminus: {why}\n"), done.output
    assert [one.why for one in stage.refusals()] == [why]
    assert stage.book.refresh().scrubbed is None
    assert order("scrub", "", "--yes").exit_code == 0


def test_foreign_words_in_a_question_steer_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own words may stand in it."""
    asked: list[str] = []

    def yes(question: str) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr(click, "confirm", yes)
    confirm("no server\x1b[2J\nSure?")
    assert asked == ["no server\N{REPLACEMENT CHARACTER}[2J\nSure?"]


def test_a_way_back_that_was_not_proven_is_tried_again(stage: Stage) -> None:
    """Where every change is undone, nothing is said to be undone again."""
    stage.begin_change()
    stage.book.write(
        ev.RollbackBegan(why="it smells", by="devops"),
        ev.UndoIntended(step="switch", token=1),
        ev.UndoEnded(step="switch", outcome=Outcome.passed("blue serves")),
        ev.RollbackEnded(proven=False, said="the old version does not pass"),
    )
    done = order("rollback", "y\n")
    said = "Every change is undone already; what is tried again is to prove that the old version serves.\n"
    assert (done.exit_code, done.stdout.startswith(said)) == (0, True), done.output
