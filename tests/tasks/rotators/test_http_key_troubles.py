"""API keys by a vendor's HTTP API where something is wrong: revoked by hand, listed late, out of order."""

import json
import logging
from datetime import timedelta
from threading import Timer

import pytest
from pydantic import SecretStr

from tasks.rotators.rotator import Done, NotYet
from tests.tasks.rotators.key_desk import ROTATION, Desk
from tests.tasks.rotators.key_vendor import Key
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.document import Document


def test_what_a_killed_try_made_is_revoked(desk: Desk) -> None:
    """Its value is known to nobody; a key of another rotation and of other people stays."""
    rotator = desk.rotator()
    desk.vendor.made(f"tminus-orders-{ROTATION[:-1]}2")
    desk.vendor.lost = True
    with pytest.raises(CouldNotObserve, match="POST /v1/keys: status 504"):
        desk.create(rotator)
    [lost] = [one for one in desk.vendor.alive if ROTATION in one.name]
    desk.vendor.lost = False
    new = desk.create(rotator)
    assert lost.revoked
    assert [one.id for one in desk.vendor.alive] == ["key_1", "key_2", "key_3", "key_4", new.name("id")]


def test_a_vendor_that_keeps_no_mark_is_not_trusted_with_a_key(desk: Desk) -> None:
    """It cuts names off: the key is revoked at once, and the book is what must change."""
    desk.vendor.longest_name = 20
    with pytest.raises(Refused, match=r"without tminus-orders-.*The key is revoked"):
        desk.create(desk.rotator())
    assert desk.vendor.alive == desk.vendor.keys[:3]


def test_a_key_that_is_still_let_in_is_not_called_dead(desk: Desk) -> None:
    """Switched off or revoked, as long as the vendor lets it in, it is asked again."""
    rotator = desk.rotator()
    new = desk.create(rotator)
    desk.vendor.lets_in.add(desk.old.value)
    for act in (rotator.off, rotator.drop):
        came = desk.do(lambda turn, act=act: act(turn, new))  # type: ignore[misc]
        assert isinstance(came, NotYet)
        assert now() < came.until <= now() + timedelta(minutes=1)
        assert desk.old.value not in came.why
    desk.vendor.lets_in.clear()
    assert isinstance(desk.do(lambda turn: rotator.drop(turn, new)), Done)


def test_a_vendor_that_cannot_disable(desk: Desk) -> None:
    """Off does nothing, drop revokes; a revoked key is not brought back."""
    rotator = desk.rotator(disable=None, enable=None)
    new = desk.create(rotator)
    assert "cannot switch a key off" in desk.do(lambda turn: rotator.off(turn, new)).said  # type: ignore[union-attr]
    assert desk.do(lambda turn: rotator.on(turn, new)).already
    assert isinstance(desk.do(lambda turn: rotator.drop(turn, new)), Done)
    with pytest.raises(Refused, match="cannot bring it back"):
        desk.do(lambda turn: rotator.on(turn, new))


def test_a_try_of_ours_is_nobodys_use(desk: Desk) -> None:
    """An off that broke off is gone on with at once: the census of then does not see what tried the old key out."""
    rotator = desk.rotator()
    new = desk.create(rotator)
    promoted = now()
    desk.vendor.broken = "/disable"
    with pytest.raises(CouldNotObserve, match="status 503"):
        desk.do(lambda turn: rotator.off(turn, new), promoted=promoted)
    assert desk.do(lambda turn: rotator.census(turn, new), promoted=promoted).uses == ()
    desk.vendor.broken = ""
    assert isinstance(desk.do(lambda turn: rotator.off(turn, new), promoted=promoted), Done)
    assert desk.do(lambda turn: rotator.census(turn, new), promoted=promoted).uses == ()


def test_what_was_revoked_by_hand_holds_no_leak_up(desk: Desk) -> None:
    """Whoever found the leak revoked the key first: a new one takes its place, and the old one is called dead."""
    rotator, old = desk.rotator(), desk.turn.old
    desk.old.revoked = True
    way = desk.do(rotator.plan, at_once=True)
    assert way["not seen"].startswith(f"vendor lists no key {desk.old.id}")
    census = desk.do(lambda turn: rotator.census(turn, old), at_once=True, way=way)
    assert (census.uses, "lists no key" in census.blind, "status 404" in census.blind) == ((), True, True)
    assert desk.do(lambda turn: rotator.census(turn, old), promoted=now()).uses == ()
    new = desk.do(rotator.create, at_once=True, way=way)
    for act in (rotator.set, rotator.test, rotator.off, rotator.drop):
        done = desk.do(lambda turn, act=act: act(turn, new), at_once=True, way=way, promoted=now())  # type: ignore[misc]
        assert isinstance(done, Done)
        assert done.already or act == rotator.test
    assert [one.id for one in desk.vendor.alive] == ["key_1", "key_2", new.name("id")]


def test_an_api_that_does_not_answer_holds_no_question_up(desk: Desk) -> None:
    """What it would have said is told as not seen; where nothing leaked, nothing begins without it."""
    rotator, old = desk.rotator(), desk.turn.old
    desk.vendor.broken = "/keys"
    for ask in (rotator.plan, lambda turn: rotator.census(turn, old)):
        with pytest.raises(CouldNotObserve, match="status 503"):
            desk.do(ask)  # type: ignore[arg-type]  # either of them
    way = desk.do(rotator.plan, at_once=True)
    census = desk.do(lambda turn: rotator.census(turn, old), at_once=True, way=way)
    assert census.blind.count("status 503") == 2


def test_a_key_that_is_listed_late_is_thrown_away_all_the_same(desk: Desk) -> None:
    """What a killed try made, and the list showed only after the next one: by test, by drop and by undo."""
    rotator = desk.rotator()

    def lost() -> Key:
        desk.vendor.lost = True
        with pytest.raises(CouldNotObserve, match="status 504"):
            desk.create(rotator)
        desk.vendor.lost = False
        desk.vendor.unlisted = [desk.vendor.keys[-1]]
        return desk.vendor.keys[-1]

    first = lost()
    new = desk.create(rotator)
    desk.vendor.unlisted.clear()
    tested = desk.do(lambda turn: rotator.test(turn, new))
    assert isinstance(tested, Done)
    assert (first.revoked, first.id in tested.said) == (True, True)
    second = desk.vendor.made(f"tminus-orders-{ROTATION}")
    assert isinstance(desk.do(lambda turn: rotator.drop(turn, new), promoted=now()), Done)
    assert (second.revoked, new.name("id") in [one.id for one in desk.vendor.alive]) == (True, True)
    third = lost()
    asked, waits = desk.rotator(settles="1s"), Timer(0.3, desk.vendor.unlisted.clear)
    waits.start()
    assert third.id in desk.do(lambda turn: asked.undo(turn, None)).said
    waits.join()
    assert third.revoked


@pytest.mark.parametrize("odd", ["with space ", "line\nbreak", "é", ""])
def test_a_key_that_no_header_holds_is_shown_to_nobody(desk: Desk, odd: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither our words nor a library's repeat it."""
    caplog.set_level(logging.DEBUG)
    new = Document(SecretStr(json.dumps({"key": f"canary-odd-{odd}" if odd else "", "id": "key_9"})), "orders (new)")
    with pytest.raises((Refused, CouldNotObserve)) as told:
        desk.do(lambda turn: desk.rotator().test(turn, new))
    assert "canary-odd" not in caplog.text + str(told.value)
