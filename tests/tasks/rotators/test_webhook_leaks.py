"""A webhook's secret that leaked is replaced whatever somebody did to the old one, and whichever gateway is down."""

import json

import httpx
import pytest

from tasks.rotators.rotator import Done
from tasks.rotators.webhook_pagerduty import WebhookPagerduty
from tasks.rotators.webhook_slack import WebhookSlack
from tests.tasks.rotators.webhook_desk import NEW, Desk, Subscribed, book
from tminus.errors import CouldNotObserve, Refused


def test_a_gateway_that_is_down_holds_no_leak_up(slack: Desk) -> None:
    """It lets nobody in; the census says what it did not see, also where no gateway answers."""
    slack.endpoints["gone"] = {"url": "http://127.0.0.1:1"}
    rotator = WebhookSlack.model_validate(book(WebhookSlack, slack.secret.name, gateways=["gateway", "gone"]))
    new = slack.do(rotator.create, given=NEW)
    slack.pend(new)
    with pytest.raises(CouldNotObserve, match="gone"):
        slack.until_done(lambda turn: rotator.set(turn, new))
    with pytest.raises(CouldNotObserve, match="gone"):
        slack.do(lambda turn: rotator.census(turn, turn.old))
    slack.at_once = True
    assert "gone" in slack.do(lambda turn: rotator.census(turn, turn.old)).blind
    slack.until_done(lambda turn: rotator.set(turn, new))
    assert slack.knocking.press(NEW) == 200
    slack.until_done(lambda turn: rotator.test(turn, new))
    nobody = WebhookSlack.model_validate(book(WebhookSlack, slack.secret.name, gateways=["gone"]))
    assert "gone" in slack.do(lambda turn: nobody.census(turn, turn.old)).blind
    with pytest.raises(CouldNotObserve, match="gone"):
        slack.do(lambda turn: nobody.set(turn, new))


def test_a_gateway_that_knows_the_leaked_secret_no_more_is_no_trouble(slack: Desk) -> None:
    """Somebody took its stage away: without a leak it would be needed still."""
    rotator = WebhookSlack.model_validate(book(WebhookSlack, slack.secret.name))
    new = slack.do(rotator.create, given=NEW)
    slack.pend(new)
    slack.promote()
    slack.forget()
    with pytest.raises(Refused, match="refuses what the old secret signed"):
        slack.until_done(lambda turn: rotator.set(turn, new))
    slack.at_once = True
    slack.until_done(lambda turn: rotator.set(turn, new))


def test_a_subscription_that_was_ended_by_hand_is_replaced_by_one_that_a_person_makes(duty: Subscribed) -> None:
    """Nobody knows what it sent any more, so it is said what to make; it is proven as any other, and the old is off."""
    rotator = WebhookPagerduty.model_validate(book(WebhookPagerduty, duty.secret.name))
    old = duty.old.name("id")
    like = duty.account.subscriptions.one(old).wanted.model_dump(mode="json", exclude_none=True)
    duty.account.subscriptions.end(old)
    with pytest.raises(Refused, match=f"no subscription {old}.*rotate hooks --given"):
        duty.do(rotator.plan)
    duty.at_once = True
    way = duty.do(rotator.plan)
    assert "--at-once --given" in way["not seen"]
    with pytest.raises(Refused, match="--at-once --given"):
        duty.do(rotator.create)
    headers = {"Authorization": "Token token=canary-rest-token"}
    url = f"{duty.pagerduty}/webhook_subscriptions"
    made = httpx.post(url, json={"webhook_subscription": like}, headers=headers, trust_env=False).json()
    second = made["webhook_subscription"]
    for wrong in ({"id": old, "secret": "x"}, {"id": "PNOBODY", "secret": "x"}):
        with pytest.raises(Refused, match="give the"):
            duty.do(rotator.create, given=json.dumps(wrong))
    given = json.dumps({"id": second["id"], "secret": second["delivery_method"]["secret"]})
    new = duty.do(rotator.create, given=given)
    duty.pend(new)
    for act in (rotator.set, rotator.test):
        duty.until_done(lambda turn, act=act: act(turn, new))  # type: ignore[misc]
    duty.promote()
    for act in (rotator.off, rotator.drop):
        done = duty.do(lambda turn, act=act: act(turn, new))  # type: ignore[misc]
        assert isinstance(done, Done)
        assert done.already
    assert duty.active == {second["id"]: True}


@pytest.mark.parametrize("ended", [False, True])
def test_nobody_keeps_what_leaked_on_by_the_new_subscription(duty: Subscribed, *, ended: bool) -> None:
    """Switched off by somebody, it is on again; ended, the old one goes all the same."""
    rotator = WebhookPagerduty.model_validate(book(WebhookPagerduty, duty.secret.name))
    new = duty.do(rotator.create)
    if ended:
        duty.account.subscriptions.end(new.name("id"))
    with pytest.raises(Refused, match="the old one stays on"):
        duty.do(lambda turn: rotator.off(turn, new))
    duty.at_once = True
    assert isinstance(duty.do(lambda turn: rotator.off(turn, new)), Done)
    assert duty.active == {duty.old.name("id"): False, **({} if ended else {new.name("id"): True})}
