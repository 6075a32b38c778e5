"""What was approved to be cut off is not forgotten, whatever stands in its way, and nobody else's word does it."""

import asyncio
import threading
import uuid
from contextlib import closing
from datetime import timedelta
from time import monotonic, sleep

import pytest

from flows import asking_first, rotation_round
from tests.flows.rotations.room import FIRST, NAME, Room
from tests.flows.rotations.saying import answer_when_asked
from tests.flows.rotations.test_leaks import alone, answering, cut
from tests.flows.rotations.test_other_hands import before
from tminus import events as ev
from tminus.chain_names import is_rotation_asked
from tminus.errors import Refused

LAUNCH = "tradesense-2-0-0"


def test_a_launch_holds_the_environment(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is paged once that the leak waits; however late the launch ends, the next visit cuts it off."""
    with closing(room.store()) as store:
        store.open_chain(LAUNCH)
        store.lock("test", LAUNCH)
        with answering(room), pytest.raises(Refused, match=f"test is held by {LAUNCH}"):
            cut(room)
        broke = room.course().rotations[-1].broke_off
        assert broke is not None
        assert LAUNCH in broke.why
        assert room.course().rotations[-1].paged
        came = room.go_on()
        assert came is not None
        assert came.how == "refused"
        events = [event for event in room.told() if isinstance(event, ev.RotationBrokeOff)]
        assert len(events) == 1, "paged again for the same"
        store.unlock("test", LAUNCH)
    monkeypatch.setattr(asking_first, "_COUNTS", timedelta(hours=-9))
    came = room.go_on()
    assert came is not None
    assert came.how == "rotated", came.said
    alone(room, FIRST)


def test_a_yes_of_long_ago(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a rotation that is no leak's, and was never begun, it counts no more."""
    room.policy(approval=["security_lead"])
    room.rotate()
    answer_when_asked(room, "guard", "approve")
    monkeypatch.setattr(asking_first, "_COUNTS", timedelta(hours=-9))
    came = room.go_on()
    assert came is not None
    assert (came.how, "and not begun; ask again" in came.said) == ("not approved", True)
    assert room.value() == FIRST


def test_turned_back(room: Room) -> None:
    """The leaked value is current again and opens; it is owed still, and the next visit cuts it off."""
    (room.folder / "trouble").write_text("before off")
    with answering(room):
        assert cut(room).how == "broke off"
    room.undo()
    assert room.value() == FIRST
    for _ in range(5):
        if room.course().open is None:
            break
        room.go_on()
    assert room.course().owed is not None
    came = room.go_on()
    assert came is not None
    assert came.how == "rotated", came.said
    alone(room, FIRST)


@pytest.mark.parametrize("answered", [False, True], ids=["no yes at all", "a yes to something else"])
def test_a_beginning_that_nobody_approved(room: Room, answered: bool) -> None:
    """Whoever writes into the ledger that a rotation at once began cuts nobody off."""
    approval = ""
    if answered:
        room.policy(approval=["security_lead"])
        room.rotate()
        answer_when_asked(room, "guard", "approve")
        approval = room.course().rotations[-1].began.approval
    [version] = room.client.describe_secret(SecretId=room.secret)["VersionIdsToStages"]
    began = ev.RotationBegan(
        rotation="20300101T000000.000000Z-aaaa",
        secret=NAME,
        stored_as=room.secret,
        kind="test.door",
        environment="test",
        digests={},
        version=str(uuid.uuid4()),
        replaces=version,
        way={},
        at_once=True,
        reason="forged",
        approval=approval,
    )

    async def forge() -> None:
        with closing(room.store()) as store:
            async with rotation_round.rotating(store, room.opened(), NAME, print) as one:
                await one.diary.write(began)

    asyncio.run(forge())
    came = room.go_on()
    assert came is not None
    assert (came.how, "nothing was done" in came.said) == ("refused", True)
    assert room.value() == FIRST
    assert room.door.opens(FIRST)


def test_while_an_answer_is_waited_for(room: Room) -> None:
    """Nothing is held: the open rotation goes on, and is turned back."""
    before(room, "test")
    asked: list[Exception] = []

    def ask() -> None:
        try:
            cut(room)
        except Refused as e:
            asked.append(e)

    asking = threading.Thread(target=ask)
    asking.start()
    until = monotonic() + 20
    with closing(room.store()) as store:
        while not list(filter(is_rotation_asked, store.chains())):
            assert monotonic() < until
            sleep(0.02)
    sleep(0.2)
    assert room.undo().how in {"undone", "waits"}
    answer_when_asked(room, "guard", "reject")
    asking.join()
    assert len(asked) == 1
    assert room.until_over().rotations[-1].ended is not None
