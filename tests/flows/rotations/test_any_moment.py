"""A rotation broken at any moment, and started again: it comes to its end, and what is current opens all the while."""

from contextlib import closing, suppress

import pytest

from flows.rotation_visit import Visited
from tests.flows.ledgers import BreakableStore
from tests.flows.rotations.breaking import (
    MOMENTS,
    MOMENTS_BACK,
    BreakingManager,
    begun,
    broken,
    over,
    stands_well,
    to_its_end,
    told,
    wait_for,
)
from tests.flows.rotations.room import FIRST, Room
from tests.flows.world import Crash
from tests.sampling import few
from tminus.errors import CouldNotObserve, LedgerUnreachable
from tminus.rotations.course import FORWARD

ENDS = [(when, moment) for moment in MOMENTS for when in ("before", "after", "lost")]
BACK_ENDS = [(when, moment) for moment in MOMENTS_BACK for when in ("before", "after", "lost")]
STOOD = [
    *(f"rotation.stage_{how} {stage}" for stage in FORWARD[:-1] for how in ("began", "done")),
    *("rotation.waits off", "rotation.waits drop"),
]
VERBS = ("create", "set", "test", "census", "off", "drop")
_CALLS, _FEWEST = 31, 27  # of a whole rotation at Secrets Manager; on a slow machine two visits may be one
FAILURES = [
    (call, after, error) for call in range(_CALLS) for after in (False, True) for error in (CouldNotObserve, Crash)
]


@pytest.mark.parametrize("end", few(ENDS, ("before", "rotation.stage_done create"), ("after", "rotation.began")))
def test_the_process_ends_or_the_ledgers_answer_is_lost(room: Room, end: tuple[str, str]) -> None:
    """At each thing that is written down, before it is, after it was, and where nobody is told that it was."""
    when, moment = end
    broken(room, lambda store: setattr(store, when, told(moment)))
    stands_well(room)
    to_its_end(room)
    over(room, "rotated")
    assert len(room.course().rotations) == 1


@pytest.mark.parametrize(
    "trouble", few([f"{when} {verb}" for verb in VERBS for when in ("before", "after")], "after set")
)
def test_the_door_does_not_answer(room: Room, trouble: str) -> None:
    """Before a verb had its effect, and after it: the visit says what broke off, and the next goes on."""
    (room.folder / "trouble").write_text(trouble)
    visited = room.rotate()
    while (room.folder / "trouble").exists():
        wait_for(visited)
        visited = room.go_on() or visited
    assert visited.how == "broke off"
    assert f"the door does not answer ({trouble})" in visited.said
    to_its_end(room)
    over(room, "rotated")


@pytest.mark.parametrize("failure", few(FAILURES, (4, True, CouldNotObserve), (10, True, Crash)))
def test_secrets_manager_fails(room: Room, failure: tuple[int, bool, type[BaseException]]) -> None:
    """At any of its calls, with its effect and without, whether the process lives on or not."""
    manager = BreakingManager(*failure)
    with manager.standing():
        for _ in range(_CALLS):
            with suppress(CouldNotObserve, Crash):
                wait_for(begun(room))
            stands_well(room)
            if manager.broke or _is_over(room):
                break
    assert manager.broke or failure[0] >= _FEWEST, "nothing failed"
    to_its_end(room)
    over(room, "rotated")


def _is_over(room: Room) -> bool:
    course = room.course()
    return bool(course.rotations) and course.open is None


def test_it_is_asked_no_more_often_than_is_broken_above(room: Room) -> None:
    """So that every one of its calls fails in one of these tests."""
    manager = BreakingManager(at=10**9)
    with manager.standing():
        room.rotate()
        to_its_end(room)
    assert _FEWEST <= len(manager.calls) <= _CALLS, manager.calls
    assert manager.calls.count("PutSecretValue") == 1


@pytest.mark.parametrize("moment", few(MOMENTS, "rotation.stage_done promote"))
def test_the_ledger_goes_down_and_comes_back(room: Room, moment: str) -> None:
    """From one moment on it does not answer; nothing is changed while it does not, and afterwards it goes on."""
    with closing(room.store()) as store:
        store.before = lambda event: told(moment)(event) and _goes_down(store)
        with pytest.raises(LedgerUnreachable):
            _visits(room, store)
        before = room.value(), room.door.passwords, room.stages()
        with pytest.raises(LedgerUnreachable):
            room.rotate(store)
        assert (room.value(), room.door.passwords, room.stages()) == before
    to_its_end(room)
    over(room, "rotated")


def _visits(room: Room, store: BreakableStore) -> None:
    for _ in range(_CALLS):
        wait_for(begun(room, store))


def _goes_down(store: BreakableStore) -> bool:
    store.down = True
    return False


@pytest.mark.parametrize("stood", few(STOOD, "rotation.stage_done promote"))
@pytest.mark.parametrize("end", few(BACK_ENDS, ("before", "rotation.stage_done back")))
def test_turned_back_and_broken_there(room: Room, stood: str, end: tuple[str, str]) -> None:
    """Wherever it stood, and wherever turning it back breaks: what was is current again, and opens alone."""
    when, moment = end
    if moment == "rotation.waits undo" and STOOD.index(stood) <= STOOD.index("rotation.stage_began promote"):
        pytest.skip("nobody can have read the new value, so nothing is waited for")
    broken(room, lambda store: setattr(store, "before", told(stood)))
    broken(room, lambda store: setattr(store, when, told(moment)), back=True)
    stands_well(room)
    if room.course().rotations[-1].undo is None:
        room.undo()
    to_its_end(room)
    over(room, "undone", FIRST)


@pytest.mark.parametrize("when", ["before", "after"])
def test_turned_back_and_killed_the_new_value_works_on_for_its_overlap(room: Room, when: str) -> None:
    """Also where the kill came after the old value was made current again, and before that was written down."""
    room.policy(overlap="1 s", cycle="0 s")
    room.rotate()
    new = room.value()
    broken(room, lambda store: setattr(store, when, told("rotation.stage_done back")), back=True)
    assert room.value() == FIRST
    visited = room.go_on()
    assert visited is not None
    assert visited.how == "waits", visited.said
    assert room.door.opens(new), "whoever read the new value is cut off"
    to_its_end(room)
    over(room, "undone", FIRST)


def test_turned_back_while_the_old_value_is_switched_off(room: Room) -> None:
    """It is switched on again, and current: that is what it waits for before it is dropped."""
    room.policy(switched_off="20 s")
    visited: Visited | None = room.rotate()
    while "off" not in room.course().rotations[-1].done:
        wait_for(visited)
        visited = room.go_on()
    assert visited is not None
    assert "can be switched on again" in visited.said
    room.undo()
    assert room.door.opens(FIRST)
    to_its_end(room)
    over(room, "undone", FIRST)
