"""Error signatures: the pure reduction for all texts, and the check against logs written by the test."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.checks.logs import ErrorSignatures
from tasks.log_lines import parse, read_since
from tasks.log_signatures import signature
from tests.conftest import Estates
from tminus.clock import now
from tminus.outcome import Outcome, Verdict

QUIET = {"new_signatures": "= 0"}
FRAGMENTS = st.sampled_from(
    [
        *"'\"`<>=@-_./:² ½\n",
        "<id>",
        "<text>",
        "<n>",
        "it's",
        "a=b",
        "x@y.z",
        "12 ms",
        "3.5s",
        "bearer ",
        "deadbeef",
        "Err",
    ]
)
EMAILS = st.from_regex(r"[a-z0-9]{1,8}([.+-][a-z0-9]{1,8})?@[a-z]{2,8}\.(com|org)", fullmatch=True)
TEXTS = st.lists(FRAGMENTS | st.text(max_size=6), max_size=12).map("".join)


@given(TEXTS)
@example("'\"'\"")
@example("a='b'c'd'")
@example("x'1'b' c")
def test_a_signature_is_its_own_signature(text: str) -> None:
    """Reducing twice changes nothing more, for all texts."""
    assert signature(signature(text)) == signature(text)


@given(TEXTS | st.text())
def test_no_digit_survives(text: str) -> None:
    """No digit of any script is left, for all texts, nor anything else that counts as a number."""
    assert not [letter for letter in signature(text) if letter.isnumeric()]


@given(st.uuids(), st.uuids(), st.integers(), st.integers(), EMAILS, EMAILS)
def test_what_is_particular_makes_no_difference(
    one: object, other: object, few: int, many: int, a: str, b: str
) -> None:
    """The same error for another order, customer and duration has the same signature."""
    told = [f"order {id_} of {mail} failed after {n} ms" for id_, n, mail in ((one, few, a), (other, many, b))]
    assert signature(told[0]) == signature(told[1])


@pytest.mark.parametrize(
    ("text", "reduced"),
    [
        ("request failed: TimeoutError GET /orders/123/items", "request failed: TimeoutError GET /orders/<n>/items"),
        ("no quote for request 3f2a9c0b1d2e4f56 within 512 ms", "no quote for request <id> within <n>"),
        ("took 3.5s, 12 ms or 150ms", "took <n>, <n> or <n>"),
        ("can't reach 10.0.0.5:5432, don't retry", "can't reach <n>, don't retry"),
        ('duplicate key violates "orders_pkey"', "duplicate key violates <text>"),
        ("account DE89370400440532013000 of jane@example.com", "account <id> of <email>"),
        ("login user=jane password=hunter", "login user=<value> password=<value>"),
        ("Authorization: Bearer abcdef", "<token>"),
        ("key sk_live_abcDEF refused", "key <token> refused"),
        ("secret AbCdEfGhIjKlMnOpQrStUvWxYzabcd", "secret <token>"),
        ("ConnectionRefusedByUpstreamServerError", "ConnectionRefusedByUpstreamServerError"),
        ("token expired", "token expired"),
    ],
)
def test_what_is_kept_and_what_is_not(text: str, reduced: str) -> None:
    """The words that name the error stay; ids, customers' data, credentials and numbers go."""
    assert signature(text) == reduced


class Logs:
    """Logs of one service in a folder, and the check of them."""

    def __init__(self, estates: Estates) -> None:
        self.estates = estates
        self.pattern = str(estates.folder / "*.jsonl")

    def write(self, message: str, *, ago: float = 10, level: str = "error", file: str = "one", **more: object) -> None:
        """A line of so many seconds ago."""
        at = (now() - timedelta(seconds=ago)).isoformat(timespec="milliseconds")
        with (self.estates.folder / f"{file}.jsonl").open("a") as log:
            log.write(json.dumps({"time": at, "level": level, "message": message, **more}) + "\n")

    def usual(self, file: str = "one") -> None:
        """Nothing special, before the window and in it."""
        for ago in (90, 30):
            self.write("request", ago=ago, level="info", file=file)

    async def check(self, *patterns: str, window: str = "60s", **expect: str) -> Outcome:
        """The outcome, over the last minute against the one before."""
        check = ErrorSignatures.model_validate({"service": "trading", "window": window, "expect": expect or QUIET})
        command = {"argv": ["true"]}
        nginx = {
            "config": "/nginx.conf",
            "upstream": "trading",
            "include": "/upstream.conf",
            "reload": command,
            "pools": {"blue": [], "green": []},
        }
        service = {
            "front": "http://127.0.0.1:1",
            "nginx": nginx,
            "roll_out": {"run": command, "probe": command, "undo": command},
            "logs": patterns or (self.pattern,),
        }
        async with self.estates.make(services={"trading": service}) as estate:
            return await check.observe(estate)


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
    """A single line of a kind not seen before fails, and is shown first, redacted, with its count."""
    logs.usual()
    for ago in (80, 70, 50, 40):
        logs.write("order 17 failed", ago=ago)
    logs.write("jane@example.com has no margin account 4711, token eyJhbGciOi.J9", ago=5)
    outcome = await logs.check()
    assert outcome.verdict is Verdict.FAIL
    assert "new_signatures 1" in outcome.summary
    assert outcome.details[0].endswith("1 times, new: <email> has no margin account <n>, token <token>")
    assert not [secret for secret in ("jane", "4711", "eyJ") if secret in outcome.model_dump_json()]


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
    """Lines that are no JSON belong to the entry before them, and a book may expect none."""
    logs.usual()
    with (logs.estates.folder / "one.jsonl").open("a") as log:
        log.write("Traceback (most recent call last):\n  File ...\n")
    assert (await logs.check(unstructured="= 0")).verdict is Verdict.FAIL


async def test_a_service_without_logs_is_skipped(logs: Logs) -> None:
    """An environment that names no log skips the check, which is no pass."""
    check = ErrorSignatures.model_validate({"service": "other", "window": "60s", "expect": QUIET})
    async with logs.estates.make() as estate:
        assert (await check.observe(estate)).verdict is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("line", "is_error"),
    [
        ('{"time": "2026-11-22T02:00:00Z", "level": "ERROR", "message": "x"}', True),
        ('{"@timestamp": "2026-11-22T02:00:00.5+01:00", "log.level": "fatal", "msg": "x"}', True),
        ('{"asctime": "2026-11-22 02:00:00,123", "levelname": "CRITICAL", "event": "x"}', True),
        ('{"time": 1795312800123, "level": 50, "msg": "x", "err": {}}', True),
        ('{"ts": 1795312800.5, "level": "warn", "msg": {"not": "text"}}', False),
        ('{"timestamp": "2026-11-22T02:00:00", "severity": "INFO"}', False),
    ],
)
def test_lines_of_common_loggers_are_understood(line: str, is_error: bool) -> None:
    """Whatever they call time and level; a time without a zone is UTC."""
    entry = parse(line.encode())
    assert entry is not None
    assert entry.is_error is is_error
    assert entry.at.year == 2026
    assert entry.at.utcoffset() is not None


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'{"level": "error"}', b'{"time": "soon", "level": "error"}', b"\xff"]
)
def test_other_lines_are_no_entries(line: bytes) -> None:
    """They are counted as unstructured, and end nothing."""
    assert parse(line) is None


@given(st.integers(0, 40), st.integers(1, 300))
def test_reading_from_the_end_misses_nothing(tmp_path_factory: pytest.TempPathFactory, wanted: int, block: int) -> None:
    """However the file falls into blocks, every entry since the time asked for is read."""
    file: Path = tmp_path_factory.mktemp("log") / "one.jsonl"
    start = now()
    times = [start + timedelta(seconds=n) for n in range(40)]
    lines = [
        json.dumps({"time": at.isoformat(), "level": "info", "message": "x" * (n % 7)}) for n, at in enumerate(times)
    ]
    file.write_text("\n".join(lines) + "\n")
    since = start + timedelta(seconds=wanted - 0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.log_lines._BLOCK", block)
        entries = list(read_since(file, since))
    assert None not in entries
    assert [entry.at for entry in entries if entry and entry.at >= since] == [at for at in times if at >= since]
