"""PagerDuty's webhook secret: a second subscription takes over, and some subscription always sends."""

import logging

import pytest

from tasks.rotators.rotator import Done, NotYet
from tasks.rotators.webhook_pagerduty import WebhookPagerduty
from tests.tasks.rotators.webhook_desk import ROTATION, TOKEN, Subscribed, book
from tminus.errors import Refused


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
