"""Putting a build on the idle pool by commands: how far it got is asked of the platform, and of the lock."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tasks.action import Fence, State
from tasks.actions.roll_out import RollOut
from tasks.actions.switch import Switch
from tasks.lock_file import is_held
from tminus.errors import ActionFailed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tasks.deploy.conftest import BlueGreen

ROLL_OUT = RollOut(service="trading")


def wait_for_end(lock: Path) -> None:
    """Until nobody holds the lock; fails after 15 s."""
    deadline = time.monotonic() + 15
    while is_held(lock):
        assert time.monotonic() < deadline, f"{lock} is still held"
        time.sleep(0.02)


def deployed(world: BlueGreen) -> list[str]:
    """What the platform was told to do, in its own words."""
    log = world.folder / "deployments.log"
    return log.read_text().splitlines() if log.exists() else []


async def test_the_release_goes_to_the_idle_pool_and_off_again(world: BlueGreen) -> None:
    """Rolled out to the pool without traffic, found done, taken off again, found undone."""
    async with world.estate() as estate:
        assert (await ROLL_OUT.state(estate)).state is State.ABSENT
        undo = await ROLL_OUT.plan_undo(estate)
        assert undo
        assert undo.data["pool"] == "green"
        await ROLL_OUT.act(estate, token=3)
        assert (await ROLL_OUT.state(estate)).state is State.DONE
        assert (await ROLL_OUT.undone(estate, undo)).state is State.ABSENT
        assert await ROLL_OUT.plan_undo(estate) is None
        await ROLL_OUT.undo(estate, undo, token=3)
        await ROLL_OUT.undo(estate, undo, token=3)
        assert (await ROLL_OUT.undone(estate, undo)).state is State.DONE
    assert deployed(world) == ["run green 2.0.0 3", "undo green 2.0.0 3", "undo green 2.0.0 3"]


async def test_after_the_switch_it_is_still_done(world: BlueGreen) -> None:
    """Once the release serves, the old pool is the idle one: it is not overwritten, for it is the way back."""
    async with world.estate() as estate:
        undo = await ROLL_OUT.plan_undo(estate)
        assert undo
        await ROLL_OUT.act(estate, token=1)
        await Switch(service="trading").act(estate, token=1)
        assert (await ROLL_OUT.state(estate)).state is State.DONE
        with pytest.raises(ActionFailed, match="Switch traffic away first") as refused:
            await ROLL_OUT.undo(estate, undo, token=1)
        assert not refused.value.began
    assert len(deployed(world)) == 1


async def test_a_file_that_nginx_has_not_loaded_is_not_believed(world: BlueGreen) -> None:
    """Where the file names green and nginx still serves blue, blue is not taken for idle."""
    world.put("green", world.new)
    world.include.write_text(world.servers("green"))
    async with world.estate() as estate:
        with pytest.raises(ActionFailed, match="may not be idle") as refused:
            await ROLL_OUT.act(estate, token=1)
    assert not refused.value.began
    assert deployed(world) == []


async def test_an_orphan_is_in_progress_until_it_has_ended(world: BlueGreen) -> None:
    """Kill -9 of tminus during a roll-out: the command goes on, is in progress, and the build arrives once."""
    world.platform(kill_parent=1, takes=2)
    async with world.estate() as estate:
        assert world.act_in_child("deploy.roll_out", estate.environment).wait(30) == -9
        standing = await ROLL_OUT.state(estate)
        assert standing.state is State.IN_PROGRESS
        assert "platform.py" in standing.seen.details[0]
        await asyncio.to_thread(wait_for_end, estate.environment.state / "locks" / "roll-out-trading")
        assert (await ROLL_OUT.state(estate)).state is State.DONE
    assert deployed(world) == ["run green 2.0.0 1"]


@pytest.mark.parametrize(
    ("status", "state"),
    [(0, State.DONE), (3, State.ABSENT), (4, State.IN_PROGRESS), (5, State.UNKNOWN), (1, State.UNKNOWN)],
)
async def test_the_probe_decides(world: BlueGreen, status: int, state: State) -> None:
    """Each exit status of the probe means one state; what is not agreed on is unknown, never done."""
    world.platform(probe=status)
    async with world.estate() as estate:
        assert (await ROLL_OUT.state(estate)).state is state


@pytest.mark.parametrize(("status", "began"), [(1, True), (3, False), (6, False)])
async def test_a_failed_command_says_whether_it_began(world: BlueGreen, status: int, began: bool) -> None:
    """Only the statuses that promise that nothing changed are free to be tried again."""
    world.platform(exit=status)
    async with world.estate() as estate:
        with pytest.raises(ActionFailed, match=f"exit status {status}") as failed:
            await ROLL_OUT.act(estate, token=1)
    assert failed.value.began is began


async def test_the_fence_is_the_platforms(world: BlueGreen) -> None:
    """With {token} in the command the platform compares it; without, there is no fence, and that is said."""
    environment = world.environment()
    bare = environment.services["trading"].roll_out.run.argv[:-1]
    without = environment.model_dump(mode="json")
    without["services"]["trading"]["roll_out"]["run"]["argv"] = bare
    async with world.estate() as fenced, world.estate(type(environment).model_validate(without)) as open_to_all:
        assert ROLL_OUT.fence_of(fenced) is Fence.COMPARE_AND_SET
        assert ROLL_OUT.fence_of(open_to_all) is Fence.NONE
        assert ROLL_OUT.describe(fenced).endswith(f"run green 2.0.0 {world.new.artifact} {world.new.config} TOKEN")
