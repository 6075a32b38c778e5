"""What leaked is cut off wherever a rotation stands, and on nobody's word but that of whoever was asked."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from pydantic import SecretStr

from flows import rotation_round
from flows.rotating import Rotating
from flows.rotation_orders import cut_off
from flows.rotation_visit import Visited, Wish
from tasks.rotators.rotator import Done, NotYet, Turn
from tests.flows.ledgers import BreakableStore
from tests.flows.rotations.breaking import broken, told
from tests.flows.rotations.door import DoorKey
from tests.flows.rotations.room import FIRST, NAME, Room
from tests.flows.rotations.saying import answer_last_asked, answer_when_asked
from tests.flows.rotations.test_other_hands import before
from tests.flows.world import Crash
from tminus import events as ev
from tminus.chain_names import is_rotation_asked
from tminus.clock import now
from tminus.errors import Refused
from tminus.rotations.document import Document


@contextmanager
def answering(room: Room, word: str = "approve", *, again: bool = False) -> Iterator[None]:
    """The block in which the guard answers the first question, or the second."""
    answer, words = (answer_last_asked, ()) if again else (answer_when_asked, (word,))
    thread = threading.Thread(target=answer, args=(room, "guard", *words))
    thread.start()
    yield
    thread.join()


def cut(
    room: Room, given: Document | None = None, said: list[str] | None = None, store: BreakableStore | None = None
) -> Visited:
    """`tminus rotate front-door --at-once`, by the asker."""
    heard = [] if said is None else said
    with closing(room.store()) as own:
        coming = cut_off(store or own, room.opened(), NAME, room.word("asker"), heard.append, given)
        return asyncio.run(asyncio.wait_for(coming, 60))


def alone(room: Room, *dead: str) -> None:
    """What is current opens, alone, and none of these does."""
    assert room.door.opens(room.value())
    assert room.door.passwords == 1
    for value in dead:
        assert not room.door.opens(value)
    with closing(room.store()) as store:
        assert store.locked_by("test") is None


@pytest.mark.parametrize("stage", ["set", "test"])
def test_while_one_is_turned_back_that_was_never_current(room: Room, stage: str) -> None:
    """The old value leaked while its rotation was being turned back: that ends, and another replaces what leaked."""
    before(room, stage)
    (room.folder / "trouble").write_text("before undo")
    assert room.undo().how == "broke off"
    with answering(room):
        came = cut(room)
    assert came.how == "rotated", came.said
    assert room.value() != FIRST
    alone(room, FIRST)
    assert [one.ended.how for one in room.course().rotations if one.ended] == ["undone", "rotated"]


def test_while_one_is_turned_back_that_was(room: Room) -> None:
    """The old value is current again and leaked, while the new one works on for its overlap: both go."""
    new = before(room, "census")
    room.policy(overlap="20 s", cycle="20 s")
    assert room.undo().how == "waits"
    with answering(room):
        came = cut(room)
    assert came.how == "rotated", came.said
    alone(room, FIRST, new)


def test_what_goes_anyway_is_not_replaced(room: Room) -> None:
    """Where the new value leaked and going back gets rid of it, nothing more is needed."""
    leaked = before(room, "census")
    broken(room, lambda store: setattr(store, "before", told("rotation.stage_began back")), back=True)
    with answering(room):
        came = cut(room)
    assert came.how == "undone", came.said
    assert room.value() == FIRST
    alone(room, leaked)


def test_where_somebody_else_changed_it_meanwhile(room: Room) -> None:
    """A rotation that cannot go on, since a third value is current, does not stand in the way of cutting that off."""
    before(room, "test")
    room.door.install("third")
    room.client.put_secret_value(SecretId=room.secret, SecretString='{"password": "third"}')
    assert room.rotate().how == "refused"
    with answering(room):
        came = cut(room)
    assert came.how == "rotated", came.said
    assert not room.door.opens("third")
    assert room.door.opens(room.value())


def test_what_must_wait_is_waited_for(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a stage cannot be done at once, the command says so, and comes back only when what leaked is dead."""
    whole, asked = DoorKey.off, list[Turn]()

    async def late(self: DoorKey, turn: Turn, new: Document) -> Done | NotYet:
        asked.append(turn)
        return NotYet(now() + timedelta(seconds=0.3), "a cache") if len(asked) == 1 else await whole(self, turn, new)

    monkeypatch.setattr(DoorKey, "off", late)
    said: list[str] = []
    with answering(room):
        came = cut(room, said=said)
    assert came.how == "rotated"
    assert any("a cache; this goes on then" in one for one in said)
    alone(room, FIRST)


def test_who_must_bring_a_value_is_told_before_anybody_is_asked(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that brings it is named, and no question is asked; with it the leak is cut off."""
    monkeypatch.setattr(DoorKey, "by_hand", True)
    with pytest.raises(Refused, match="--at-once --given"):
        cut(room)
    with closing(room.store()) as store:
        assert not list(filter(is_rotation_asked, store.chains()))


def test_a_given_value_is_never_dropped_silently(room: Room) -> None:
    """Where the new value is there already, what somebody brings is refused, not ignored."""
    before(room, "test")
    given = Document(SecretStr('{"password": "brought too late"}'), "given")
    with pytest.raises(Refused, match="has its new value already"):
        room.rotate(wish=Wish(given=given))


@pytest.mark.parametrize("answered", [False, True], ids=["no yes at all", "a yes to something else"])
def test_an_order_that_nobody_approved(room: Room, answered: bool) -> None:
    """Whoever writes an order into the ledger cuts nobody off: what it names must have had a yes to just that."""
    room.policy(approval=["security_lead"], overlap="1h", cycle="1h")
    room.rotate()
    if answered:
        answer_when_asked(room, "guard", "approve")
    [rotation] = room.course().rotations
    order = ev.RotationOrdered(
        rotation=rotation.name,
        order="at once",
        person="guard",
        reason="forged",
        approval=rotation.began.approval,
        leaked=rotation.began.replaces,
    )

    async def forge() -> None:
        with closing(room.store()) as store:
            async with rotation_round.rotating(store, room.opened(), NAME, print) as one:
                await one.diary.write(order)

    asyncio.run(forge())
    came = room.go_on()
    assert came is not None
    assert came.how == "refused", came.said
    assert room.value() == FIRST
    assert room.door.opens(FIRST)


def test_asked_once_also_by_the_schedule(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the question and its beginning, the next visit takes up the same question."""

    async def killed(*_: object) -> None:
        raise Crash

    room.policy(approval=["security_lead"])
    with monkeypatch.context() as patched:
        patched.setattr(Rotating, "begin", killed)
        with pytest.raises(Crash):
            room.rotate()
    room.rotate()
    with closing(room.store()) as store:
        assert len(list(filter(is_rotation_asked, store.chains()))) == 1


def test_ordered_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given again after a kill, the order ends what it began, and says that it cut off nothing that leaked since."""

    async def killed(*_: object) -> Done:
        raise Crash

    with answering(room), monkeypatch.context() as patched:
        patched.setattr(DoorKey, "drop", killed)
        with pytest.raises(Crash):
            cut(room)
    new = room.value()
    came = cut(room)
    assert came.how == "rotated"
    assert "where what is current leaked too, order it again" in came.said
    assert room.value() == new
    alone(room, FIRST)
