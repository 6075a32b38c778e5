"""API keys by a vendor's HTTP API: none that nobody knows, none in an address or a log, and the old one proven dead."""

import json
import logging
from datetime import timedelta

import pytest
from pydantic import SecretStr, ValidationError

from tasks.rotators.rotator import Done
from tests.tasks.rotators.key_desk import Desk
from tests.tasks.rotators.key_vendor import ADMIN
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.document import Document


def test_a_key_goes_through_its_whole_rotation(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Each method twice; beside the old one until that is off, and no value in an address, a log or a sentence."""
    caplog.set_level(logging.DEBUG)
    rotator, said = desk.rotator(), []
    assert desk.do(rotator.plan) == {"old key": desk.old.id, "endpoint": "vendor"}
    new = desk.create(rotator)
    key = desk.vendor.keys[-1]
    assert (new.name("key"), new.name("id"), new.name("region")) == (key.value, key.id, "eu")
    for act in (rotator.set, rotator.test, rotator.off, rotator.on, rotator.off, rotator.drop):
        first, second = (desk.do(lambda turn, act=act: act(turn, new), promoted=now()) for _ in range(2))  # type: ignore[misc]
        assert isinstance(first, Done)
        assert isinstance(second, Done)
        assert second.already or act in {rotator.test, rotator.off}
        said += [first.said, second.said]
        assert key in desk.vendor.alive
        assert desk.old.disabled == (act in {rotator.off, rotator.drop})
    assert [one.id for one in desk.vendor.alive] == ["key_1", "key_2", key.id]
    everything = "\n".join([caplog.text, *desk.vendor.heard, *said])
    assert [one for one in (ADMIN, key.value, desk.old.value) if one in everything] == []
    assert "/v1/keys" in everything


def test_undo_leaves_the_old_key_and_nothing_else(desk: Desk) -> None:
    """Before the new one reached Secrets Manager, and after; asked twice."""
    rotator = desk.rotator()
    desk.create(rotator)
    for already in (False, True):
        assert desk.do(lambda turn: rotator.undo(turn, None)).already is already
    new = desk.create(rotator)
    for already in (False, True):
        assert desk.do(lambda turn: rotator.undo(turn, new)).already is already
    assert desk.vendor.alive == desk.vendor.keys[:3]


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ({"wide_open": True}, r"GET /v1/payouts with the new key: 200, and 403 is wanted"),
        ({"for_everybody": True}, "is open to everybody"),
        ({"one_only": True}, "the old key is refused since the new one was made"),
    ],
)
def test_a_key_that_opens_too_much_or_cuts_the_old_one_off_is_refused(
    desk: Desk, trouble: dict[str, bool], why: str
) -> None:
    """Before anybody reads it."""
    for name, value in trouble.items():
        setattr(desk.vendor, name, value)
    rotator = desk.rotator()
    new = desk.create(rotator)
    with pytest.raises(Refused, match=why):
        desk.do(lambda turn: rotator.test(turn, new))


def test_a_key_that_opens_too_little_is_refused(desk: Desk) -> None:
    """As one that was revoked meanwhile."""
    rotator = desk.rotator()
    new = desk.create(rotator)
    desk.vendor.keys[-1].revoked = True
    with pytest.raises(Refused, match="status 401, and 200 is wanted"):
        desk.do(lambda turn: rotator.test(turn, new))


def test_the_census_says_when_the_old_key_was_used(desk: Desk) -> None:
    """Since the new one is current; blind where the vendor does not say it."""
    rotator = desk.rotator()
    new = desk.create(rotator)
    promoted = now()

    def uses() -> list[str]:
        census = desk.do(lambda turn: rotator.census(turn, new), promoted=promoted)
        assert (census.since, census.blind) == (promoted, "")
        return [one.who for one in census.uses]

    assert uses() == []
    desk.old.used = promoted - timedelta(hours=1)
    assert uses() == []
    desk.old.used = now()
    assert uses() == [f"whoever has key {desk.old.id}"]
    unsaid = desk.rotator(used=None)
    assert "does not say" in desk.do(lambda turn: unsaid.census(turn, new)).blind
    back = desk.do(lambda turn: rotator.census(turn, turn.old))
    assert now() - back.since >= rotator.cycle
    assert len(back.uses) == 1


def test_the_key_in_use_is_never_revoked(desk: Desk) -> None:
    """Where the new document names the same key, the book's secret is wrong, and nothing is done."""
    rotator = desk.rotator()
    with pytest.raises(Refused, match="is the one in use"):
        desk.do(lambda turn: rotator.drop(turn, turn.old))
    assert desk.old in desk.vendor.alive


def test_an_unknown_old_key_is_said_before_anything_is_made(desk: Desk) -> None:
    """The secret names a key that the vendor does not have."""
    stray = Document(SecretStr(json.dumps({"key": "k", "id": "key_99"})), "orders (old)")
    with pytest.raises(CouldNotObserve, match="lists no key key_99"):
        desk.do(desk.rotator().plan, old=stray)
    assert len(desk.vendor.keys) == 3


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"enable": None}, "describe both, or neither"),
        ({"header": "Bearer"}, "header"),
        ({"make": {"path": "/k", "body": {"name": "x"}, "value": "/v", "id": "/i"}}, "must stand in it"),
        ({"revoke": {"method": "DELETE", "path": "/v1/keys"}}, "revoke"),
        ({"can": []}, "can"),
        ({"cannot": [{"path": "/v1/payouts", "status": 200}]}, "cannot"),
        ({"cannot": [{"path": "/v1/payouts/1", "method": "DELETE"}]}, "must do no harm where it is not"),
        ({"cannot": [{"path": "/v1/payouts", "method": "POST"}]}, "must do no harm where it is not"),
    ],
)
def test_a_book_that_proves_nothing_is_a_mistake(desk: Desk, changed: dict[str, object], why: str) -> None:
    """Read, and refused."""
    with pytest.raises(ValidationError, match=why):
        desk.rotator(**changed)
