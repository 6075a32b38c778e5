"""The check of error signatures, against logs written by the test."""

import os
import re

import pytest

from tasks.checks.logs import ErrorSignatures
from tests.conftest import Estates
from tests.tasks.log_folder import QUIET, Logs
from tminus.outcome import Verdict


@pytest.fixture
def logs(estates: Estates) -> Logs:
    """An empty folder of logs."""
    return Logs(estates)


async def test_no_error_and_the_usual_errors_pass(logs: Logs) -> None:
    """An error that was there before, for another order and after another time, is not new."""
    logs.usual()
    assert (await logs.check()).verdict is Verdict.PASS
    logs.write("order 17 failed after 3 ms", ago=80)
    logs.write("order 18 failed after 2.5 s", ago=20)
    outcome = await logs.check(new_signatures="= 0", errors="= 1", error_growth="= 0", logs="= all", unstructured="= 0")
    assert outcome.verdict is Verdict.PASS, outcome.summary


async def test_one_new_kind_of_error_among_the_usual_fails(logs: Logs) -> None:
    """A single line of a kind not seen before fails, and is shown first, by its fingerprint, with its count."""
    logs.usual()
    for ago in (80, 70, 50, 40):
        logs.write("order 17 failed", ago=ago)
    logs.write("jane@example.com has no margin account 4711, token eyJhbGciOi.J9", ago=5)
    outcome = await logs.check()
    assert outcome.verdict is Verdict.FAIL
    assert "new_signatures 1" in outcome.summary
    assert re.match(r"[0-9a-f]{12}, 1 times, new: error, last at ", outcome.details[0])
    assert re.match(r"[0-9a-f]{12}, 2 times: error, last at ", outcome.details[1])


async def test_more_of_the_usual_errors_shows_as_growth(logs: Logs) -> None:
    """Ten of a known kind are no new signature, and nine more than before."""
    logs.usual()
    logs.write("order 17 failed", ago=80)
    for ago in range(10, 20):
        logs.write("order 17 failed", ago=ago)
    outcome = await logs.check(new_signatures="= 0", error_growth="< 5")
    assert outcome.verdict is Verdict.FAIL
    assert "error_growth 9" in outcome.summary


async def test_the_same_message_on_another_path_is_another_error(logs: Logs) -> None:
    """An access log says `request` for everything: the path tells the kinds apart, without its ids."""
    logs.usual()
    logs.write("request", ago=80, method="GET", path="/api/orders/1", status=500)
    logs.write("request", ago=20, method="GET", path="/api/orders/2", status=500)
    assert (await logs.check()).verdict is Verdict.PASS
    logs.write("request", ago=20, method="GET", path="/api/portfolio", status=500)
    assert (await logs.check()).verdict is Verdict.FAIL


async def test_what_cannot_be_looked_at_is_unknown(logs: Logs) -> None:
    """No file, a folder in a file's place, and a service that stopped writing: none of these is a clean log."""
    assert (await logs.check()).verdict is Verdict.UNKNOWN
    logs.write("request", ago=90, level="info")
    silent = await logs.check()
    assert silent.verdict is Verdict.UNKNOWN
    assert "does it still write there?" in silent.summary
    logs.usual()
    (logs.estates.folder / "folder.jsonl").mkdir()
    assert (await logs.check()).verdict is Verdict.UNKNOWN


async def test_errors_without_a_time_before_them_are_unknown(logs: Logs) -> None:
    """Where the log begins in the window nothing can be called new or old; without errors that does not matter."""
    logs.write("request", level="info")
    assert (await logs.check()).verdict is Verdict.PASS
    logs.write("order 17 failed")
    assert (await logs.check()).verdict is Verdict.UNKNOWN


async def test_a_log_that_fell_silent_beside_others_can_be_asked_for(logs: Logs) -> None:
    """One instance of two that wrote nothing lately fails a book that expects all of them to speak."""
    logs.usual()
    logs.write("request", ago=90, level="info", file="two")
    assert (await logs.check()).verdict is Verdict.PASS
    outcome = await logs.check(logs="= all")
    assert outcome.verdict is Verdict.FAIL
    assert "logs 1 of 2" in outcome.summary


async def test_a_traceback_between_the_lines_is_counted(logs: Logs) -> None:
    """Lines that are no JSON count when the next entry was written, or the file changed; a book may expect none."""
    logs.usual()
    assert (await logs.check(unstructured="= 0")).verdict is Verdict.PASS
    logs.raw("Traceback (most recent call last):\n  File ...\n")
    assert (await logs.check(unstructured="= 2")).verdict is Verdict.PASS
    logs.write("request", ago=5, level="info")
    assert (await logs.check(unstructured="= 2")).verdict is Verdict.PASS


async def test_lines_that_cannot_be_read_before_the_first_entry_are_counted(logs: Logs) -> None:
    """What a new version wrote before its first entry is not lost."""
    logs.usual()
    logs.raw("ERROR everything is broken\n" * 50, file="new")
    logs.write("request", level="info", file="new")
    outcome = await logs.check(new_signatures="= 0", unstructured="= 0")
    assert outcome.verdict is Verdict.FAIL
    assert "unstructured 50" in outcome.summary


@pytest.mark.parametrize("spoke_before", [False, True], ids=["a new file", "after entries of an hour ago"])
async def test_a_log_that_is_written_and_cannot_be_read_is_unknown(logs: Logs, spoke_before: bool) -> None:
    """The old version's sound log does not stand for the new version's, of which not one line can be read."""
    logs.usual("old")
    if spoke_before:
        logs.write("request", ago=3600, level="info", file="new")
    logs.raw("ERROR everything is broken\n" * 5000, file="new")
    outcome = await logs.check()
    assert outcome.verdict is Verdict.UNKNOWN
    assert "new.jsonl was written to lately, and none of its last 5000 lines is a JSON object" in outcome.summary


async def test_a_line_that_is_still_being_written_does_not_count(logs: Logs) -> None:
    """A look between two writes of a busy service finds half a line, and that is no fault."""
    logs.usual()
    logs.raw('{"time": "2026-11-2')
    assert (await logs.check(unstructured="= 0")).verdict is Verdict.PASS


async def test_a_log_of_another_format_that_nobody_writes_any_more_does_not_matter(logs: Logs) -> None:
    """Only what was written within the window is looked at."""
    logs.usual()
    logs.raw("ERROR long ago\n", file="archive")
    os.utime(logs.estates.folder / "archive.jsonl", (0, 0))
    assert (await logs.check(unstructured="= 0", new_signatures="= 0")).verdict is Verdict.PASS


async def test_a_service_without_logs_is_skipped(logs: Logs) -> None:
    """An environment that names no log skips the check, which is no pass."""
    check = ErrorSignatures.model_validate({"service": "other", "window": "60s", "expect": QUIET})
    async with logs.estates.make() as estate:
        assert (await check.observe(estate)).verdict is Verdict.SKIPPED
