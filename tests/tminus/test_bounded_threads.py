"""Calls that block: few at a time, and nobody waits for one longer than they said."""

import asyncio
import threading
import time

import pytest

from tminus.bounded_threads import BoundedThreads, NoPlace, Places


async def test_what_a_call_returns_or_raises() -> None:
    """Is what whoever waits gets."""
    threads = BoundedThreads(1, "calls")
    assert await threads.run(lambda: 7, 5.0, patience=5.0) == 7
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0, 5.0, patience=5.0)
    assert await threads.run(lambda: 8, 5.0, patience=5.0) == 8


async def test_one_that_hangs_is_not_waited_for_and_keeps_its_place() -> None:
    """Whoever waits goes on; another is not begun beside it, until it ends."""
    threads, over, begun = BoundedThreads(1, "calls"), threading.Event(), list[int]()

    def hangs() -> None:
        begun.append(1)
        over.wait(30)

    with pytest.raises(TimeoutError) as given_up:
        await threads.run(hangs, 0.05, patience=0.05)
    assert not isinstance(given_up.value, NoPlace)
    for _ in range(3):
        with pytest.raises(NoPlace):
            await threads.run(hangs, 0.05, patience=0.05)
    assert len(begun) == 1
    over.set()
    assert await threads.run(lambda: "again", 5.0, patience=5.0) == "again"


async def test_never_more_than_so_many() -> None:
    """Whoever comes later waits for a place."""
    threads, lock = BoundedThreads(3, "calls"), threading.Lock()
    now = most = 0

    def call() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1

    await asyncio.gather(*(threads.run(call, 5.0, patience=5.0) for _ in range(20)))
    assert most == 3


async def test_one_that_cannot_begin_keeps_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine has no thread left for a while."""

    class Refused(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    threads = BoundedThreads(1, "calls")
    with monkeypatch.context() as patched:
        patched.setattr("tminus.bounded_threads.Thread", Refused)
        for _ in range(3):
            with pytest.raises(NoPlace, match="no thread"):
                await threads.run(lambda: 7, 5.0, patience=5.0)
    assert await threads.run(lambda: 7, 5.0, patience=5.0) == 7


def test_a_place_that_is_never_given_up_is_free_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """And at once where its call ends; for how long none was free is known."""
    places, ended = Places(2), threading.Event()
    places.take(ended.is_set)
    assert places.free()
    places.take(lambda: False)
    assert not places.free()
    time.sleep(0.01)
    assert places.full_for > 0
    ended.set()
    assert (places.free(), places.full_for) == (True, 0.0)
    places.take(lambda: False)
    assert not places.free()
    monkeypatch.setattr("tminus.bounded_threads._KEPT", 0.0)
    assert (places.free(), places.full_for) == (True, 0.0)


def test_the_end_of_the_loop_does_not_wait_for_it() -> None:
    """What hangs when a process ends holds nothing up, and ends without a word."""
    over = threading.Event()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await BoundedThreads(1, "one that hangs").run(lambda: over.wait(30), 0.05, patience=1.0)

    asyncio.run(give_up())
    hanging = [one for one in threading.enumerate() if one.name == "one that hangs"]
    assert [one.daemon for one in hanging] == [True]
    over.set()
    hanging[0].join(5)
    assert not hanging[0].is_alive()
