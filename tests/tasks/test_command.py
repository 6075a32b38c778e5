"""Commands of the environment: their own process group, an end in time, a bounded output without secrets."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tasks import command
from tasks.command import OUTPUT, fill, run, takes
from tasks.lock_file import hold, holder, is_held
from tasks.redaction import inherited_secrets, margin, redacted_tail
from tminus.environment import Environment
from tminus.errors import ActionFailed
from tminus.systems.command import Command

RUNS_UNDER_LOCK = """
import asyncio, sys
from pathlib import Path
from tasks.command import run
from tasks.lock_file import hold
from tminus.systems.command import Command

async def main():
    async with hold(Path(sys.argv[1]), 0) as held:
        await run(Command(argv=("/bin/sh", "-c", sys.argv[2])), {}, held=held)

asyncio.run(main())
"""


def sh(script: str, **more: object) -> Command:
    """A command that runs a shell script."""
    return Command.model_validate({"argv": ["/bin/sh", "-c", script], **more})


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return status not in "ZX"


async def until(condition: Callable[[], bool]) -> None:
    """Waits until it holds; fails after 15 s."""
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "it does not come to hold"
        await asyncio.sleep(0.02)


async def test_placeholders_are_filled_without_a_shell() -> None:
    """A word stays within its own argument, whatever characters it has; other braces are left alone."""
    echo = Command.model_validate({"argv": ["printf", "%s|", "--v={version}", "{pool}", "{json}", "$HOME;`id`"]})
    done = await run(echo, {"version": "2 0; rm *", "pool": "{version}"})
    assert (done.exit, done.output) == (0, "--v=2 0; rm *|{version}|{json}|$HOME;`id`|")
    assert takes(echo, "pool")
    assert not takes(echo, "token")


def test_a_placeholder_without_a_word_is_refused() -> None:
    """A probe that asks for a token is told so before anything is run."""
    with pytest.raises(ActionFailed, match="there is no token to fill in") as refused:
        fill(Command(argv=("probe", "{token}")), {"pool": "green"})
    assert not refused.value.began


async def test_a_missing_program_is_named() -> None:
    """A program that is not there: certainly nothing began, and its name is said."""
    with pytest.raises(ActionFailed, match="no-such-program could not be started") as failed:
        await run(Command(argv=("no-such-program",)), {})
    assert not failed.value.began


async def test_the_exit_status_is_told(tmp_path: Path) -> None:
    """Whatever the status, it is returned: judging is the caller's."""
    assert (await run(sh("echo to-stderr >&2; exit 5"), {})).exit == 5
    assert (await run(sh("kill -9 $$"), {})).exit == -9
    assert str(await run(sh("echo gone; exit 5"), {})).endswith("exit status 5: …gone")


async def test_a_timeout_ends_the_whole_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that ignores SIGTERM, and the one it started, are both gone; what it printed is told."""
    monkeypatch.setattr(command, "GRACE", 0.3)
    pids = tmp_path / "pids"
    stubborn = f"trap '' TERM; sleep 600 & echo $$ $! > {pids}; echo half-way; wait; sleep 600"
    with pytest.raises(ActionFailed, match=r"did not end within 1s.*half-way") as failed:
        await run(sh(stubborn, timeout="1s"), {})
    assert failed.value.began
    # A kill is sent, and carried out when the system comes to it.
    await until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))


async def test_a_cancellation_ends_the_whole_group(tmp_path: Path) -> None:
    """Cancelling whoever waits leaves nothing running."""
    pids = tmp_path / "pids"
    waiting = asyncio.create_task(run(sh(f"sleep 600 & echo $$ $! > {pids}; wait"), {}))
    await until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))


async def test_only_the_end_of_the_output_is_kept() -> None:
    """Ten megabytes printed, 4 KB kept: the last."""
    done = await run(Command(argv=(sys.executable, "-S", "-c", "print('x' * 10_000_000 + 'end')")), {})
    assert len(done.output) == OUTPUT
    assert done.output.endswith("xend\n")


def with_dsn(folder: Path) -> Environment:
    """An environment whose database is reached by what CANARY holds."""
    return Environment.model_validate(
        {
            "environment": "test",
            "kind": "staging",
            "ledger": {"sqlite": folder / "ledger.db"},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": folder,
            "postgres": {"main": {"dsn": "env:CANARY"}, "other": {"dsn": "env:NOT_SET"}},
        }
    )


async def test_secrets_are_taken_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a command prints of a secret it inherited is not kept."""
    monkeypatch.setenv("CANARY", "a-canary-secret")
    done = await run(sh("echo before $CANARY after"), {}, inherited_secrets(with_dsn(tmp_path)))
    assert done.output == "before *** after\n"


@pytest.mark.parametrize(
    ("dsn", "password"),
    [
        ("postgresql://tminus:open-sesame@db.internal/trading", "open-sesame"),
        ("postgresql://tminus:open%2Fsesame@db.internal/trading", "open/sesame"),
        ("postgresql://tminus:open%2Fsesame@db.internal/trading", "open%2Fsesame"),
        ("redis://:open-sesame@cache.internal:6379/0", "open-sesame"),
        ("host=db.internal user=tminus password=open-sesame dbname=trading", "open-sesame"),
        ("password='open sesame' host=db.internal", "open sesame"),
    ],
)
async def test_a_password_within_a_secret_is_one_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dsn: str, password: str
) -> None:
    """A command that takes a connection string apart may print its password alone; that is not kept either."""
    monkeypatch.setenv("CANARY", dsn)
    monkeypatch.setenv("ALONE", password)
    done = await run(sh('echo "no entry for $ALONE at db.internal"'), {}, inherited_secrets(with_dsn(tmp_path)))
    assert done.output == "no entry for *** at db.internal\n"


NOISE = st.text(st.sampled_from("abcü§"), max_size=12)


@given(st.lists(NOISE, min_size=2, max_size=5), st.text(st.sampled_from("ABÜ"), min_size=1, max_size=30), st.data())
def test_no_cut_leaves_half_a_secret(noise: list[str], value: str, data: st.DataObject) -> None:
    """However an output is cut, no piece of a secret is left at its beginning, and none is whole inside."""
    secret = SecretStr(f"{value}Z")  # it ends in a letter of its own, so that it does not overlap with itself
    whole = secret.get_secret_value().join(noise)
    length = data.draw(st.integers(1, len(whole)))
    kept = length + margin([secret])
    tail = redacted_tail(whole[-kept:], [secret], length, cut=len(whole) > kept)
    assert len(tail) <= length
    assert not set(tail) & set("ABÜZ")


async def test_one_at_a_time(tmp_path: Path) -> None:
    """A lock that is held is waited for, then refused: nothing began, and the holder is named."""
    lock = tmp_path / "state" / "lock"
    async with hold(lock, within=0) as held:
        held.note("process 1: nginx")
        assert is_held(lock)
        with pytest.raises(ActionFailed, match="process 1: nginx") as refused:
            async with hold(lock, within=0.05):
                pytest.fail("two held it")
        assert not refused.value.began
    assert not is_held(lock)
    assert not is_held(tmp_path / "never-made")


async def test_a_descendant_keeps_the_lock(tmp_path: Path) -> None:
    """A command may end and leave a descendant: as long as that lives, it is still going on."""
    lock, go_on = tmp_path / "lock", tmp_path / "go-on"
    os.mkfifo(go_on)
    async with hold(lock, within=0) as held:
        assert (await run(sh(f"(read line < {go_on}) & exit 0"), {}, held=held)).exit == 0
    assert is_held(lock)
    assert "/bin/sh" in holder(lock)
    await asyncio.to_thread(go_on.write_text, "now\n")
    await until(lambda: not is_held(lock))


async def test_an_orphan_keeps_the_lock(tmp_path: Path) -> None:
    """Kill -9 of the process that runs a command: the command goes on unharmed, and holds the lock to its end."""
    lock, go_on, done = tmp_path / "lock", tmp_path / "go-on", tmp_path / "done"
    os.mkfifo(go_on)
    script = f'kill -9 "$PPID"; read line < {go_on}; echo a line nobody reads; echo done > {done}'
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", RUNS_UNDER_LOCK, str(lock), script)
    assert await parent.wait() == -9
    assert is_held(lock)
    await asyncio.to_thread(go_on.write_text, "now\n")
    await until(lambda: not is_held(lock))
    assert done.read_text() == "done\n"
