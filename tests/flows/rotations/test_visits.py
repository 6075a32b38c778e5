"""What a visit does where an earlier one left something behind: a kill, a refusal, a mistake, a turning back."""

import asyncio
import json
from contextlib import closing
from time import sleep

import pytest
from pydantic import SecretStr
from ruamel.yaml import YAML

from flows import rotation_round
from flows.rotation_visit import Visited, Wish
from flows.secret_rotation import visit_all
from tasks.rotators.rotator import Done, Turn
from tests.flows.rotations.breaking import over, to_its_end, told, wait_for
from tests.flows.rotations.door import DoorKey
from tests.flows.rotations.room import FIRST, NAME, Room
from tests.flows.rotations.saying import closed
from tests.flows.world import Crash
from tminus import events as ev
from tminus.clock import now
from tminus.errors import Refused
from tminus.rotations.document import Document
from tminus.rotations.telling import _may_hurt, _way_back, _what_works


def test_one_secret_that_cannot_be_asked_about(room: Room) -> None:
    """By the schedule it is a visit that broke off, with why, and not the end of all the others' turns."""
    room.policy(approval=["security_lead"], every="401 ms")
    (room.folder / "people.yaml").unlink()
    came = due(room)
    assert came.how == "broke off"
    assert "people.yaml" in came.said


def due(room: Room) -> Visited:
    """The first visit by the schedule that does something."""
    end = now().timestamp() + 20
    while now().timestamp() < end:
        if (came := room.go_on()) is not None:
            return came
    raise AssertionError("it never was due")


def test_an_environment_that_leads_nowhere(room: Room) -> None:
    """A secret of the environment that is missing is a visit that broke off too."""
    file = room.folder / "environment.yaml"
    file.write_text(file.read_text().replace("access_key: ", "access_key: env:TMINUS_NOWHERE #"))
    came = room.go_on()
    assert came is not None
    assert came.how == "broke off"


def test_killed_before_the_first_stage_and_then_a_freeze(room: Room) -> None:
    """Whoever comes next frees the environment, for as long as the calendar lets nothing be begun."""
    with closing(room.store()) as store:
        store.before = told("rotation.stage_began create")
        with pytest.raises(Crash):
            room.rotate(store)
    closed(room)
    with closing(room.store()) as store:
        assert store.locked_by("test") is not None
    came = room.go_on()
    assert came is not None
    assert (came.how, "no rotation may be" in came.said) == ("waits", True)
    with closing(room.store()) as store:
        assert store.locked_by("test") is None


def test_another_value_is_given_after_a_kill(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in Secrets Manager already is not taken for it: exactly what was given comes back, or a refusal."""

    async def brought(_self: DoorKey, turn: Turn) -> Document:
        assert turn.given is not None
        return turn.given

    monkeypatch.setattr(DoorKey, "by_hand", True)
    monkeypatch.setattr(DoorKey, "create", brought)
    one, other = (Document(SecretStr(json.dumps({"password": f"given {number}"})), "given") for number in (1, 2))
    with closing(room.store()) as store:
        store.before = told("rotation.stage_done create")
        with pytest.raises(Crash):
            room.rotate(store, Wish(given=one))
    came = room.rotate(wish=Wish(given=other))
    assert (came.how, "holds another value than the one you gave" in came.said) == ("refused", True)
    assert room.value() == FIRST
    assert room.rotate(wish=Wish(given=one)).how == "waits"
    assert room.value() == "given 1"


def test_turned_back_it_is_not_begun_again_at_once(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was refused by the new value is not refused every night: a twelfth of the policy's time goes by."""
    monkeypatch.setattr(rotation_round, "due_from", lambda _policy, made: made)
    assert due(room).how == "waits"
    room.undo()
    room.until_over()
    assert room.go_on() is None, "it was due long ago"
    room.policy(every="1s")
    sleep(0.1)
    assert due(room).how == "waits"


def test_what_nothing_brings_back_is_not_turned_back(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order is void, that is said, and the rotation goes on."""

    async def gone(*_: object) -> Done:
        raise Refused("nobody brings the old one back; go on with the new one")

    monkeypatch.setattr(DoorKey, "on", gone)
    room.rotate()
    came = room.undo()
    assert (came.how, "It is not turned back, and goes on as before" in came.said) == ("refused", True), came.said
    assert room.course().rotations[-1].undo is None
    to_its_end(room)
    over(room, "rotated")


def test_a_mistake_in_one_secret_keeps_no_other_from_its_turn(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is raised once all had theirs."""
    room.client.create_secret(Name=f"{room.secret}-b", SecretString=json.dumps({"password": FIRST}))
    file, yaml = room.folder / "secrets.yaml", YAML()
    book = yaml.load(file)
    book["rotations"] = {
        "a-broken-one": {**book["rotations"][NAME], "secret": f"{room.secret}-b"},
        NAME: book["rotations"][NAME],
    }
    yaml.dump(book, file)
    whole = DoorKey.create

    async def mistaken(self: DoorKey, turn: Turn) -> Document:
        if turn.name == NAME:
            return await whole(self, turn)
        raise ZeroDivisionError

    monkeypatch.setattr(DoorKey, "create", mistaken)
    monkeypatch.setattr(rotation_round, "due_from", lambda _policy, made: made)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(visit_all(room.opened(), (), room.folder / "people.yaml", shown=False))
    assert len(room.course().rotations) == 1


def test_what_is_switched_off_is_made_current_by_hand(room: Room) -> None:
    """The page does not say that what is current works, nor to turn back what cannot be."""
    room.policy(switched_off="1h")
    came: Visited | None = room.rotate()
    while "off" not in room.course().rotations[-1].done:
        wait_for(came)
        came = room.go_on()
    rotation, broke = (
        room.course().rotations[-1],
        ev.RotationBrokeOff(rotation="r", stage="drop", why="x", refused=True),
    )
    policy = room.opened().book.rotations[NAME]
    assert "Look now" in _what_works(policy, rotation, broke)
    assert _may_hurt(policy, rotation, broke)
    assert "works; nothing was switched off" in _what_works(
        policy, rotation, broke.model_copy(update={"refused": False})
    )
    assert _way_back(NAME, rotation)
    rotation.begun.append("drop")
    assert not _way_back(NAME, rotation)
