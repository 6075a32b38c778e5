"""Passing traffic from one pool to the other, with a real nginx: its own logs say what happened."""

from __future__ import annotations

import os
import stat
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from tasks.action import Fence, State
from tasks.actions.switch import Switch
from tasks.switch_fence import lock_of
from tminus.errors import ActionFailed

if TYPE_CHECKING:
    from tests.tasks.deploy.conftest import BlueGreen, Traffic

SWITCH = Switch(service="trading")
DIES_BEFORE_RELOAD = 'kill -9 "$PPID"'
DIES_AFTER_RELOAD = '$NGINX -s reload && kill -9 "$PPID"'


def pools_in_order(world: BlueGreen) -> list[str]:
    """The pools that answered customers, one entry for each uninterrupted run of answers."""
    return [pool for pool, _ in groupby(line.pool for line in world.access())]


def moves(world: BlueGreen) -> int:
    """How often customers' traffic moved; old and new workers overlap for an instant, which is one move."""
    runs = [len(list(run)) for _, run in groupby(line.pool for line in world.access())]
    return sum(length > 20 for length in runs) - 1


async def test_traffic_moves_without_one_failed_request(world: BlueGreen, traffic: Traffic) -> None:
    """A switch under traffic moves all of it to the other pool, and nginx logs no 5xx and no client that left."""
    world.put("green", world.new)
    async with world.estate() as estate:
        traffic.wait_for(150)
        assert (await SWITCH.state(estate)).state is State.ABSENT
        await SWITCH.act(estate, token=1)
        assert (await SWITCH.state(estate)).state is State.DONE
        traffic.wait_for(150)
    lines = world.access()
    assert traffic.failed == []
    assert {line.status for line in lines} == {200}
    assert len(lines) >= 300
    assert {line.pool for line in lines[-100:]} == {"green"}
    assert moves(world) == 1
    assert world.reloads() == 1


async def test_acting_twice_changes_once(world: BlueGreen) -> None:
    """Where the release has the traffic already, acting rewrites nothing and reloads nothing."""
    world.put("green", world.new)
    async with world.estate() as estate:
        await SWITCH.act(estate, token=1)
        once = world.include.stat().st_ino, world.include.read_text(), world.reloads()
        await SWITCH.act(estate, token=1)
        assert (world.include.stat().st_ino, world.include.read_text(), world.reloads()) == once
        assert await SWITCH.plan_undo(estate) is None


async def test_only_the_servers_change(world: BlueGreen) -> None:
    """Comments, other directives, parameters and the file's mode stay; the dry run shows that very difference."""
    world.put("green", world.new)
    world.include.chmod(0o640)
    async with world.estate() as estate:
        shown = SWITCH.describe(estate)
        await SWITCH.act(estate, token=1)
    text = world.include.read_text()
    assert [line for line in text.splitlines() if line] == [
        line for line in world.servers("green").splitlines() if line
    ]
    assert stat.S_IMODE(world.include.stat().st_mode) == 0o640
    changed = {line[1:].strip() for line in shown.splitlines() if line[:1] in "+-" and " server " in line}
    assert changed == {f"server {one} max_fails=0;" for pool in world.pools.values() for one in pool}
    assert shown.endswith("-s reload")


async def test_a_lower_token_is_refused(world: BlueGreen) -> None:
    """A conductor that lost its lease switches nothing and undoes nothing: the file stays as it is."""
    world.put("green", world.new)
    async with world.estate() as estate:
        undo = await SWITCH.plan_undo(estate)
        assert undo
        await SWITCH.act(estate, token=7)
        text, reloads = world.include.read_text(), world.reloads()
        for attempt in (SWITCH.act(estate, token=6), SWITCH.undo(estate, undo, token=6)):
            with pytest.raises(ActionFailed, match="token is 6, and token 7") as refused:
                await attempt
            assert not refused.value.began
        assert (world.include.read_text(), world.reloads()) == (text, reloads)
        assert SWITCH.fence_of(estate) is Fence.COMPARE_AND_SET


@pytest.mark.long
async def test_undo_restores_the_very_bytes(world: BlueGreen, traffic: Traffic) -> None:
    """Undo puts the recorded text back byte for byte and traffic returns; undoing again changes nothing."""
    world.put("green", world.new)
    before = world.include.read_bytes()
    async with world.estate() as estate:
        undo = await SWITCH.plan_undo(estate)
        assert undo
        assert undo.data["pool"] == "blue"
        traffic.wait_for(50)
        await SWITCH.act(estate, token=1)
        assert (await SWITCH.undone(estate, undo)).state is State.ABSENT
        traffic.wait_for(50)
        await SWITCH.undo(estate, undo, token=1)
        await SWITCH.undo(estate, undo, token=1)
        assert (await SWITCH.undone(estate, undo)).state is State.DONE
        assert (await SWITCH.state(estate)).state is State.ABSENT
        traffic.wait_for(50)
    assert world.include.read_bytes() == before
    assert traffic.failed == []
    assert moves(world) == 2
    assert world.reloads() == 2


async def test_undo_refuses_a_record_that_was_tampered_with(world: BlueGreen) -> None:
    """A recorded text that does not match its digest is written nowhere."""
    world.put("green", world.new)
    before = world.include.read_text()
    async with world.estate() as estate:
        undo = await SWITCH.plan_undo(estate)
        assert undo
        forged = undo.model_copy(update={"data": {**undo.data, "text": "upstream trading { server 10.0.0.1; }"}})
        with pytest.raises(ActionFailed, match="digest"):
            await SWITCH.undo(estate, forged, token=1)
    assert world.include.read_text() == before


async def test_no_traffic_for_a_pool_that_lacks_the_release(world: BlueGreen) -> None:
    """Without the release on all instances of the other pool nothing is changed, and the reason is said."""
    world.put("green", world.old)
    before = world.include.read_text()
    async with world.estate() as estate:
        with pytest.raises(ActionFailed, match=r"pool green does not run 2\.0\.0") as refused:
            await SWITCH.act(estate, token=1)
    assert not refused.value.began
    assert (world.include.read_text(), world.reloads()) == (before, 0)


@pytest.mark.parametrize(
    ("point", "reloaded", "stands"),
    [
        pytest.param(DIES_BEFORE_RELOAD, 0, State.ABSENT, marks=pytest.mark.long),
        (DIES_AFTER_RELOAD, 1, State.DONE),
    ],
    ids=["before the reload", "after the reload"],
)
async def test_kill_9_converges(world: BlueGreen, traffic: Traffic, point: str, reloaded: int, stands: State) -> None:
    """Killed at either point, the next process sees how far it got and completes it: traffic moves once."""
    world.put("green", world.new)
    former = world.include.read_text()
    async with world.estate() as estate:
        undo = await SWITCH.plan_undo(estate)
        traffic.wait_for(50)
        dying = world.environment(reload={"argv": world.script("reload.sh", point)})
        assert world.act_in_child("deploy.switch", dying).wait(30) == -9
        assert world.include.read_text() != former
        assert (await SWITCH.state(estate)).state is stands
        assert world.reloads() == reloaded
        await SWITCH.act(estate, token=2)
        assert (await SWITCH.state(estate)).state is State.DONE
        traffic.wait_for(50)
        assert (world.reloads(), moves(world), traffic.failed) == (1, 1, [])
        assert undo
        assert undo.data["text"] == former
        await SWITCH.undo(estate, undo, token=2)
        assert (await SWITCH.undone(estate, undo)).state is State.DONE


@pytest.mark.long
async def test_kill_9_during_undo_converges(world: BlueGreen, traffic: Traffic) -> None:
    """A file put back but not loaded is not undone yet; undoing again only reloads."""
    world.put("green", world.new)
    async with world.estate() as estate:
        undo = await SWITCH.plan_undo(estate)
        assert undo
        await SWITCH.act(estate, token=1)
        world.include.write_text(undo.data["text"])
        assert (await SWITCH.undone(estate, undo)).state is State.ABSENT
        assert (await SWITCH.state(estate)).state is State.UNKNOWN
        await SWITCH.undo(estate, undo, token=1)
        assert (await SWITCH.undone(estate, undo)).state is State.DONE
    assert traffic.failed == []


async def test_an_orphaned_reload_is_in_progress(world: BlueGreen) -> None:
    """A reload that outlives its killed conductor holds the lock: in progress, and nobody else switches meanwhile."""
    world.put("green", world.new)
    go_on = world.folder / "go-on"
    os.mkfifo(go_on)
    orphan = world.script("reload.sh", f'kill -9 "$PPID"; read line < {go_on}; $NGINX -s reload')
    async with world.estate() as estate:
        dying = world.environment(reload={"argv": orphan})
        assert world.act_in_child("deploy.switch", dying).wait(30) == -9
        standing = await SWITCH.state(estate)
        assert standing.state is State.IN_PROGRESS
        assert "reload" in standing.seen.details[0] or "/bin/sh" in standing.seen.details[0]
        go_on.write_text("now\n")
        await SWITCH.act(estate, token=2)
        assert (await SWITCH.state(estate)).state is State.DONE
    assert not lock_of(world.include).with_suffix(".new").exists()


async def test_a_refused_configuration_is_taken_back(world: BlueGreen, traffic: Traffic) -> None:
    """Where nginx refuses the new configuration, the old text stands again, and traffic never noticed."""
    world.put("green", world.new)
    before = world.include.read_bytes()
    refuses = f"grep -q {world.pools['green'][0]} {world.include} && exit 1; $NGINX -s reload"
    async with world.estate(world.environment(reload={"argv": world.script("reload.sh", refuses)})) as estate:
        with pytest.raises(ActionFailed, match="former text was put back, and nginx reloaded") as failed:
            await SWITCH.act(estate, token=1)
        assert failed.value.began
        assert (await SWITCH.state(estate)).state is State.ABSENT
    assert world.include.read_bytes() == before
    assert traffic.failed == []


async def test_a_failed_test_reloads_nothing(world: BlueGreen) -> None:
    """With a test command, a configuration that nginx would refuse is never loaded: certainly nothing began."""
    world.put("green", world.new)
    before = world.include.read_bytes()
    (world.folder / "nginx.conf").write_text("nonsense;\n")
    async with world.estate(world.environment(test={"argv": [*world.nginx, "-t"]})) as estate:
        with pytest.raises(ActionFailed, match='unknown directive "nonsense"') as failed:
            await SWITCH.act(estate, token=1)
    assert not failed.value.began
    assert (world.include.read_bytes(), world.reloads()) == (before, 0)


async def test_a_reload_without_effect_is_noticed(world: BlueGreen, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload command that says yes and does nothing is found out at the front door, and the file is put back."""
    monkeypatch.setattr("tasks.served_build.SETTLES_WITHIN", 0.5)
    world.put("green", world.new)
    before = world.include.read_bytes()
    async with world.estate(world.environment(reload={"argv": ["true"]})) as estate:
        with pytest.raises(ActionFailed, match=r"answers 6 of 6 from 1\.9\.0"):
            await SWITCH.act(estate, token=1)
    assert world.include.read_bytes() == before


async def test_a_file_with_servers_of_both_pools_is_unknown(world: BlueGreen) -> None:
    """A file that names neither pool exactly is nobody's to rewrite: unknown, and acting is refused."""
    world.put("green", world.new)
    mixed = world.servers("blue").replace(world.pools["blue"][0], world.pools["green"][0])
    world.include.write_text(mixed)
    async with world.estate() as estate:
        assert (await SWITCH.state(estate)).state is State.UNKNOWN
        with pytest.raises(ActionFailed, match="expected exactly one of the pools blue and green") as refused:
            await SWITCH.act(estate, token=1)
    assert not refused.value.began
    assert world.include.read_text() == mixed


async def test_a_silent_front_door_is_unknown(world: BlueGreen) -> None:
    """Where the front door says nothing, nothing is claimed and nothing is changed."""
    world.put("green", world.new)
    world.put("blue", None)
    before = world.include.read_text()
    async with world.estate() as estate:
        with pytest.raises(ActionFailed, match="could not be proven") as refused:
            await SWITCH.act(estate, token=1)
        assert not refused.value.began
    assert world.include.read_text() == before
