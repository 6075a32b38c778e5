"""Stripe's keys: a person makes and expires them; that the new one does, and the old one does not, is proven."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from pydantic import SecretStr

from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.stripe import StripeFake
from tasks.estate import Estate
from tasks.rotators.rotator import Done, NotYet, Turn
from tasks.rotators.stripe_key import StripeKey
from tests.conftest import Estates
from tminus.clock import now
from tminus.errors import CouldNotObserve, MissingSecret, NotConfigured, Refused
from tminus.rotations.document import Document

_T = TypeVar("_T")
OLD, NEW, SECRET, TESTS = ("rk_live_canaryOld", "rk_live_canaryNew", "sk_live_canaryAll", "rk_test_canaryTest")
SHUT = {"/v1/webhook_endpoints"}


class Account:
    """Stripe, the rotator, and one turn of it."""

    def __init__(self, estates: Estates, url: str, stripe: StripeFake) -> None:
        self._estates = estates
        self.url = url
        self.stripe = stripe
        stripe.shut = {key: set(SHUT) for key in (OLD, NEW, TESTS)}

    def estate(self) -> Estate:
        """The environment; its own key is not asked for."""
        return self._estates.make(stripe={"url": self.url, "token": "env:NOWHERE"})

    def do(self, act: Callable[[Turn], Coroutine[None, None, _T]], old: str = OLD, given: str | None = NEW) -> _T:
        """One call, as each visit makes it."""
        brought = None if given is None else Document(SecretStr(given), "payments (given)")

        async def visit() -> _T:
            async with self.estate() as estate:
                turn = Turn(estate, "payments", "r1", "v2", {}, Document(SecretStr(old), "payments (old)"))
                return await act(replace(turn, given=brought, promoted=now()))

        return asyncio.run(visit())


@pytest.fixture
def account(estates: Estates) -> Iterator[Account]:
    """The fake, served."""
    stripe = StripeFake(OLD, NEW, SECRET, TESTS)
    with served(stripe.app()) as url:
        yield Account(estates, url, stripe)


def rotator(**changed: object) -> StripeKey:
    """As a book has it."""
    said = {
        "title": "Stripe",
        "owner": "backend",
        "secret": "tradesense/stripe",
        "every": "90d",
        "can": ["/v1/account", "/v1/balance"],
        "cannot": sorted(SHUT),
    }
    return StripeKey.model_validate(said | changed)


def test_a_key_goes_through_its_whole_rotation(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    """Each method twice; while the old key lives it is waited for, and no value is in a log or a sentence."""
    for name in (None, "httpx"):  # whose level whoever ran before may have set
        caplog.set_level(logging.DEBUG, logger=name)
    stripe = rotator()
    said = []
    new = account.do(stripe.create)
    assert new.text.get_secret_value() == NEW
    for act in (stripe.set, stripe.test, stripe.on):
        for _ in range(2):
            done = account.do(lambda turn, act=act: act(turn, new))  # type: ignore[misc]
            assert isinstance(done, Done)
            said.append(done.said)
    for act in (stripe.off, stripe.drop):
        wait = account.do(lambda turn, act=act: act(turn, new))  # type: ignore[misc]
        assert isinstance(wait, NotYet)
        assert timedelta(minutes=59) < wait.until - now() <= timedelta(hours=1)
        assert "expire or delete it" in wait.why
        said.append(wait.why)
    account.stripe.keys.remove(OLD)
    for act in (stripe.off, stripe.off, stripe.drop, stripe.drop):
        done = account.do(lambda turn, act=act: act(turn, new))  # type: ignore[misc]
        assert isinstance(done, Done)
        said.append(done.said)
    with pytest.raises(Refused, match="brings none back") as told:
        account.do(lambda turn: stripe.on(turn, new))
    assert any("reading is proven, not writing" in one for one in said)
    everything = "\n".join([*said, str(told.value), caplog.text, repr(new)])
    assert "canary" not in everything
    assert "HTTP Request: GET" in everything


def test_in_a_document_only_the_key_changes(account: Account) -> None:
    """Given alone, or as the whole document."""
    old = json.dumps({"key": OLD, "account": "acct_1"})
    for given in (NEW, f" {NEW}\n", json.dumps({"key": NEW})):
        new = account.do(rotator().create, old=old, given=given)
        assert json.loads(new.text.get_secret_value()) == {"key": NEW, "account": "acct_1"}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "tminus rotate payments --given"),
        (OLD, "that is the old value"),
        (TESTS, "of test mode, and the one in use is of live mode"),
        (SECRET, "may do everything"),
        ("whsec_canary0000", "no secret or restricted key"),
        ("", "no secret or restricted key"),
        (f"{NEW} {NEW}", "no secret or restricted key"),
    ],
    ids=["none", "the old one", "test mode", "a secret key", "another secret", "empty", "twice"],
)
def test_what_is_no_such_key_is_refused_before_it_is_put_anywhere(
    account: Account, given: str | None, why: str
) -> None:
    """And not repeated."""
    with pytest.raises(Refused, match=why) as told:
        account.do(rotator().create, given=given)
    assert "canary" not in str(told.value)


def test_a_book_must_say_what_a_restricted_key_cannot(account: Account) -> None:
    """A secret key, which may do everything, needs no such thing."""
    with pytest.raises(Refused, match="add `cannot`"):
        account.do(rotator(cannot=[]).create)
    new = account.do(rotator(cannot=[]).create, old="sk_live_canaryOlder", given=SECRET)
    assert isinstance(account.do(lambda turn: rotator(cannot=[]).test(turn, new)), Done)


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (lambda stripe: stripe.shut.clear(), "GET /v1/webhook_endpoints .* status 200, and 403 is wanted"),
        (lambda stripe: stripe.shut[NEW].add("/v1/balance"), "GET /v1/balance .* status 403; give it that right"),
        (lambda stripe: stripe.keys.remove(NEW), "status 401; Stripe does not take it"),
    ],
    ids=["too much", "too little", "unknown"],
)
def test_a_key_with_other_rights_is_refused(account: Account, trouble: Callable[[StripeFake], None], why: str) -> None:
    """Before anybody reads it."""
    new = account.do(rotator().create)
    trouble(account.stripe)
    with pytest.raises(Refused, match=why):
        account.do(lambda turn: rotator().test(turn, new))


def test_undo_waits_until_the_new_key_is_dead(account: Account) -> None:
    """A person expires it; one that is current again is left alone."""
    new = account.do(rotator().create)
    waits = account.do(lambda turn: rotator().undo(turn, new))
    assert isinstance(waits, NotYet)
    assert "Stripe takes the key that was new" in waits.why
    assert account.do(lambda turn: rotator().undo(replace(turn, old=new), new)) == Done(
        "nothing of this rotation is to be expired in Stripe", already=True
    )
    account.stripe.keys.remove(NEW)
    assert account.do(lambda turn: rotator().undo(turn, new)) == Done("Stripe refuses the key that was new (401)")
    assert account.do(lambda turn: rotator().undo(turn, None)) == Done(
        "nothing of this rotation is to be expired in Stripe", already=True
    )


def test_the_census_is_blind(account: Account) -> None:
    """And says where to look."""
    census = account.do(lambda turn: rotator().census(turn, turn.old))
    assert (census.uses, "dashboard alone" in census.blind) == ((), True)


def test_a_stripe_that_does_not_answer_is_no_dead_key(account: Account, estates: Estates) -> None:
    """Neither silence nor a missing section lets the old key pass for expired."""
    new = account.do(rotator().create)
    account.url = "http://127.0.0.1:1"
    with pytest.raises(CouldNotObserve, match="stripe"):
        account.do(lambda turn: rotator().off(turn, new))
    turn = Turn(estates.make(), "payments", "r1", "v2", {}, Document(SecretStr(OLD), "payments (old)"))
    with pytest.raises((NotConfigured, MissingSecret), match="names no stripe"):
        asyncio.run(rotator().off(turn, new))


def test_the_key_in_use_is_never_waited_to_death(account: Account) -> None:
    """Nobody is told to expire the old key where it is the new one."""
    with pytest.raises(Refused, match="expire neither"):
        account.do(lambda turn: rotator().off(turn, turn.old))
