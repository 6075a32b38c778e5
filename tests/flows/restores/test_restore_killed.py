"""A restore killed at each of its stages, and taken up again: it is switched whole, once, and nothing is left over."""

import pytest

from tests.flows.restores.room import Room
from tests.sampling import few
from tminus import events as ev
from tminus.chain_names import taken_back

STAGES = [
    *("waiting", "before step.ended save", "copy made", "copy filled", "after step.ended beside"),
    *("before step.intended switch", "after step.intended switch", "between the renames", "renamed"),
    *("before step.ended switch", "before restore.ended", "after restore.ended"),
]
ONE = {"", "_before"}
GONE, THERE = 0, 900  # orders, in what is live and in the backup


@pytest.mark.parametrize("stage", few(STAGES, "between the renames"))
def test_killed_there(room: Room, stage: str) -> None:
    """Until then the live name has one of the two, whole; taken up again, it has the copy, and the old one stays."""
    chain = room.asked()
    if stage != "waiting":
        assert room.approved(chain).exit_code == 0
    room.killed(chain, stage)
    assert room.orders() in {GONE, THERE}
    if stage == "waiting":
        assert room.approved(chain).exit_code == 0

    if stage == "after restore.ended":
        assert room.holder() is None
    else:
        assert room.holder() == chain
        again = room.restore("--resume")
        assert again.exit_code == 0, again.output

    assert room.databases() == ONE
    assert room.orders() == THERE
    assert room.holder() is None
    [ended] = [one for one in room.events(chain) if isinstance(one, ev.RestoreEnded)]
    assert ended.done


@pytest.mark.parametrize(
    "stage", few(["before step.intended back", "between the renames", "before restore.ended"], "between the renames")
)
@pytest.mark.long
def test_taking_back_killed_there(room: Room, stage: str) -> None:
    """Taking it back is as whole: the old data have the live name again, the copy stays beside."""
    chain = room.asked()
    assert room.approved(chain).exit_code == 0
    assert room.restore("--resume").exit_code == 0
    back = room.ordered_back(chain)
    assert taken_back(back) == chain

    room.killed(back, stage)
    assert room.orders() in {GONE, THERE}
    assert room.holder() == back
    again = room.restore("--resume")
    assert again.exit_code == 0, again.output

    assert room.databases() == {"", "_undone"}
    assert room.orders() == GONE
    assert room.holder() is None
