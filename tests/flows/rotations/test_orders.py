"""What people order of a rotation: turned back at every point, or cut off at once."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import closing

import pytest
from pydantic import SecretStr

from flows import rotation_orders
from flows.asking_first import Answer, wait_for_answer
from flows.rotating import Rotating
from flows.rotation_orders import cut_off
from flows.rotation_visit import Say, Visited, Wish
from tests.flows.rotations.breaking import wait_for
from tests.flows.rotations.door import DoorKey
from tests.flows.rotations.room import FIRST, NAME, Room
from tests.flows.rotations.saying import answer_last_asked, answer_when_asked
from tests.flows.world import Crash
from tminus import events as ev
from tminus.errors import Refused
from tminus.ledger.store import Store
from tminus.rotations.document import Document


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
        wait_for(room.go_on())
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
        wait_for(room.go_on())
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


def test_a_question_is_not_asked_twice(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the yes and its first deed and given again, the order takes up the same question, and its yes."""
    said: list[str] = []

    async def killed(*_: object) -> Visited:
        raise Crash

    answering = threading.Thread(target=answer_when_asked, args=(room, "guard", "approve"))
    answering.start()
    with monkeypatch.context() as patched, closing(room.store()) as store:
        patched.setattr(rotation_orders, "_without_overlap", killed)
        with pytest.raises(Crash):
            asyncio.run(within(cut_off(store, room.opened(), NAME, room.word("asker"), said.append)))
    answering.join()
    with closing(room.store()) as store:
        came = asyncio.run(within(cut_off(store, room.opened(), NAME, room.word("asker"), said.append)))
    assert came.how == "rotated", came.said
    assert sum(line.startswith(f"{NAME}: asked ") for line in said) == 1
    assert not room.door.opens(FIRST)


def test_killed_between_two_that_go(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two values that leaked the second goes too, when the order is given again, without another question."""
    room.rotate()
    leaked, said = room.value(), list[str]()

    async def killed(*_: object) -> None:
        raise Crash

    answering = threading.Thread(target=answer_when_asked, args=(room, "guard", "approve"))
    answering.start()
    with monkeypatch.context() as patched, closing(room.store()) as store:
        patched.setattr(Rotating, "begin", killed)
        with pytest.raises(Crash):
            asyncio.run(within(cut_off(store, room.opened(), NAME, room.word("asker"), said.append)))
    answering.join()
    assert not room.door.opens(FIRST)
    assert room.door.opens(leaked)
    with closing(room.store()) as store:
        came = asyncio.run(within(cut_off(store, room.opened(), NAME, room.word("asker"), said.append)))
    assert came.how == "rotated", came.said
    assert sum(line.startswith(f"{NAME}: asked ") for line in said) == 1
    assert not room.door.opens(leaked)
    assert room.door.opens(room.value())


def test_what_leaked_is_not_current_any_more(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody else changed it between the question and the yes, nothing is cut off that nobody spoke of."""

    async def changed(store: Store, chain: str, kind: type[ev.RotationAsked], say: Say) -> Answer[ev.RotationAsked]:
        answer = await wait_for_answer(store, chain, kind, say)
        room.client.put_secret_value(SecretId=room.secret, SecretString='{"password": "of somebody else"}')
        return answer

    monkeypatch.setattr(rotation_orders, "wait_for_answer", changed)
    answering = threading.Thread(target=answer_when_asked, args=(room, "guard", "approve"))
    answering.start()
    with closing(room.store()) as store, pytest.raises(Refused, match="opens what it did, and no rotation reaches it"):
        asyncio.run(within(cut_off(store, room.opened(), NAME, room.word("asker"), print)))
    answering.join()
    assert room.value() == "of somebody else"


def test_who_must_bring_a_value_is_paged(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the schedule a secret that only a person can make begins, and pages until they bring one; by hand it asks."""
    monkeypatch.setattr(DoorKey, "by_hand", True)
    with pytest.raises(Refused, match="--given"):
        room.rotate()
    assert room.course().rotations == []
    (room.folder / "trouble").write_text("before create")
    came = room.rotate(wish=Wish(scheduled=True))
    assert came.how == "broke off"
    [rotation] = room.course().rotations
    assert rotation.paged
    given = Document(SecretStr('{"password": "brought by hand"}'), "given")
    assert room.rotate(wish=Wish(given=given)).how == "waits"
    assert room.course().rotations[-1].name == rotation.name


def test_a_leak_waits_for_no_other_question(room: Room) -> None:
    """Where an ordinary rotation waits for its own yes, a leak that was approved is cut off all the same."""
    book = (room.folder / "secrets.yaml").read_text()
    (room.folder / "secrets.yaml").write_text(book.replace("    door:", "    approval: [security_lead]\n    door:"))
    assert "waits for a yes" in room.rotate().said
    leaked = room.value()
    answering = threading.Thread(target=answer_last_asked, args=(room, "guard"))
    answering.start()
    with closing(room.store()) as store:
        came = asyncio.run(within(cut_off(store, room.opened(), NAME, room.word("asker"), print)))
    answering.join()
    assert came.how == "rotated", came.said
    assert not room.door.opens(leaked)
