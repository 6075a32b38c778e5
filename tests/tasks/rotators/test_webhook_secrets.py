"""Webhook signing secrets: a running gateway takes what either secret signed, and the old one no more in the end."""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from pydantic import SecretStr

from deployments.rehearsal.in_thread import served
from deployments.rehearsal.pagerduty_account import Directory
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from tasks.estate import Estate
from tasks.rotators.rotator import Done, NotYet, Rotator, Turn
from tasks.rotators.webhook_pagerduty import WebhookPagerduty
from tasks.rotators.webhook_slack import WebhookSlack
from tests.conftest import Estates, S3Server
from tests.knocking import Knocking, knocked_at
from tests.staged_secrets import StagedSecret, nobody_overtook
from tminus.clock import now
from tminus.errors import CouldNotObserve, NotConfigured, Refused
from tminus.rotations.document import Document

_T = TypeVar("_T")
OLD, NEW = "canary0old0secret0of0slack0and0pd", "canary0new0secret0of0slack0and0pd"
TOKEN = "canary-rest-token"
ROTATION = "20300101T000000.000000Z-0001"
DIRECTORY = {
    "users": [{"id": "PUSER01", "name": "DevOps lead", "email": "lead@example.com"}],
    "on_calls": [{"user": "PUSER01", "start": "2020-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}],
}


class Desk:
    """A secret in Secrets Manager, a gateway that verifies with it, and the rotation of it."""

    def __init__(self, secret: StagedSecret, knocking: Knocking, make: Callable[[], Estate]) -> None:
        self.secret = secret
        self.knocking = knocking
        self._make = make
        self.version = str(uuid.uuid4())
        self.replaces = secret.versions.versions().current
        self.old = secret.versions.read(self.replaces)
        self.promoted = False

    def do(self, act: Callable[[Turn], Coroutine[None, None, _T]], given: str | None = None) -> _T:
        """One call, as each visit makes it."""
        brought = None if given is None else Document(SecretStr(given), "given")
        since = now() - timedelta(minutes=1) if self.promoted else None

        async def visit() -> _T:
            async with self._make() as estate:
                turn = Turn(estate, "hooks", ROTATION, self.version, {}, self.old, promoted=since, given=brought)
                return await act(turn)

        return asyncio.run(visit())

    def until_done(self, act: Callable[[Turn], Coroutine[None, None, Done | NotYet]]) -> Done:
        """Asked until it is done: the gateway looks for a new secret no oftener than it may."""
        for _ in range(50):
            if isinstance(came := self.do(act), Done):
                return came
            time.sleep(0.1)
        raise AssertionError(came.why)

    def pend(self, new: Document) -> None:
        """The new value is AWSPENDING."""
        self.secret.versions.put_pending(self.version, new)

    def promote(self) -> None:
        """It is AWSCURRENT, and the gateway has seen so."""
        self.secret.versions.promote(self.version, self.replaces, nobody_overtook)
        self.promoted = True
        time.sleep(0.25)

    def forget(self) -> None:
        """The old version has no stage, and the gateway has seen so."""
        self.secret.versions.forget(self.replaces, nobody_overtook)
        time.sleep(0.25)


def book(kind: type[Rotator], secret: str, **changed: object) -> Mapping[str, object]:
    """What a book says."""
    said = {"title": "Webhooks", "owner": "devops", "secret": secret, "every": "90d", "gateways": ["gateway"]}
    return {**said, "kind": kind.model_fields["kind"].default, **changed}


@pytest.fixture
def slack(
    s3_server: S3Server, estates: Estates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quick_gateway: None
) -> Iterator[Desk]:
    """Slack's secret, one plain text."""
    del quick_gateway
    secret = StagedSecret.made(s3_server, estates, monkeypatch, OLD)
    section = {"channel": "C0", "token": "env:NOWHERE", "signing_secret": f"aws:{secret.name}"}
    with knocked_at(tmp_path, f"aws:{secret.name}") as knocking:
        endpoints = {"gateway": {"url": knocking.door}}
        yield Desk(secret, knocking, lambda: estates.make(slack=section, endpoints=endpoints))


def test_slacks_secret_goes_through_its_whole_rotation(slack: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Each method twice; it is not proven before Slack itself has signed with it, and no value is in a log."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("botocore").setLevel(logging.INFO)
    rotator, knocking, said = WebhookSlack.model_validate(book(WebhookSlack, slack.secret.name)), slack.knocking, []
    assert slack.do(rotator.plan) == {"at": "slack.signing_secret"}
    new = slack.do(rotator.create, given=NEW)
    slack.pend(new)
    said += [slack.until_done(lambda turn: rotator.set(turn, new)).said for _ in range(2)]
    wait = slack.do(lambda turn: rotator.test(turn, new))
    assert isinstance(wait, NotYet)
    assert "type `/tminus status` in Slack" in wait.why
    assert (knocking.press(OLD), knocking.press(NEW)) == (200, 200)
    said += [slack.until_done(lambda turn: rotator.test(turn, new)).said for _ in range(2)]
    slack.promote()
    assert slack.do(lambda turn: rotator.census(turn, new)).uses == []
    assert knocking.press(OLD) == 200
    [use] = slack.do(lambda turn: rotator.census(turn, new)).uses
    assert (use.who, use.times) == ("Slack, at gateway", 1)
    for act in (rotator.off, rotator.off, rotator.drop, rotator.drop):
        done = slack.do(lambda turn, act=act: act(turn, new))  # type: ignore[misc]
        assert isinstance(done, Done)
        said.append(done.said)
    with pytest.raises(Refused, match="brings no old one back"):
        slack.do(lambda turn: rotator.on(turn, new))
    slack.forget()
    assert (knocking.press(OLD), knocking.press(NEW)) == (401, 200)
    metrics = httpx.get(f"{knocking.door}/metrics", trust_env=False).text
    everything = "\n".join([*said, wait.why, caplog.text, metrics])
    assert [one for one in (OLD, NEW) if one in everything] == []


def test_a_secret_that_slack_does_not_sign_with_is_not_proven(slack: Desk) -> None:
    """What a person pasted by mistake: the gateway takes it, and Slack goes on to sign with the old one. Undone."""
    rotator = WebhookSlack.model_validate(book(WebhookSlack, slack.secret.name))
    new = slack.do(rotator.create, given=NEW)
    slack.pend(new)
    slack.until_done(lambda turn: rotator.set(turn, new))
    for _ in range(3):
        assert slack.knocking.press(OLD) == 200
        assert isinstance(slack.do(lambda turn: rotator.test(turn, new)), NotYet)
    for _ in range(2):
        assert isinstance(slack.do(lambda turn: rotator.undo(turn, new)), Done)
    slack.secret.versions.forget(slack.version, nobody_overtook)
    time.sleep(0.25)
    assert (slack.knocking.press(OLD), slack.knocking.press(NEW)) == (200, 401)


def test_what_is_no_new_signing_secret_is_refused(slack: Desk) -> None:
    """And not repeated."""
    rotator = WebhookSlack.model_validate(book(WebhookSlack, slack.secret.name))
    for given in (None, OLD, "short", f"{NEW} {NEW}", "xoxb-canary-0000-0000-0000"):
        with pytest.raises(Refused, match=r"regenerate the signing secret at api\.slack\.com/apps") as told:
            slack.do(rotator.create, given=given)
        assert "canary" not in str(told.value)


def test_a_gateway_that_reads_it_elsewhere_is_said_first(slack: Desk) -> None:
    """Its rotation would lock everybody out."""
    rotator = WebhookSlack.model_validate(book(WebhookSlack, "tradesense/another"))
    with pytest.raises(NotConfigured, match="not aws:tradesense/another"):
        slack.do(rotator.plan)


def test_a_gateway_that_is_down_proves_nothing(slack: Desk) -> None:
    """Neither that it takes the new secret, nor that nobody signs with the old one."""
    rotator = WebhookSlack.model_validate(book(WebhookSlack, slack.secret.name, gateways=[]))
    new = slack.do(rotator.create, given=NEW)
    for ask in (rotator.set, rotator.test, rotator.census):
        with pytest.raises(CouldNotObserve, match="the gateway"):
            slack.do(lambda turn, ask=ask: ask(turn, new))  # type: ignore[misc]


class Subscribed(Desk):
    """The same of PagerDuty's, beside its stand-in."""

    account: PagerDutyStandIn
    pagerduty: str

    @property
    def active(self) -> dict[str, bool]:
        """Which subscriptions there are, and whether they send."""
        return {one.id: one.wanted.active for one in self.account.subscriptions.all}


@pytest.fixture
def duty(
    s3_server: S3Server, estates: Estates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quick_gateway: None
) -> Iterator[Subscribed]:
    """A subscription that leads to the gateway, and its secret with its id."""
    del quick_gateway
    account = PagerDutyStandIn(SecretStr("k" * 32), SecretStr(TOKEN), Directory.model_validate(DIRECTORY))
    secret = StagedSecret.made(s3_server, estates, monkeypatch, json.dumps({"secret": "later", "id": "later"}))
    token = estates.secret(SecretStr(TOKEN))
    with ExitStack() as open_ones:
        url = open_ones.enter_context(served(account.app()))
        reference = f"aws:{secret.name}#secret"
        knocking = open_ones.enter_context(knocked_at(tmp_path, reference))
        wanted = {
            "type": "webhook_subscription",
            "delivery_method": {"type": "http_delivery_method", "url": f"{knocking.door}/pagerduty/webhooks"},
            "events": ["incident.annotated"],
            "filter": {"type": "account_reference"},
            "description": "Notes for launches",
        }
        headers = {"Authorization": f"Token token={TOKEN}"}
        made = httpx.post(
            f"{url}/webhook_subscriptions", json={"webhook_subscription": wanted}, headers=headers, trust_env=False
        ).json()["webhook_subscription"]
        secret.promote(secret.pend(json.dumps({"secret": made["delivery_method"]["secret"], "id": made["id"]})))
        rest = {"token": token, "from_email": "lead@example.com", "service": "PSVC", "api": url}
        section = {"routing_key": "env:NOWHERE", "rest": rest, "webhook_secrets": [reference]}
        endpoints = {"gateway": {"url": knocking.door}}
        time.sleep(0.25)
        desk = Subscribed(secret, knocking, lambda: estates.make(pagerduty=section, endpoints=endpoints))
        desk.account, desk.pagerduty = account, url
        yield desk


def test_pagerdutys_secret_goes_through_its_whole_rotation(duty: Subscribed, caplog: pytest.LogCaptureFixture) -> None:
    """Each method twice; some subscription always sends what the gateway lets in, and no value is in a log."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("botocore").setLevel(logging.INFO)
    rotator = WebhookPagerduty.model_validate(book(WebhookPagerduty, duty.secret.name))
    first, said = duty.old.name("id"), []
    assert duty.do(rotator.plan) == {"old subscription": first}
    new = duty.do(rotator.create)
    second = new.name("id")
    assert duty.active == {first: True, second: False}
    duty.pend(new)
    stands = []
    for act in (rotator.set, rotator.test):
        said += [duty.until_done(lambda turn, act=act: act(turn, new)).said for _ in range(2)]  # type: ignore[misc]
        stands.append(duty.active)
    duty.promote()
    assert (duty.knocking.ping(duty.old.name("secret")), duty.knocking.ping(new.name("secret"))) == (200, 200)
    assert duty.do(lambda turn: rotator.census(turn, new)).uses == ()
    for act in (rotator.off, rotator.on, rotator.off, rotator.drop):
        for already in (False, True):
            done = duty.do(lambda turn, act=act: act(turn, new))  # type: ignore[misc]
            assert isinstance(done, Done)
            assert done.already is already
            said.append(done.said)
        stands.append(duty.active)
    both = {first: True, second: True}
    assert stands == [both, both, {first: False, second: True}, both, {first: False, second: True}, {second: True}]
    duty.forget()
    assert (duty.knocking.ping(duty.old.name("secret")), duty.knocking.ping(new.name("secret"))) == (401, 200)
    with pytest.raises(Refused, match="somebody ended it"):
        duty.do(lambda turn: rotator.on(turn, new))
    [subscription] = duty.account.subscriptions.all
    assert set(subscription.delivery.statuses) == {200}
    assert subscription.wanted.description == f"Notes for launches [tminus-hooks-{ROTATION}]"
    everything = "\n".join([*said, caplog.text])
    assert [one for one in (duty.old.name("secret"), new.name("secret"), TOKEN) if one in everything] == []


def test_a_subscription_that_a_killed_try_made_is_ended(duty: Subscribed) -> None:
    """Nobody knows its secret; undo ends the next one, too, and the first one sends on."""
    rotator = WebhookPagerduty.model_validate(book(WebhookPagerduty, duty.secret.name))
    first, lost = duty.old.name("id"), duty.do(rotator.create).name("id")
    new = duty.do(rotator.create)
    assert set(duty.active) == {first, new.name("id")}
    assert lost not in duty.active
    duty.do(rotator.create)
    for already in (False, True):
        assert duty.do(lambda turn: rotator.undo(turn, None)).already is already
    new = duty.do(rotator.create)
    for already in (False, True):
        assert duty.do(lambda turn: rotator.undo(turn, new)).already is already
    assert duty.active == {first: True}


def test_what_would_leave_the_gateway_deaf_is_refused(duty: Subscribed) -> None:
    """The old one stays on while the new one sends nothing, and is not ended in its place."""
    rotator = WebhookPagerduty.model_validate(book(WebhookPagerduty, duty.secret.name))
    new = duty.do(rotator.create)
    with pytest.raises(Refused, match="the old one stays on"):
        duty.do(lambda turn: rotator.off(turn, new))
    with pytest.raises(Refused, match="nothing was ended"):
        duty.do(lambda turn: rotator.drop(turn, turn.old))
    assert duty.active[duty.old.name("id")]


def test_a_test_event_that_does_not_arrive_is_waited_for(duty: Subscribed, monkeypatch: pytest.MonkeyPatch) -> None:
    """PagerDuty said that it sends it, and the subscription leads elsewhere."""
    monkeypatch.setattr("tasks.rotators.webhook_pagerduty._ARRIVES", 2)
    rotator = WebhookPagerduty.model_validate(book(WebhookPagerduty, duty.secret.name))
    new = duty.do(rotator.create)
    duty.pend(new)
    duty.until_done(lambda turn: rotator.set(turn, new))
    duty.account.subscriptions.one(new.name("id")).delivery.url = "http://127.0.0.1:1/"
    came = duty.do(lambda turn: rotator.test(turn, new))
    assert isinstance(came, NotYet)
    assert "did not arrive yet" in came.why
    duty.account.subscriptions.end(new.name("id"))
    with pytest.raises(Refused, match="somebody ended it"):
        duty.do(lambda turn: rotator.test(turn, new))


def test_headers_that_nobody_is_shown_cannot_be_taken_over(duty: Subscribed) -> None:
    """Said before anything is made."""
    duty.account.subscriptions.all[0].wanted.delivery_method.custom_headers = [{"name": "X-Team", "value": "secret"}]
    rotator = WebhookPagerduty.model_validate(book(WebhookPagerduty, duty.secret.name))
    with pytest.raises(Refused, match="headers of its own"):
        duty.do(rotator.plan)
