"""Taking a roll-out back: only when no old worker passes traffic to it any more, and of every instance."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tasks import served_build
from tasks.action import State, Undo
from tasks.actions.roll_out import RollOut
from tests.tasks.deploy.conftest import serve
from tminus.errors import ActionFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.estate import Estate
    from tests.tasks.deploy.conftest import BlueGreen

ROLL_OUT = RollOut(service="trading")


@pytest.fixture
def draining(world: BlueGreen) -> Iterator[BlueGreen]:
    """The file passes traffic to blue again, and the front still answers from green: put("front", …) says what."""
    (front,) = serve("front", world.folder, 1)
    world.front = f"http://127.0.0.1:{front.server_port}"
    world.put("green", world.new)
    world.put("front", world.new)
    yield world
    front.shutdown()
    front.server_close()


async def rolled_out(world: BlueGreen, estate: Estate) -> Undo:
    """The way back of a roll-out to pool green."""
    build = estate.released("trading")
    data = {"pool": "green", "version": build.version, "artifact": build.artifact, "config": build.config}
    return Undo(summary="take it off again", data=data)


def undone(world: BlueGreen) -> list[str]:
    """What the platform was told to take off."""
    log = world.folder / "deployments.log"
    return log.read_text().splitlines() if log.exists() else []


async def test_the_last_old_worker_is_waited_for(draining: BlueGreen) -> None:
    """It answers from the new version for a while after the switch back; the pool is emptied when it has stopped."""
    async with draining.estate() as estate:
        undo = await rolled_out(draining, estate)
        taking_back = asyncio.create_task(ROLL_OUT.undo(estate, undo, token=1))
        await asyncio.sleep(0.5)
        assert not taking_back.done()
        assert undone(draining) == []
        draining.put("front", draining.old)
        await taking_back
        assert (await ROLL_OUT.undone(estate, undo)).state is State.DONE
    assert undone(draining) == ["undo green 2.0.0 1"]


async def test_traffic_that_does_not_end_keeps_the_pool(draining: BlueGreen, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time it is refused, and nothing was taken off."""
    monkeypatch.setattr(served_build, "DRAINS_WITHIN", 0.3)
    async with draining.estate() as estate:
        undo = await rolled_out(draining, estate)
        with pytest.raises(ActionFailed, match=r"for 0\.3 s .* went on answering .*2\.0\.0") as refused:
            await ROLL_OUT.undo(estate, undo, token=1)
    assert not refused.value.began
    assert undone(draining) == []


async def test_one_round_without_the_new_version_is_not_believed(
    draining: BlueGreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old worker that still accepts is not met by every round of requests; several in a row must be without it."""
    rounds = 0

    async def asked(*_: object) -> served_build.Answers:
        nonlocal rounds
        rounds += 1
        build = draining.new if rounds in {1, 3} else draining.old
        return served_build.Answers((build,), ())

    monkeypatch.setattr(served_build, "_ask", asked)
    service = draining.environment().services["trading"]
    await served_build.at_front_until(service, lambda seen: not seen.count(draining.new))
    assert rounds == 6


async def test_a_mixed_pool_is_not_taken_back(world: BlueGreen) -> None:
    """The probe, asked of the pool as one, says that it does not run the release; an instance of it does."""
    world.put("green", world.new)
    world.platform(probe=3)
    async with world.estate() as estate:
        undo = await rolled_out(world, estate)
        assert (await ROLL_OUT.undone(estate, undo)).state is State.UNKNOWN
        assert not await ROLL_OUT.proven_undone(estate, undo)
        await ROLL_OUT.undo(estate, undo, token=1)
        assert (await ROLL_OUT.undone(estate, undo)).state is State.DONE


@pytest.mark.parametrize(("runs", "proven"), [("old", True), ("nothing", False)])
async def test_an_undo_is_left_out_only_where_no_instance_can_run_the_release(
    world: BlueGreen, runs: str, proven: bool
) -> None:
    """Every instance says that it runs another build: proven. One that does not answer may be starting it."""
    world.put("green", world.old if runs == "old" else None)
    async with world.estate() as estate:
        undo = await rolled_out(world, estate)
        assert (await ROLL_OUT.undone(estate, undo)).state is State.DONE
        assert await ROLL_OUT.proven_undone(estate, undo) is proven
