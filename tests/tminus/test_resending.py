"""Dead letters made due again: what still says something arrives once, at its place; nothing else moves."""

from pathlib import Path

import pytest

from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.tminus.carrying import carry, living, note, send, shown
from tests.tminus.staged_launch import Stage
from tminus.environment import PagerDuty, Slack
from tminus.errors import UsageError
from tminus.messages.forms import PagerDutyLetter
from tminus.outbox import Outbox
from tminus.pagerduty_channel import PagerDutyChannel
from tminus.resending import Came, dead_letters, resend
from tminus.slack_channel import SlackChannel


@pytest.fixture
def stage(tmp_path: Path, slack_settings: dict[str, object], pagerduty_settings: dict[str, object]) -> Stage:
    """A launch with both; its board is due."""
    return Stage.set(tmp_path, slack=slack_settings, pagerduty=pagerduty_settings)


@pytest.fixture
def to_slack(slack_settings: dict[str, object]) -> SlackChannel:
    """The way to the stand-in."""
    return SlackChannel(Slack.model_validate(slack_settings))


def kill(stage: Stage, key: str = "%", channel: str = "slack") -> list[int]:
    """Lets what waits on a channel be dead; returns its numbers."""
    rows = stage.store.run(
        "UPDATE outbox SET state = 'dead', attempts = 400, error = 'refused' "
        "WHERE state = 'due' AND channel = :channel AND key LIKE :key RETURNING id",
        {"channel": channel, "key": key},
    )
    return sorted(int(str(row[0])) for row in rows)


def states(stage: Stage) -> list[str]:
    """How every letter stands."""
    return [str(row[0]) for row in stage.store.look("SELECT state FROM outbox ORDER BY id", {})]


def test_a_dead_letter_arrives_once_and_at_its_place(stage: Stage, slack: SlackStandIn, to_slack: SlackChannel) -> None:
    """Before those that wait behind it; a second time it is not sent."""
    carry(stage, to_slack)
    send(stage, note("first"))
    (dead,) = kill(stage)
    send(stage, note("second"), note("third"))
    assert [one.came for one in resend(stage.store, [dead])] == [Came.DUE]
    carry(stage, to_slack)
    assert shown(slack, thread=True) == ["first", "second", "third"]
    assert [one.came for one in resend(stage.store, [dead])] == [Came.LEFT]
    carry(stage, to_slack)
    assert shown(slack, thread=True) == ["first", "second", "third"]


def test_one_that_arrived_though_nobody_heard_is_not_posted_twice(
    stage: Stage, slack: SlackStandIn, to_slack: SlackChannel, monkeypatch: pytest.MonkeyPatch, slack_settings: object
) -> None:
    """Its answers were lost until it was dead: Slack is asked first whether it is there."""
    monkeypatch.setattr("tminus.slack_channel._TIMEOUT", 1)
    carry(stage, to_slack)
    slack.faults.set(Fault(mode="slow", seconds=2, times=1))
    send(stage, note("once"))
    carry(stage, SlackChannel(Slack.model_validate(slack_settings)))
    slack.faults.set(Fault(mode="none"))
    resend(stage.store, kill(stage))
    carry(stage, to_slack)
    assert (shown(slack, thread=True), Outbox(stage.store).unsent()) == (["once"], [])


def test_of_a_living_message_only_the_newest_counts(stage: Stage, slack: SlackStandIn, to_slack: SlackChannel) -> None:
    """An older dead version never overwrites a newer one, whether that arrived, waits, or was dead too."""
    carry(stage, to_slack)
    send(stage, living("old"))
    (old,) = kill(stage)
    send(stage, living("newer"))
    carry(stage, to_slack)
    (done,) = resend(stage.store, [old])
    assert (done.came, "letter " in done.why) == (Came.OVER, True)
    send(stage, living("dead too"), living("the newest"))
    two = kill(stage)
    assert [one.came for one in resend(stage.store, two)] == [Came.OVER, Came.DUE]
    carry(stage, to_slack)
    assert shown(slack, thread=False) == ["the newest"]
    assert dead_letters(stage.store) == []


def test_nobody_is_woken_for_what_is_over(
    stage: Stage, pagerduty: PagerDutyStandIn, pagerduty_settings: dict[str, object]
) -> None:
    """A dead trigger whose incident was resolved since stays away; a change event of its key stands for itself."""
    channel = PagerDutyChannel(PagerDuty.model_validate(pagerduty_settings))
    send(stage, PagerDutyLetter(op="change", summary="it goes back").letter("rollback"))
    send(stage, PagerDutyLetter(op="trigger", summary="it goes back").letter("rollback"))
    dead = kill(stage, channel="pagerduty")
    send(stage, PagerDutyLetter(op="resolve", summary="over").letter("rollback"))
    carry(stage, channel, "pagerduty")
    assert [one.came for one in resend(stage.store, dead)] == [Came.DUE, Came.OVER]
    carry(stage, channel, "pagerduty")
    channel.close()
    assert pagerduty.account.incidents == []
    assert len(pagerduty.account.change_events) == 1


def test_an_unknown_number_changes_nothing(stage: Stage) -> None:
    """Not even for the numbers beside it that are known."""
    (dead,) = kill(stage)
    before = states(stage)
    with pytest.raises(UsageError, match="no letter 4711"):
        resend(stage.store, [dead, 4711])
    assert states(stage) == before


def test_dead_letters_of_one_launch(stage: Stage) -> None:
    """Those of another are not among them."""
    dead = kill(stage)
    assert dead_letters(stage.store) == dead_letters(stage.store, stage.frozen.created.launch) == dead
    assert dead_letters(stage.store, "another") == []
