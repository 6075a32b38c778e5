"""Commands: started without a shell and without secrets, ended in time with what they started, not simply believed."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from time import monotonic

import psutil
import pytest
from pydantic import JsonValue, SecretStr, ValidationError

from tasks import bounded_process
from tasks.bounded_process import run_bounded
from tests.conftest import Estates
from tests.tasks.artifacts.looking import check, found, looked, put
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict

SOON = timedelta(seconds=10)


@pytest.mark.parametrize(
    "given",
    [
        {"argv": "ls -l"},
        {"argv": ["ls -l"]},
        {"argv": []},
        {"argv": [""]},
        {"argv": ["bash", "-c", "ls | wc"]},
        {"argv": ["/bin/sh", "-ec", "ls"]},
        {"argv": ["bash", "-x", "-c", "ls"]},
        {"argv": ["bash", "-O", "extglob", "-o", "pipefail", "-c", "ls"]},
        {"argv": ["env", "sh", "-c", "ls"]},
        {"argv": ["/usr/bin/env", "-i", "A=b", "nice", "-n", "5", "bash", "--norc", "-lc", "ls"]},
        {"argv": ["env", "-S", "sh -c ls"]},
        {"argv": ["env", "A=b", "--split-string=sh -c ls"]},
        {"argv": ["timeout", "5", "sh", "-c", "ls"]},
        {"argv": ["pwsh.exe", "-NoProfile", "-Command", "ls"]},
        {"argv": ["ls"], "pointer": "/a"},
        {"argv": ["ls"], "parse": "json", "pointer": "a"},
        {"argv": ["ls"], "expect": {"value": "= 1"}},
        {"argv": ["ls"], "impact": "none"},
    ],
)
def test_what_is_no_argv_is_refused_when_the_book_is_read(given: dict[str, JsonValue]) -> None:
    """A shell string, in whatever clothes; and what could never be judged."""
    with pytest.raises(ValidationError):
        check("command.run", **{"expect": {"exit": "= 0"}, **given})


@pytest.mark.parametrize(
    "argv",
    [["bash", "--norc", "check.sh", "-c"], ["sh", "-x", "check.sh"], ["env", "A=b", "ls"], ["bash", "--", "-c"]],
)
def test_a_script_may_be_named_to_a_shell(argv: list[str]) -> None:
    """What stands behind the script's name is the script's own."""
    assert check("command.run", {"exit": "= 0"}, argv=list[JsonValue](argv)).impact is Impact.SYNTHETIC


async def test_what_is_no_number_is_not_shown(estates: Estates) -> None:
    """It may be a customer's, or a secret: how long it is is all that the outcome says."""
    put(estates.folder, "out", "alice@example.com postgres://u:hunter2@db/x")
    outcome = await looked(estates, "command.run", {"value": "= 0"}, argv=["cat", "out"], parse="number")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "text of 43 characters, no number" in outcome.summary
    assert "hunter2" not in outcome.model_dump_json()


async def test_a_child_in_a_session_of_its_own_is_ended_too(tmp_path: Path) -> None:
    """Its group is another one, and the command's time is up."""
    put(tmp_path, "run.sh", "setsid sh -c 'echo $$ > pid; exec sleep 60' &\nsleep 60\n")
    ended = await run_bounded(["sh", "run.sh"], timedelta(seconds=1), tmp_path)
    assert not ended.in_time
    assert await gone(int(written(tmp_path / "pid")))


async def test_a_command_sees_no_secrets_of_ours(estates: Estates, monkeypatch: pytest.MonkeyPatch) -> None:
    """PATH, HOME and LANG are all that it has of our environment variables."""
    monkeypatch.setenv("TMINUS_SECRET", "hunter2")
    kept = "{'PATH', 'HOME', 'LANG', 'LC_CTYPE', '__CF_USER_TEXT_ENCODING'}"  # the last two Python and macOS add
    code = f"import os; print(len(set(os.environ) - {kept}))"
    outcome = await looked(
        estates, "command.run", {"exit": "= 0", "value": "= 0"}, argv=[sys.executable, "-c", code], parse="number"
    )
    assert outcome.verdict is Verdict.PASS, outcome.summary


async def test_nothing_of_a_command_is_left_when_its_time_is_up(tmp_path: Path) -> None:
    """Neither it, nor what it started, also where that ignores what asks it to end."""
    child = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; time.sleep(60)"
    start = f"p = subprocess.Popen([sys.executable, '-c', {child!r}])"
    parent = f"import subprocess, sys; {start}; print(p.pid, flush=True); p.wait()"

    ended = await run_bounded([sys.executable, "-c", parent], timedelta(seconds=1.5), tmp_path)

    assert (ended.in_time, ended.exit) == (False, -9)
    assert await gone(int(ended.out.split()[0]))


async def test_what_a_command_leaves_behind_is_ended_too(tmp_path: Path) -> None:
    """It ended in time, and a child of it that keeps its output open neither delays the answer nor survives it."""
    parent = (
        "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)"
    )
    began = monotonic()

    ended = await run_bounded([sys.executable, "-c", parent], SOON, tmp_path)

    assert (ended.in_time, ended.exit) == (True, 0)
    assert monotonic() - began < 8
    assert await gone(int(ended.out))


async def test_a_cancelled_command_is_ended(tmp_path: Path) -> None:
    """As a step whose time is up does it."""
    argv = [sys.executable, "-c", "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"]
    task = asyncio.create_task(run_bounded(argv, timedelta(minutes=1), tmp_path))
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
        await asyncio.sleep(0.02)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(int(written(tmp_path / "pid")))


def written(path: Path) -> str:
    """What stands in a file; "" where it is not there yet."""
    return path.read_text() if path.exists() else ""


async def gone(process: int) -> bool:
    """Whether a process ends within a moment; a zombie that its new parent has yet to see has ended."""
    for _ in range(200):
        try:
            if psutil.Process(process).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_flood_is_stopped(tmp_path: Path) -> None:
    """A command that prints without end is none that measures, and does not fill the disk."""
    began = monotonic()
    with pytest.raises(CouldNotObserve, match="prints over 1048576 bytes"):
        await run_bounded([sys.executable, "-c", "while True: print('x' * 65536)"], SOON, tmp_path)
    assert monotonic() - began < 8


@pytest.mark.parametrize("argv", [["no-such-program"], ["./no-such-script"], [sys.executable, "a\0b"]])
async def test_what_cannot_be_started_is_unknown(estates: Estates, argv: list[str]) -> None:
    """It is not there, or no argv at all."""
    outcome = await looked(estates, "command.run", {"exit": "= 0"}, argv=argv)
    assert outcome.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("parse", "pointer", "printed", "seen"),
    [
        *(
            ("number", "", " 42\n", "42"),
            ("number", "", "-0.5", "-0.5"),
            ("number", "", "many", None),
            ("number", "", "", None),
        ),
        *(
            ("number", "", "1\n2", None),
            ("number", "", "nan", None),
            ("number", "", "9" * 5000, None),
            ("number", "", "\0", None),
        ),
        *(
            ("json", "/a/0", '{"a": [7]}', "7"),
            ("json", "", "8", "8"),
            ("json", "/b", '{"a": 1}', None),
            ("json", "", "{", None),
        ),
        *(("json", "/a", '{"a": true}', None), ("json", "/a", '{"a": 1e999}', None), ("json", "", "[" * 5000, None)),
    ],
)
async def test_a_number_is_read_or_the_outcome_is_unknown(
    estates: Estates, parse: str, pointer: str, printed: str, seen: str | None
) -> None:
    """The whole output, or what stands at the pointer."""
    put(estates.folder, "out", printed)
    outcome = await looked(
        estates, "command.run", {"value": ">= -1"}, argv=["cat", "out"], parse=parse, pointer=pointer
    )
    assert found(outcome).get("value") == seen
    assert outcome.verdict is (Verdict.UNKNOWN if seen is None else Verdict.PASS)


async def test_a_word_is_one_line(estates: Estates) -> None:
    """More of them, or none, are no word."""
    for text, verdict in (("a b\n", Verdict.PASS), ("a\nb", Verdict.UNKNOWN), ("", Verdict.UNKNOWN)):
        put(estates.folder, "out", text)
        outcome = await looked(estates, "command.run", {"word": "= a b"}, argv=["cat", "out"], parse="word")
        assert outcome.verdict is verdict


async def test_what_a_failed_command_prints_counts_for_nothing(estates: Estates) -> None:
    """Its value is not measured; the last line on stderr says why, without secrets, and nothing of stdout is shown."""
    code = "import sys; print(0); print('customer 17'); print('a\\nno: hunter2hunter2', file=sys.stderr); sys.exit(3)"
    secret = estates.secret(SecretStr("hunter2hunter2"))
    spec = check("command.run", {"exit": "= 0", "value": "= 0"}, argv=[sys.executable, "-c", code], parse="number")
    async with estates.make(identities={"customer": secret}) as estate:
        outcome = await spec.observe(estate)

    assert outcome.verdict is Verdict.FAIL
    assert "value" not in found(outcome)
    assert outcome.details == ("stderr ends with: no: ***",)


def test_the_bound_is_what_the_page_says() -> None:
    """The documentation of command.run names it."""
    assert bounded_process.LARGEST == 1024 * 1024
