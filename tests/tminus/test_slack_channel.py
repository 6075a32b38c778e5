"""Letters to Slack: in order, once where that can be had, later and saying so where it was down."""

from pathlib import Path

import pytest

from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.slack_arguments import SlackRefusal
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.tminus.carrying import DOWN, UP, at_once, carry, grow_old, living, note, send, shown
from tests.tminus.staged_launch import CHANNEL, LAUNCH, Stage
from tminus import events as ev
from tminus.courier import LATE
from tminus.environment import Slack
from tminus.ledger.store import Entry, Letter
from tminus.messages.forms import SlackLetter
from tminus.outbox import Outbox
from tminus.slack_channel import SlackChannel


@pytest.fixture
def stage(tmp_path: Path, slack_settings: dict[str, object]) -> Stage:
    """A launch with Slack alone; its first letter, the board, is due."""
    return Stage.set(tmp_path, slack=slack_settings)


@pytest.fixture
def to_slack(slack_settings: dict[str, object]) -> SlackChannel:
    """The way to the stand-in."""
    return SlackChannel(Slack.model_validate(slack_settings))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, slack_settings: dict[str, object]) -> SlackChannel:
    """The same, giving up after a second."""
    monkeypatch.setattr("tminus.slack_channel._TIMEOUT", 1)
    return SlackChannel(Slack.model_validate(slack_settings))


class TestSlackDown:
    """Slack does not answer for a while."""

    def test_everything_arrives_later_in_order_and_says_that_it_is_late(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """All notes, and of the living message only how things are now."""
        slack.faults.set(DOWN)
        for number in range(1, 4):
            send(stage, living(f"version {number}"), note(f"note {number}"))
        assert carry(stage, to_slack) == 0
        slack.faults.set(UP)
        grow_old(stage, 90)
        at_once(stage)
        carry(stage, to_slack)
        late = "(This is late by 90 s: it could not be sent when it happened.)"
        assert shown(slack, thread=True) == [f"note {number} {late}" for number in range(1, 4)]
        assert shown(slack, thread=False) == [f"version 3 {late}"]
        posts = [call.method for call in slack.record.calls if call.ok and call.method.startswith("chat.")]
        assert posts == ["chat.postMessage"] * 3 + ["chat.update", "chat.postMessage"]
        assert Outbox(stage.store).unsent() == []

    def test_on_time_nothing_says_that_it_is_late(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """A letter that is a little old is not called late."""
        send(stage, note("on time"))
        grow_old(stage, LATE / 2)
        carry(stage, to_slack)
        assert shown(slack, thread=True) == ["on time"]

    def test_it_waits_as_long_as_slack_asks(self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel) -> None:
        """429 with Retry-After: not tried before, and one request a time."""
        slack.faults.set(Fault(mode="rate_limited", retry_after=120))
        assert carry(stage, to_slack) == 0
        ((due,),) = stage.store.look("SELECT due - clock() FROM outbox", {})
        assert 100 < float(str(due)) <= 120
        assert len(slack.record.calls) == 1

    def test_nor_does_another_launch_knock_meanwhile(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel, slack_settings: dict[str, object]
    ) -> None:
        """One request in all, whoever carries; when it is over everything arrives."""
        for launch in ("another", "third"):
            stage.store.open_chain(launch)
            alone = SlackLetter(text=f"of {launch}").letter(f"note-{launch}")
            stage.store.append(Entry(launch, ev.write(ev.PhaseEnded(phase="T-4h")), letters=[alone]))
        slack.faults.set(Fault(mode="rate_limited", retry_after=120, times=1))
        assert carry(stage, to_slack) == 0
        assert carry(stage, SlackChannel(Slack.model_validate(slack_settings))) == 0
        assert len(slack.record.calls) == 1
        at_once(stage)
        assert carry(stage, to_slack) == 3

    def test_too_many_without_a_number_is_a_second(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """Slack says it in the body, too, and something in between may take the header away."""

        def refuse(*_: object) -> dict[str, object]:
            raise SlackRefusal("ratelimited")

        slack._methods = {**slack._methods, "chat.postMessage": refuse}
        assert carry(stage, to_slack) == 0
        assert 0 < Outbox(stage.store).paused()[stage.frozen.environment.environment, "slack"] <= 1

    @pytest.mark.parametrize("error", ["not_in_channel", "token_revoked", "missing_scope"])
    def test_what_somebody_can_mend_is_tried_again(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel, error: str
    ) -> None:
        """A bot that was thrown out of the channel loses no message for it."""

        def refuse(*_: object) -> dict[str, object]:
            raise SlackRefusal(error)

        right = slack._methods
        slack._methods = {**right, "chat.postMessage": refuse}
        assert carry(stage, to_slack) == 0
        ((state, said),) = stage.store.look("SELECT state, error FROM outbox", {})
        assert (state, said) == ("due", f"Slack: {error}")
        slack._methods = right
        at_once(stage)
        assert carry(stage, to_slack) == 1


class TestOnce:
    """A post whose answer never came is not posted again."""

    @pytest.mark.parametrize("in_thread", [False, True], ids=["in the channel", "in a thread"])
    def test_a_post_that_arrived_after_all_is_found_by_its_metadata(
        self, stage: Stage, slack: SlackStandIn, impatient: SlackChannel, *, in_thread: bool
    ) -> None:
        """The client gave up, the message stood there: once, and its receipt is known."""
        if in_thread:
            carry(stage, impatient)
            send(stage, note("in doubt"))
        slack.faults.set(Fault(mode="slow", seconds=3, times=1))
        assert carry(stage, impatient) == 0
        at_once(stage)
        assert carry(stage, impatient) == 1
        found = [one.ts for one in slack.workspace.lasting(CHANNEL) if (one.thread_ts is not None) == in_thread]
        key = "note-in doubt" if in_thread else "board"
        assert [Outbox(stage.store).receipt(LAUNCH, "slack", key)] == found

    def test_a_post_that_did_not_arrive_is_posted(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """Looking first does not mean never posting."""
        slack.faults.set(Fault(mode="down", times=1))
        assert carry(stage, to_slack) == 0
        at_once(stage)
        assert carry(stage, to_slack) == 1
        assert len(shown(slack, thread=False)) == 1

    def test_the_client_itself_repeats_nothing(self, to_slack: SlackChannel) -> None:
        """Its own retry on a broken connection would post twice without knowing."""
        assert to_slack._client.retry_handlers == []

    def test_where_it_may_not_read_the_channel_it_posts(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """Rather twice than never."""

        def refuse(*_: object) -> dict[str, object]:
            raise SlackRefusal("missing_scope")

        slack._methods = {**slack._methods, "conversations.history": refuse}
        slack.faults.set(Fault(mode="down", times=1))
        carry(stage, to_slack)
        at_once(stage)
        assert carry(stage, to_slack) == 1


class TestWrongLetters:
    """One that Slack will never take."""

    def test_it_dies_and_those_behind_it_arrive(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """invalid_blocks is written down with Slack's own words, and nothing waits for it."""
        carry(stage, to_slack)
        wrong = SlackLetter(text="x", blocks=[{"type": "carousel"}]).letter("wrong")
        send(stage, wrong, Letter("slack", "no letter", "{}"), note("behind it"))
        assert carry(stage, to_slack) == 1
        assert shown(slack, thread=True) == ["behind it"]
        dead = [(row[3], row[4], str(row[6])) for row in Outbox(stage.store).unsent()]
        assert [(key, state) for key, state, _ in dead] == [("wrong", "dead"), ("no letter", "dead")]
        assert dead[0][2].startswith("Slack: invalid_blocks [ERROR] unsupported type")

    def test_a_note_whose_board_never_arrived_stands_on_its_own(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """It names its launch; once there is a board again, notes stand under it."""
        stage.store.run("UPDATE outbox SET state = 'dead'", {})
        send(stage, note("alone"), living("a board"), note("under it"))
        carry(stage, to_slack)
        assert shown(slack, thread=False) == [f"{LAUNCH}: alone", "a board"]
        assert shown(slack, thread=True) == ["under it"]

    def test_a_deleted_board_is_posted_anew_and_notes_find_it(
        self, stage: Stage, slack: SlackStandIn, to_slack: SlackChannel
    ) -> None:
        """Somebody tidied the channel up: nothing dies of it."""
        carry(stage, to_slack)
        for message in slack.workspace.lasting(CHANNEL):
            message.deleted = True
        send(stage, note("homeless"), living("a new board"), note("under it"))
        assert carry(stage, to_slack) == 3
        assert shown(slack, thread=False) == [f"{LAUNCH}: homeless", "a new board"]
        assert shown(slack, thread=True) == ["under it"]
