"""Every check, healthy, with each promised thing broken, and with nothing that answers."""

from pathlib import Path

import pytest

from bench.worlds.all_worlds import all_worlds
from bench.worlds.playing import play
from bench.worlds.world import World
from tests.sampling import few

WORLDS = all_worlds()
_SLOW = {
    *("launch_platform", "web", "kafka", "sentinel", "kubernetes", "stored-backups", "websocket"),
    *("aws-storage", "aws-cluster", "aws-alarms", "aws-data", "aws-logs", "postgres", "redis"),
}


@pytest.mark.parametrize(
    "world", few(WORLDS, *[one for one in WORLDS if one.system not in _SLOW][::2]), ids=lambda world: world.system
)
def test_every_fault_is_caught_and_nothing_else(world: type[World], tmp_path: Path) -> None:
    """In a world each check passes while it is healthy, fails for each fault, and cannot tell where nothing answers."""
    wrong = [str(one) for one in play(world(tmp_path / world.system), brief=world.long) if not one.right]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.system)
def test_every_fault_breaks_some_check(world: type[World]) -> None:
    """A fault that no check is held against would prove nothing, and a check without one could not fail."""
    held = [one for case in world.cases for one in (*case.broken_by, *case.blinded_by)]
    used = {one if isinstance(one, str) else one[0] for one in held}

    assert used == set(world.faults())
    assert all(case.broken_by for case in world.cases)
