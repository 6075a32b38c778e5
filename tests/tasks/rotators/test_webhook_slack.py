"""Slack's signing secret: a running gateway takes what either secret signed, and the old one no more in the end."""

import logging
import time

import httpx
import pytest

from tasks.rotators.rotator import Done, NotYet
from tasks.rotators.webhook_slack import WebhookSlack
from tests.staged_secrets import nobody_overtook
from tests.tasks.rotators.webhook_desk import NEW, OLD, Desk, book
from tminus.errors import CouldNotObserve, NotConfigured, Refused


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
