"""What blocks in one system's threads holds up no other system, and not the process."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from flows.threads import ThreadsBySystem, asked
from tasks.check import Check
from tasks.estate import Estate
from tminus.environment import Environment, Impact
from tminus.outcome import Observation
from tminus.release import no_release

ROOT = Path(__file__).parents[2]
BLOCKED = 30.0  # seconds
GIVEN_UP = """
import asyncio
from datetime import timedelta
from pathlib import Path
from flows.looking import look_once
from tests.flows.test_threads import Blocking, nowhere

async def main():
    check = Blocking.model_validate({"expect": {"count": "= 1"}})
    print((await look_once(nowhere(Path()), check, timedelta(milliseconds=100))).summary)
    print(await asyncio.to_thread(lambda: "what asks no system is waited for"))

asyncio.run(main())
"""


class Blocking(Check, frozen=True):
    """A client that blocks."""

    kind: Literal["made.blocking"] = "made.blocking"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[dict[str, str]] = {"count": ""}

    async def look(self, estate: Estate) -> Observation:
        """For half a minute."""
        await asyncio.to_thread(time.sleep, BLOCKED)
        return Observation()


def nowhere(folder: Path) -> Estate:
    """An estate of no system."""
    place = {
        "environment": "here",
        "kind": "rehearsal",
        "ledger": {"sqlite": str(folder / "ledger.db")},
        "prefect": {"api": "http://127.0.0.1:1/api"},
        "state": str(folder),
        "allows": ["none"],
    }
    return Estate(Environment.model_validate(place), no_release("shop"), "shop-1", folder)


def test_a_thread_that_was_given_up_does_not_hold_the_process_up() -> None:
    """A client that blocks for 30 s is given up after 0.1 s: the process ends long before it, and orderly."""
    began = time.monotonic()
    argv = [sys.executable, "-c", GIVEN_UP]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=2 * BLOCKED, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "made gave no answer to made.blocking within 0.1 s",
        "what asks no system is waited for",
    ]
    assert time.monotonic() - began < BLOCKED


@pytest.fixture
def threads() -> ThreadsBySystem:
    """Two for each system."""
    return ThreadsBySystem(2)


def test_a_system_has_so_many_threads_and_uses_them_again(threads: ThreadsBySystem) -> None:
    """Never more at once; one that is free is taken before another is begun."""
    token = asked.set("one")
    try:
        idents = {threads.submit(threading.get_ident).result() for _ in range(5)}
        busy, most, guard = 0, 0, threading.Lock()

        def work() -> None:
            nonlocal busy, most
            with guard:
                busy += 1
                most = max(most, busy)
            time.sleep(0.01)
            with guard:
                busy -= 1

        for future in [threads.submit(work) for _ in range(8)]:
            future.result()
    finally:
        asked.reset(token)
        threads.shutdown()
    assert (len(idents) <= 2, most) == (True, 2)


def test_what_hangs_in_one_system_takes_no_thread_from_another(threads: ThreadsBySystem) -> None:
    """And at the end what waited for its turn is cancelled; nothing begins any more."""
    go = threading.Event()
    stuck = [_asked(threads, "stuck", go.wait) for _ in range(3)]
    assert _asked(threads, "well", lambda: 1).result(10) == 1
    threads.shutdown(wait=True)
    assert [future.cancelled() for future in stuck] == [False, False, True]
    go.set()
    for system in ("stuck", "new", ""):
        with pytest.raises(RuntimeError, match="after shutdown"):
            _asked(threads, system, lambda: 1)


def test_what_it_raises_is_raised_to_whoever_waits(threads: ThreadsBySystem) -> None:
    """Whatever it is, and the thread goes on."""

    def breaks() -> None:
        raise SystemExit(7)

    with pytest.raises(SystemExit):
        _asked(threads, "one", breaks).result(10)
    assert _asked(threads, "one", lambda: 1).result(10) == 1
    threads.shutdown()


def test_threads_end_where_nobody_needs_them_any_more() -> None:
    """A process that sweeps every night keeps none of them."""
    before = threading.active_count()
    threads = ThreadsBySystem(4)
    for number in range(8):
        _asked(threads, f"system {number}", lambda: 1).result(10)
    threads.shutdown()
    until = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() <= before


def _asked(threads: ThreadsBySystem, system: str, fn: Callable[[], object]) -> Future[object]:
    token = asked.set(system)
    try:
        return threads.submit(fn)
    finally:
        asked.reset(token)
