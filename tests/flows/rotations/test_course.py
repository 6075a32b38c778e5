"""A secret goes through its rotation, visit by visit."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import sleep

import pytest

from tasks.rotators.rotator import Census, Turn
from tests.flows.rotations.door import DoorKey
from tests.flows.rotations.room import FIRST, NAME, Room
from tminus.clock import now
from tminus.errors import Refused
from tminus.rotations.course import FORWARD
from tminus.rotations.document import Document


def test_a_whole_rotation(room: Room) -> None:
    """Both values open until nobody used the old one; at the end the new one opens alone, and nothing is left over."""
    first = room.rotate()
    assert first.how == "waits", first.said
    new = room.value()
    assert new != FIRST
    assert room.door.opens(new)
    assert room.door.opens(FIRST)
    assert room.value("AWSPREVIOUS") == FIRST

    course = room.until_over()

    assert room.value() == new
    assert room.door.opens(new)
    assert not room.door.opens(FIRST)
    assert room.door.passwords == 1
    assert room.stages() == {"AWSCURRENT": 1}
    assert list(course.rotations[-1].done) == list(FORWARD)
    assert course.last_rotated is course.rotations[-1]


def test_another_within_the_overlap_is_refused_with_the_time(room: Room) -> None:
    """Who rotates again while the old value still counts is told when they may; nothing is changed."""
    room.policy(overlap="1h", cycle="1h")
    room.rotate()
    new = room.value()
    with pytest.raises(Refused, match=rf"{NAME} was rotated at .* not before \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC"):
        room.rotate()
    assert room.value() == new


def test_who_still_uses_the_old_one_keeps_it_on(room: Room) -> None:
    """The old value is not switched off before a whole cycle went by in which nobody used it, and who did is named."""
    room.rotate()
    named = False
    with _used_all_the_time(room) as refused:
        for _ in range(8):
            sleep(0.1)
            visited = room.go_on()
            assert visited is not None
            named = named or "still used by somebody with a key" in visited.said
    assert not refused, "somebody who still uses it was cut off"
    assert named
    room.until_over()
    assert not room.door.opens(FIRST)


@contextmanager
def _used_all_the_time(room: Room) -> Iterator[list[datetime]]:
    """Somebody who opens the door with the old password again and again; when they could not."""
    over, refused = threading.Event(), list[datetime]()

    def use() -> None:
        while not over.wait(0.005):
            if not room.door.opens(FIRST):
                refused.append(now())

    user = threading.Thread(target=use)
    user.start()
    try:
        yield refused
    finally:
        over.set()
        user.join()


def test_nothing_is_done_before_it_is_due(room: Room) -> None:
    """By the schedule a young secret is left alone."""
    assert room.go_on() is None
    assert room.value() == FIRST


def test_somebody_else_changed_it(room: Room) -> None:
    """Where another value became current meanwhile, nothing is moved, and turning back leaves that value as it is."""
    (room.folder / "trouble").write_text("before test")
    assert room.rotate().how == "broke off"
    room.client.put_secret_value(SecretId=room.secret, SecretString='{"password": "of somebody else"}')
    refused = room.rotate()
    assert refused.how == "refused"
    assert "somebody else changed it" in refused.said
    assert room.value() == "of somebody else"
    room.undo()
    assert room.until_over().rotations[-1].ended is not None
    assert room.value() == "of somebody else"
    assert room.door.opens(FIRST)


def test_silence_counts_from_when_it_could_be_heard(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody could see who used the old value, a whole cycle goes by from when they could again."""
    looks: list[datetime] = []

    async def deaf(_self: DoorKey, _turn: Turn, _new: Document) -> Census:
        looks.append(now())
        return Census((), "the door", looks[-1] if len(looks) <= 3 else looks[2])

    monkeypatch.setattr(DoorKey, "census", deaf)
    room.rotate()
    room.until_over()
    assert len(looks) > 3
    off = room.course().rotations[-1].done["off"]
    assert off.at - looks[2] >= timedelta(milliseconds=200)
