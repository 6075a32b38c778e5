"""What must not be left half done goes to its end, however often it is cancelled."""

import asyncio
from pathlib import Path

import pytest

from flows.uninterrupted import to_its_end, uninterrupted
from tests.tminus.drills.told_drills import NAME, Told
from tminus import events as ev


async def cancelled_meanwhile(task: "asyncio.Task[object]", times: int) -> None:
    """So often, each once the loop had a turn."""
    for _ in range(times):
        await asyncio.sleep(0.005)
        task.cancel()


async def slow() -> str:
    """Something that takes a while."""
    await asyncio.sleep(0.05)
    return "done"


@pytest.mark.parametrize("times", [0, 1, 3])
async def test_it_comes_to_its_end(times: int) -> None:
    """Each cancellation is told, and whoever was cancelled goes on."""
    told: list[int] = []

    async def whole() -> str:
        said = await uninterrupted(slow(), lambda: told.append(1))
        await asyncio.sleep(0)  # not cancelled any more
        return said

    task: asyncio.Task[object] = asyncio.create_task(whole())
    await cancelled_meanwhile(task, times)
    assert await task == "done"
    assert len(told) == times


async def test_it_is_cancelled_after_its_end() -> None:
    """What was begun is done, and nothing after it."""
    done: list[str] = []

    async def deed() -> None:
        done.append(await slow())

    task: asyncio.Task[object] = asyncio.create_task(to_its_end(deed()))
    await cancelled_meanwhile(task, 2)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["done"]


async def test_what_fails_says_so() -> None:
    """Also where it was cancelled meanwhile."""

    async def fails() -> None:
        await asyncio.sleep(0.02)
        raise ValueError("no")

    task: asyncio.Task[object] = asyncio.create_task(to_its_end(fails()))
    await cancelled_meanwhile(task, 1)
    with pytest.raises(ValueError, match="no"):
        await task


async def test_nobody_keeps_what_was_taken_while_it_was_cancelled(tmp_path: Path) -> None:
    """The environment is freed where its taker was cancelled while it took it, and a write that was begun is known."""
    one = Told.begin(tmp_path, {})
    place = one.opened.environment.environment

    async def held() -> None:
        async with one.diary.held(lambda why: ev.DrillRefused(scenario=NAME, why=why)):
            pytest.fail("it was cancelled before")

    task: asyncio.Task[object] = asyncio.create_task(held())
    await asyncio.sleep(0)  # it has begun to take it
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert one.store.locked_by(place) is None
    before = len(one.store.read(one.opened.chain(NAME)))
    writing: asyncio.Task[object] = asyncio.create_task(one.diary.write(ev.DrillRefused(scenario=NAME, why="a test")))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert len(one.store.read(one.opened.chain(NAME))) == before + 1
