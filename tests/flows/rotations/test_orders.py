"""What people order of a rotation: turned back at every point, or cut off at once."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import closing

import pytest

from flows.rotating import Visited
from flows.rotation_orders import cut_off
from tests.flows.rotations.room import FIRST, NAME, Room
from tests.flows.rotations.saying import answer_when_asked
from tminus.errors import Refused


async def within(coming: Coroutine[object, object, Visited]) -> Visited:
    """The same, unless nobody ever answers."""
    return await asyncio.wait_for(coming, 60)


STAGES = ["create", "set", "test", "census", "off"]


@pytest.mark.parametrize("stage", STAGES)
def test_turned_back(room: Room, stage: str) -> None:
    """Wherever it stood, the old value is current again and opens, and the door knows no other."""
    (room.folder / "trouble").write_text(f"before {stage}")
    room.rotate()
    for _ in range(20):
        if not (room.folder / "trouble").exists():
            break
        room.go_on()
    assert not (room.folder / "trouble").exists()
    between = room.value()
    room.undo()
    assert room.door.opens(FIRST)
    assert room.door.opens(between)
    course = room.until_over()
    assert course.rotations[-1].ended is not None
    assert course.rotations[-1].ended.how == "undone"
    assert room.value() == FIRST
    assert room.door.passwords == 1
    assert room.door.opens(FIRST)
    assert room.stages()["AWSCURRENT"] == 1
    assert "AWSPENDING" not in room.stages()


def test_what_was_dropped_is_not_gone_back_to(room: Room) -> None:
    """Once the old value may be gone, turning back is refused, and the rotation goes on to its end."""
    room.rotate()
    (room.folder / "trouble").write_text("before drop")
    for _ in range(20):
        if not (room.folder / "trouble").exists():
            break
        room.go_on()
    with pytest.raises(Refused, match="nothing to go back to"):
        room.undo()
    course = room.until_over()
    assert course.rotations[-1].ended is not None
    assert course.rotations[-1].ended.how == "rotated"


@pytest.mark.parametrize("in_overlap", [False, True])
def test_cut_off_at_once(room: Room, in_overlap: bool) -> None:
    """What leaked opens nothing any more when the command is over, nor does what it had replaced."""
    if in_overlap:
        room.rotate()
    leaked = room.value()
    said: list[str] = []
    answering = threading.Thread(target=answer_when_asked, args=(room, "guard", "approve"))
    answering.start()
    with closing(room.store()) as store:
        came = asyncio.run(within(cut_off(store, room.opened(), NAME, room.word("asker"), said.append)))
    answering.join()
    assert came.how == "rotated", came.said
    assert room.value() not in {leaked, FIRST}
    assert room.door.opens(room.value())
    assert not room.door.opens(leaked)
    assert not room.door.opens(FIRST)
    assert room.door.passwords == 1
    assert room.stages() == {"AWSCURRENT": 1}


def test_a_no_cuts_nobody_off(room: Room) -> None:
    """Where the answer is no, nothing is changed."""
    answering = threading.Thread(target=answer_when_asked, args=(room, "guard", "reject"))
    answering.start()
    with closing(room.store()) as store, pytest.raises(Refused, match="was not cut off"):
        asyncio.run(within(cut_off(store, room.opened(), NAME, room.word("asker"), print)))
    answering.join()
    assert room.value() == FIRST
    assert room.door.opens(FIRST)
