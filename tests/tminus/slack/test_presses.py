"""What people press in Slack: what counts is recorded, and the rest is refused and told why."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.tminus.slack_room import Room, eventually
from tests.tminus.staged_launch import LAUNCH, Stage
from tests.tminus.told_stories import held
from tminus import asking
from tminus import events as ev


class TestPresses:
    """What counts."""

    def test_the_go_is_given_by_three_buttons(self, channel: Room, stage: Stage) -> None:
        """Each is told that it is recorded, the message shows it, and the person in two roles sits where needed."""
        for person in ("both", "devops", "engineering"):
            assert channel.press(person, "approve").startswith("Recorded: ")
            channel.show()
        assert asking.judge(stage.book.refresh().asks["go-no-go"], stage.frozen.people).met
        assert {answer.via for answer in stage.book.record.asks["go-no-go"].answers} == {"slack"}
        assert channel.count("accepted") == 3

    def test_a_hold_by_button(self, channel: Room, stage: Stage) -> None:
        """It asks nothing back."""
        assert channel.press("security", "hold") == "Recorded: Security lead hold."
        assert isinstance(stage.book.refresh().held, ev.Ordered)

    def test_the_board_rolls_back_by_those_who_may(self, channel: Room, stage: Stage) -> None:
        """The button appears with the change; the book's roles decide who may press it."""
        stage.begin_change()
        channel.show()
        assert "may not roll back" in channel.press("product", "rollback")
        assert channel.press("devops", "rollback").startswith("Recorded: ")
        assert stage.book.refresh().must_roll_back

    def test_the_board_scrubs_before_a_change_and_an_old_button_does_not_after_it(
        self, channel: Room, stage: Stage
    ) -> None:
        """Whoever looks at a message from before the change is asked to press the other button."""
        old = channel.payload("devops", "scrub")
        stage.begin_change()
        assert channel.send(old).status_code == 200
        eventually(lambda: len(channel.told("devops")) == 1)
        assert "Roll back is the button now" in channel.told("devops")[0]
        assert stage.book.refresh().scrubbed is None

    def test_the_board_scrubs(self, channel: Room, stage: Stage) -> None:
        """Before anything was changed, by anyone who takes part."""
        assert channel.press("product", "scrub").startswith("Recorded: ")
        assert stage.book.refresh().scrubbed is not None


class TestRefusals:
    """What Slack sent and what does not count: told to the person, and written down with its reason."""

    @pytest.mark.parametrize(
        ("person", "value", "reason"),
        [
            ("U0STRANGER", None, "Slack's U0STRANGER is nobody in this launch's people.yaml"),
            ("product", None, "Product manager has the roles product_manager; asked are"),
            ("starter", None, "Release manager started this launch, and nobody approves their own"),
            ("devops", f"{LAUNCH}|lunch|devops_lead|sha256:1", "nothing called 'lunch' was asked in this launch"),
            ("devops", f"{LAUNCH}|go-no-go|devops_lead|sha256:old", "what was asked has changed since"),
            ("devops", LAUNCH, "nothing called '' was asked in this launch"),
        ],
        ids=["nobody", "role", "own", "ask", "digest", "value"],
    )
    def test_a_press_that_does_not_count(
        self, channel: Room, stage: Stage, person: str, value: str | None, reason: str
    ) -> None:
        """The same reason in the ledger and in the answer that only this person sees."""
        told = channel.press(person, "approve", value=value)
        assert told.startswith("This does not count: ")
        assert reason in told
        (refusal,) = stage.refusals()
        assert reason in refusal.why
        assert refusal.via == "slack"
        assert stage.book.record.asks["go-no-go"].answers == []

    def test_an_unknown_launch_is_told_and_opens_nothing(self, channel: Room, stage: Stage) -> None:
        """There is no ledger page to write it on."""
        told = channel.press("devops", "approve", value="nowhere|go-no-go|devops_lead|sha256:1")
        assert "no launch is called 'nowhere'" in told
        assert stage.store.chains() == [LAUNCH]

    def test_a_second_click_is_told_so(self, channel: Room, stage: Stage) -> None:
        """Two clicks are two requests to Slack; the second one changes nothing."""
        first, second = (channel.payload("devops", "approve") for _ in range(2))
        for payload in (first, second):
            assert channel.send(payload).status_code == 200
        eventually(lambda: len(channel.told("devops")) == 2)
        assert "already said approve" in channel.told("devops")[1]
        assert len(stage.book.refresh().asks["go-no-go"].answers) == 1

    @pytest.mark.parametrize(
        ("end", "reason"),
        [
            (lambda stage: stage.end_ask(), " was decided at"),
            (lambda stage: stage.close(), "the launch is over: GO"),
            (lambda stage: stage.ask(deadline=timedelta(seconds=-1)), "the deadline was"),
        ],
        ids=["decided", "closed", "deadline"],
    )
    def test_a_late_click_is_told_why(
        self, channel: Room, stage: Stage, end: Callable[[Stage], object], reason: str
    ) -> None:
        """The message still showed the button when it was pressed; after the end nothing is written down any more."""
        payload = channel.payload("devops", "approve")
        end(stage)
        assert channel.send(payload).status_code == 200
        eventually(lambda: bool(channel.told("devops")))
        assert reason in channel.told("devops")[0]
        refused = stage.refusals()
        assert reason in refused[-1].why if stage.book.record.closed is None else refused == []

    def test_an_approval_of_what_has_changed_since_is_told_to_look_again(self, channel: Room, stage: Stage) -> None:
        """A check that failed in between makes it another question."""
        payload = channel.payload("devops", "approve")
        held(stage)
        stage.ask()
        channel.send(payload)
        eventually(lambda: bool(channel.told("devops")))
        assert "has changed since" in channel.told("devops")[0]

    def test_a_button_that_is_none_of_ours_is_not_repeated(self, channel: Room, stage: Stage) -> None:
        """Refused by a name of ours, whatever it calls itself."""
        payload = channel.payload("devops", "approve")
        payload["actions"][0]["action_id"] = "x" * 200  # type: ignore[index,call-overload]
        channel.send(payload)
        eventually(lambda: bool(stage.refusals()))
        assert "x" * 100 not in stage.refusals()[0].what
