"""API keys by a vendor's HTTP API: none that nobody knows, none in an address or a log, and the old one proven dead."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from pydantic import SecretStr, ValidationError

from deployments.rehearsal.in_thread import served
from tasks.estate import Estate
from tasks.rotators.http_key import HttpKey
from tasks.rotators.rotator import Done, NotYet, Turn
from tests.conftest import Estates
from tests.tasks.rotators.key_vendor import ADMIN, KeyVendor
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.document import Document

_T = TypeVar("_T")
ROTATION = "20300101T000000.000000Z-0001"


class Desk:
    """A vendor, the rotator of one of its keys, and one turn of it."""

    def __init__(self, vendor: KeyVendor, url: str, estates: Estates) -> None:
        self.vendor = vendor
        self._estates = estates
        self._url = url
        self._admin = estates.secret(SecretStr(ADMIN))
        for name in ("of somebody else", "of another team", "in use"):
            vendor.made(name)
        self.old = vendor.keys[-1]
        value = json.dumps({"key": self.old.value, "id": self.old.id, "region": "eu"})
        self.turn = Turn(self.estate(), "orders", ROTATION, "v2", {}, Document(SecretStr(value), "orders (old)"))

    def estate(self) -> Estate:
        """The environment."""
        return self._estates.make(endpoints={"vendor": {"url": self._url}})

    def book(self, **changed: object) -> dict[str, object]:
        """What the book says."""
        said: dict[str, object] = {
            "kind": "http.key",
            "title": "Orders",
            "owner": "backend",
            "secret": "tradesense/orders",
            "every": "90d",
            "endpoint": "vendor",
            "admin": self._admin,
            "header": "X-Api-Key: {key}",
            "make": {
                "path": "/v1/keys",
                "body": {"key": {"name": "{mark}"}},
                "value": "/data/secret",
                "id": "/data/id",
            },
            "listing": {"path": "/v1/keys", "keys": "/data", "id": "/id", "mark": "/name", "next": "/links/next"},
            "revoke": {"method": "DELETE", "path": "/v1/keys/{id}"},
            "disable": {"method": "POST", "path": "/v1/keys/{id}/disable"},
            "enable": {"method": "POST", "path": "/v1/keys/{id}/enable"},
            "used": {"path": "/v1/keys/{id}", "last": "/last_used_at"},
            "can": [{"path": "/v1/orders?limit=1"}],
            "cannot": [{"path": "/v1/payouts"}],
            "settles": "0s",
        }
        return {name: value for name, value in (said | changed).items() if value is not None}

    def rotator(self, **changed: object) -> HttpKey:
        """The rotator of that book."""
        return HttpKey.model_validate(self.book(**changed))

    def do(self, act: Callable[[Turn], Coroutine[None, None, _T]], **changed: object) -> _T:
        """One call, with an environment opened for it alone, as each visit has one."""

        async def visit() -> _T:
            async with self.estate() as estate:
                return await act(replace(self.turn, estate=estate, **changed))  # type: ignore[arg-type]  # a turn's own

        return asyncio.run(visit())

    def create(self, rotator: HttpKey) -> Document:
        """A new key."""
        return self.do(rotator.create)


@pytest.fixture
def desk(estates: Estates) -> Iterator[Desk]:
    """The vendor, served."""
    vendor = KeyVendor()
    with served(vendor.app()) as url:
        yield Desk(vendor, url, estates)


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
        assert second.already or act == rotator.test
        said += [first.said, second.said]
        assert key in desk.vendor.alive
        assert desk.old.disabled == (act in {rotator.off, rotator.drop})
    assert [one.id for one in desk.vendor.alive] == ["key_1", "key_2", key.id]
    everything = "\n".join([caplog.text, *desk.vendor.heard, *said])
    assert [one for one in (ADMIN, key.value, desk.old.value) if one in everything] == []
    assert "/v1/keys" in everything


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


@pytest.mark.parametrize("odd", ["with space ", "line\nbreak", "é", ""])
def test_a_key_that_no_header_holds_is_shown_to_nobody(desk: Desk, odd: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither our words nor a library's repeat it."""
    caplog.set_level(logging.DEBUG)
    new = Document(SecretStr(json.dumps({"key": f"canary-odd-{odd}" if odd else "", "id": "key_9"})), "orders (new)")
    with pytest.raises((Refused, CouldNotObserve)) as told:
        desk.do(lambda turn: desk.rotator().test(turn, new))
    assert "canary-odd" not in caplog.text + str(told.value)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"enable": None}, "describe both, or neither"),
        ({"header": "Bearer"}, "header"),
        ({"make": {"path": "/k", "body": {"name": "x"}, "value": "/v", "id": "/i"}}, "must stand in it"),
        ({"revoke": {"method": "DELETE", "path": "/v1/keys"}}, "revoke"),
        ({"can": []}, "can"),
        ({"cannot": [{"path": "/v1/payouts", "status": 200}]}, "cannot"),
    ],
)
def test_a_book_that_proves_nothing_is_a_mistake(desk: Desk, changed: dict[str, object], why: str) -> None:
    """Read, and refused."""
    with pytest.raises(ValidationError, match=why):
        desk.rotator(**changed)
