"""A yes on the command line is to the question that its author saw, and to no other."""

import json
import os
import pty
import subprocess
import sys
from datetime import UTC, timedelta
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

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stage(go_asked: Stage) -> Stage:
    """A launch that asks for its go."""
    return go_asked


def tminus(*words: str) -> Result:
    """Runs a command; its standard input is no terminal."""
    return CliRunner().invoke(main, words)


def asked_anew(stage: Stage) -> None:
    """The check fails when it is observed again, somebody waives it, and the conductor asks under a new digest."""
    stage.end_step("no-known-vulnerability", Outcome.failed("high 1"))
    until = now() + timedelta(days=1)
    waiver = ev.Ordered(
        order="waive", person="security", via="slack", step="no-known-vulnerability", reason="known\nto us", until=until
    )
    stage.book.write(waiver)
    stage.ask()


def digest(stage: Stage) -> str:
    """Of what is asked now."""
    return stage.book.refresh().asks["go-no-go"].opened.decision_digest


def answers(stage: Stage) -> int:
    """How many answers were given to what is asked now."""
    return len(stage.book.refresh().asks["go-no-go"].counting())


def test_pending_shows_what_to_type_and_that_counts(stage: Stage) -> None:
    """Copied from there, for people and for programs."""
    shown = tminus("pending").output
    command = f"tminus approve {LAUNCH} --ask go-no-go --digest {asking.short(digest(stage))}"
    assert command in shown
    assert "Go, or no go: 3 of 3 blocking steps pass." in shown
    (one,) = json.loads(tminus("pending", "--json").output)
    assert (one["digest"], one["answer"]) == (digest(stage), command)
    assert tminus(*command.split()[1:]).exit_code == 0
    assert answers(stage) == 1


def test_a_yes_to_what_has_changed_since_is_no_yes(stage: Stage) -> None:
    """It says so, and does not hand over the digest that would do; nothing is recorded."""
    before = asking.short(digest(stage))
    asked_anew(stage)
    done = tminus("approve", LAUNCH, "--digest", before)
    assert done.exit_code == 2
    assert f"--digest {before} is of go-no-go as it was; it has changed since. Look at it with `tm" in done.stderr
    assert asking.short(digest(stage)) not in done.stderr
    assert answers(stage) == 0
    assert tminus("approve", LAUNCH, "--digest", digest(stage)).exit_code == 0


@pytest.mark.parametrize(("digits", "code"), [(5, 2), (6, 0), (64, 0)])
def test_six_digits_name_a_question(stage: Stage, digits: int, code: int) -> None:
    """Fewer might name another one."""
    named = digest(stage).removeprefix("sha256:")[:digits]
    assert tminus("approve", LAUNCH, "--digest", named).exit_code == code


@pytest.mark.parametrize("answer", ["approve", "acknowledge"])
def test_without_a_terminal_a_yes_names_what_it_is_to(stage: Stage, answer: str) -> None:
    """A script that says yes to whatever is asked is told to look first."""
    stage.ask("team-briefed")
    done = tminus(answer, LAUNCH)
    assert (done.exit_code, "Look at it with `tminus pending`, and give the --digest" in done.stderr) == (2, True)
    assert answers(stage) == 0


def waive(stage: Stage, *more: str, until: str = "2099-01-01") -> Result:
    """Waives a step until next year."""
    return tminus("waive", LAUNCH, "services-healthy", "--reason", "known", "--until", until, *more)


@pytest.mark.parametrize(
    ("until", "ends"),
    [
        ("2099-01-01", "2099-01-01 23:59:59"),
        ("2099-01-01T12:00:00+02:00", "2099-01-01 10:00:00"),
        ("2099-01-01T12:00", "2099-01-01 12:00:00"),
    ],
)
def test_a_day_is_meant_to_its_end(stage: Stage, until: str, ends: str) -> None:
    """As in Slack's dialog; today counts; whoever waives is told the exact end."""
    stage.end_step("services-healthy", Outcome.failed("healthy 4 of 6"))
    digest = failure_digest(stage.book.record.step("services-healthy"))
    done = waive(stage, "--digest", asking.short(digest), until=until)
    assert (done.exit_code, f"waive services-healthy until {ends} UTC." in done.output) == (0, True), done.output
    waiver = stage.book.refresh().waivers["services-healthy"]
    assert waiver.until is not None
    assert f"{waiver.until.astimezone(UTC):%Y-%m-%d %H:%M:%S}" == ends


def test_a_waiver_is_of_the_failure_that_was_seen(stage: Stage) -> None:
    """Without a terminal it names one; what came after it is shown, and is not waived."""
    stage.end_step("services-healthy", Outcome.failed("healthy 4 of 6"))
    first = asking.short(failure_digest(stage.book.record.step("services-healthy")))
    asked = waive(stage)
    said = (
        "which failure did you see? services-healthy failed: attempt 1, fail: healthy 4 of 6. Look at it with `tminus"
    )
    assert (asked.exit_code, said in asked.stderr, first in asked.stderr) == (2, True, False)
    stage.end_step("services-healthy", Outcome.failed("p95 900 ms"))
    late = waive(stage, "--digest", first)
    assert late.exit_code == 2
    assert "is of attempt 1, fail: healthy 4 of 6; now services-healthy failed: attempt 2, fail: p95" in late.stderr
    second = failure_digest(stage.book.record.step("services-healthy"))
    assert asking.short(second) not in late.stderr
    for wrong, why in (("abc", "is too short"), ("lag-13", "is no digest"), ("abcdef0", "names no failure of serv")):
        assert why in waive(stage, "--digest", wrong).stderr
    assert stage.book.refresh().waivers == {}
    done = waive(stage, "--digest", asking.short(second))
    assert (done.exit_code, "failed: attempt 2, fail: p95 900 ms" in done.output) == (0, True)
    assert stage.book.refresh().waivers["services-healthy"].digest == second


@pytest.mark.parametrize("is_terminal", [True, False])
def test_who_may_not_waive_is_told_so_before_anything_is_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    """With a terminal and without one; the refusal is in the ledger, once."""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: is_terminal, raising=False)
    stage.end_step("services-healthy", Outcome.failed("healthy 4 of 6"))
    done = waive(stage, "--key", str(stage.keys / "product"))
    assert (done.exit_code, done.stdout) == (3, "")
    assert "Product manager may not waive services-healthy" in done.stderr
    assert [one.what for one in stage.refusals()] == ["waive services-healthy"]


def test_what_has_not_failed_needs_no_digest_to_be_refused(stage: Stage) -> None:
    """It is refused as ever, and the refusal is in the ledger."""
    done = waive(stage)
    assert (done.exit_code, "services-healthy has not failed" in done.stderr) == (3, True)


def test_a_no_needs_no_digest(stage: Stage) -> None:
    """It is safe whatever is asked."""
    assert tminus("reject", LAUNCH, "--reason", "not on a Friday").exit_code == 0


@pytest.mark.parametrize(("typed", "code", "given"), [(b"y\n", 0, 1), (b"n\n", 1, 0)])
def test_in_a_terminal_the_question_is_shown_and_asked_back(stage: Stage, typed: bytes, code: int, given: int) -> None:
    """Its text, until when, and its digest; only a yes is one."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, typed)
        command = [sys.executable, "-m", "cli.main", "approve", LAUNCH]
        done = subprocess.run(
            command, cwd=ROOT, stdin=theirs, capture_output=True, text=True, timeout=60, check=False, env=os.environ
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.returncode, done.stderr) == (code, "" if given else "Nothing was recorded.\n")
    assert "Go, or no go: 3 of 3 blocking steps pass." in done.stdout
    assert f"Digest {asking.short(digest(stage))}." in done.stdout
    assert answers(stage) == given


def test_what_was_waived_is_said(stage: Stage) -> None:
    """By whom, until when and why, on one line; a step that passed is not."""
    assert asking.waived_said(stage.book.record, stage.frozen.people, ["no-known-vulnerability"]) == ""
    asked_anew(stage)
    until = f"{now() + timedelta(days=1):%Y-%m-%d}"
    said = asking.waived_said(stage.book.record, stage.frozen.people, ["no-known-vulnerability", "backup-completed"])
    assert said == f"Waived: no-known-vulnerability (by Security lead until {until}: known to us)."
