"""Somebody else moves what a rotation works on: it never cuts off what is current, and it can always be ended."""

import json
from contextlib import closing
from typing import Literal

import pytest

from flows.rotation_visit import Visited
from tasks.aws_client import AwsService
from tasks.rotators.rotator import Done, Turn
from tests.flows.rotations.breaking import over, to_its_end, wait_for
from tests.flows.rotations.door import DoorKey
from tests.flows.rotations.room import FIRST, NAME, Room
from tminus import events as ev
from tminus.errors import FencedOff
from tminus.lease import myself
from tminus.rotations.document import Document


def before(room: Room, stage: str) -> str:
    """A rotation that broke off before a stage; returns the password that is current there."""
    (room.folder / "trouble").write_text(f"before {stage}")
    room.rotate()
    for _ in range(20):
        if not (room.folder / "trouble").exists():
            return room.value()
        wait_for(room.go_on())
    raise AssertionError(f"it never came to {stage}")


def moved(room: Room, stage: str, to: str | None) -> None:
    """Somebody moves a stage by hand to the version that `to` (a stage) has, or takes it away."""
    listed = room.client.describe_secret(SecretId=room.secret)["VersionIdsToStages"]
    holder = {one: version for version, stages in listed.items() for one in stages}
    room.client.update_secret_version_stage(
        SecretId=room.secret,
        VersionStage=stage,
        RemoveFromVersionId=holder[stage],
        **({"MoveToVersionId": holder[to]} if to else {}),
    )


@pytest.mark.parametrize("stage", ["off", "drop"])
def test_moved_back_by_hand(room: Room, stage: ev.RotationStage) -> None:
    """Whoever gives AWSCURRENT back to the old value by hand keeps it: nothing is cut off, and undoing ends it."""
    came: Visited | None = room.rotate()
    while room.course().open is not None and room.course().rotations[-1].next != stage:
        wait_for(came)
        came = room.go_on()
    new = room.value()
    moved(room, "AWSCURRENT", "AWSPREVIOUS")
    wait_for(came)
    came = room.go_on()
    assert came is not None
    assert came.how == "refused", came.said
    assert "somebody moved it. The old value was left as it is" in came.said
    assert room.door.opens(new)
    assert room.door.passwords == 2
    room.undo()
    to_its_end(room)
    over(room, "undone", FIRST)


def test_pending_taken_away(room: Room) -> None:
    """Where another tool took AWSPENDING off the new value, undoing finds it by its id, and the door forgets it."""
    before(room, "test")
    assert room.door.passwords == 2
    moved(room, "AWSPENDING", None)
    room.undo()
    to_its_end(room)
    over(room, "undone", FIRST)


def test_the_end_says_what_is_current(room: Room) -> None:
    """Turned back where a third value is current, the last sentence names that version and not the old one."""
    before(room, "test")
    third = room.client.put_secret_value(SecretId=room.secret, SecretString='{"password": "third"}')["VersionId"]
    room.undo()
    ended = room.until_over().rotations[-1].ended
    assert ended is not None
    assert f"version {third[:8]} is current" in ended.sentence


def test_the_book_says_another_secret(room: Room) -> None:
    """Nothing is done with another secret than it was begun with; somebody is told, and put back it goes on."""
    before(room, "set")
    place = room.secret
    other = f"{place}-other"
    room.client.create_secret(Name=other, SecretString=json.dumps({"password": "of another"}))
    room.policy(secret=other)
    came = room.go_on()
    assert came is not None
    assert came.how == "refused"
    assert f"the book was changed since this rotation began: secret was '{place}'" in came.said
    assert room.course().rotations[-1].paged
    assert room.door.passwords == 1
    room.policy(secret=place)
    to_its_end(room)
    over(room, "rotated")


def test_a_mistake_of_tminus_leaves_the_environment_free(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotator that fails with what nobody foresaw pages, keeps nobody from the environment, and is shown as it is."""

    async def mistaken(_self: DoorKey, _turn: Turn, _new: Document) -> Done:
        raise ZeroDivisionError("canary-in-the-error")

    with monkeypatch.context() as patched:
        patched.setattr(DoorKey, "set", mistaken)
        with pytest.raises(ZeroDivisionError):
            room.rotate()
    with closing(room.store()) as store:
        assert store.locked_by("test") is None
    broke = room.course().rotations[-1].broke_off
    assert broke is not None
    assert "tminus itself failed with ZeroDivisionError" in broke.why
    assert "canary" not in broke.why
    to_its_end(room)
    over(room, "rotated")


def test_whoever_was_overtaken_promotes_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after its look at Secrets Manager and overtaken there, it moves no stage when it comes back."""
    whole = AwsService.read
    chain = room.opened().chain(NAME)

    def overtaken(service: AwsService, model: object, operation: str, **parameters: object) -> object:
        answer = whole(service, model, operation, **parameters)  # type: ignore[type-var, arg-type]
        rotations = room.course().rotations
        if operation == "DescribeSecret" and rotations and "promote" in rotations[-1].begun:
            with closing(room.store()) as store:
                held = store.lease(chain)
                assert held is not None
                store.take_lease(chain, myself(), 30, dead=held.token)
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(AwsService, "read", overtaken)
        with pytest.raises(FencedOff):
            room.rotate()
    assert room.value() == FIRST
    with closing(room.store()) as store:
        held = store.lease(chain)
        assert held is not None
        store.give_lease_back(chain, held.token)
    to_its_end(room)
    over(room, "rotated")


class Gate(DoorKey, frozen=True):
    """Another kind of the same."""

    kind: Literal["test.gate"] = "test.gate"  # type: ignore[assignment]  # another than the door's


def test_the_book_says_another_kind(room: Room) -> None:
    """A rotation is not gone on with by another kind than it was begun with."""
    before(room, "set")
    room.policy(kind="test.gate")
    came = room.go_on(kinds={"test.gate": Gate})
    assert came is not None
    assert (came.how, "kind was 'test.door'" in came.said) == ("refused", True), came.said
    assert room.door.passwords == 1


def test_the_book_says_another_server(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor at another server."""
    with monkeypatch.context() as patched:
        patched.setattr(DoorKey, "servers", property(lambda _: {"server": "the first"}))
        before(room, "set")
    with monkeypatch.context() as patched:
        patched.setattr(DoorKey, "servers", property(lambda _: {"server": "another"}))
        came = room.go_on()
    assert came is not None
    assert (came.how, "server was 'the first'" in came.said) == ("refused", True), came.said
    assert room.door.passwords == 1
