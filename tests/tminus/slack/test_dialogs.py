"""Reject and Waive ask for a reason: the dialog opens at once, and what is handed in counts or is told why not."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.rehearsal.block_kit_check import view_mistakes
from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.slack_board import Shown
from deployments.rehearsal.slack_presses import Presses
from deployments.rehearsal.slack_workspace import Message
from tests.tminus.slack_room import Room, eventually
from tests.tminus.staged_launch import CHANNEL, LAUNCH, Stage
from tests.tminus.told_stories import held, order
from tminus import events as ev
from tminus.clock import now
from tminus.digests import failure_digest
from tminus.messages.slack_dialog import REJECT, WAIVE, Carried, dialog
from tminus.outcome import Outcome
from tminus.slack_payload import Malformed

STEP = "services-healthy"


def in_days(days: int) -> str:
    """A day from today on, as a date picker gives it."""
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


class TestReject:
    """A no, with its reason."""

    def test_a_no_is_recorded_with_its_reason(self, channel: Room, stage: Stage) -> None:
        """Pressing alone records nothing; handing in does, and the person alone is told."""
        view = channel.dialog("product", "reject")
        assert stage.book.refresh().asks["go-no-go"].answers == []
        told = channel.hand_in("product", view, reason="  the payments team is away ")
        assert told == "Recorded: Product manager reject."
        (answer,) = stage.book.refresh().asks["go-no-go"].answers
        assert (answer.person, answer.answer, answer.reason) == ("product", "reject", "the payments team is away")
        assert (answer.via, channel.count("asked_back"), channel.count("accepted")) == ("slack", 1, 1)

    def test_the_dialog_opens_while_the_ledger_does_not_answer(self, channel: Room, stage: Stage) -> None:
        """It needs nothing but what the button carries; what is handed in then is told that it was not recorded."""
        payload = channel.payload("devops", "reject")
        stage.store.close()
        assert channel.send(payload).status_code == 200
        eventually(lambda: bool(channel.slack.views.shown_to(channel.member("devops"))))
        (view,) = channel.slack.views.shown_to(channel.member("devops"))
        assert channel.hand_in("devops", view, reason="no").startswith("This was NOT recorded")

    @pytest.mark.parametrize("reason", [" ", "\u2003\n", "\t"])
    def test_a_blank_reason_is_said_in_the_dialog_itself(self, channel: Room, stage: Stage, reason: str) -> None:
        """It stays open; nothing is recorded and nothing else is told."""
        view = channel.dialog("devops", "reject")
        answer = channel.send(channel.submission("devops", view, reason=reason))
        assert answer.status_code == 200
        assert answer.json()["response_action"] == "errors"
        assert set(answer.json()["errors"]) == {"reason"}
        eventually(lambda: channel.count("refused") == 1)
        assert stage.book.refresh().asks["go-no-go"].answers == []
        assert channel.told("devops") == []

    @pytest.mark.parametrize(
        ("person", "end", "reason"),
        [
            ("starter", lambda stage: stage.end_ask(), " was decided at"),
            ("starter", lambda stage: stage.close(), "the launch is over"),
            ("U0STRANGER", Stage.refusals, "is nobody in this launch's people.yaml"),
        ],
        ids=["decided", "closed", "stranger"],
    )
    def test_what_does_not_count_any_more_is_told_why(
        self, channel: Room, stage: Stage, person: str, end: Callable[[Stage], object], reason: str
    ) -> None:
        """While they were typing somebody decided, say: the dialog is closed, and they alone read why."""
        view = channel.dialog(person, "reject")
        end(stage)
        told = channel.hand_in(person, view, reason="no")
        assert told.startswith("This does not count: ")
        assert reason in told

    def test_a_no_counts_though_the_question_changed_while_its_reason_was_typed(
        self, channel: Room, stage: Stage
    ) -> None:
        """It is safe whatever is asked; where the question itself was taken back, there is nothing to say no to."""
        view = channel.dialog("starter", "reject")
        held(stage)
        stage.ask()
        assert channel.hand_in("starter", view, reason="no").startswith("Recorded: ")
        assert [one.answer for one in stage.standing()] == ["reject"]

    def test_a_no_to_what_was_taken_back_is_told_so(self, channel: Room, stage: Stage) -> None:
        """Also once it is asked anew: that is another question, which they have not seen."""
        view, again = channel.dialog("starter", "reject"), channel.dialog("devops", "reject")
        order(stage, "recycle")
        assert "will be asked anew" in channel.hand_in("starter", view, reason="no")
        held(stage)
        stage.ask()
        assert "what was asked has changed since" in channel.hand_in("devops", again, reason="no")

    def test_a_replayed_dialog_counts_once(self, channel: Room, stage: Stage) -> None:
        """The same request again is refused like any other."""
        view = channel.dialog("devops", "reject")
        payload = channel.submission("devops", view, reason="no")
        moment = datetime.now(UTC).timestamp()
        assert channel.send(payload, at=moment).status_code == 200
        eventually(lambda: channel.count("accepted") == 1)
        assert channel.send(payload, at=moment).status_code == 401
        assert len(stage.book.refresh().asks["go-no-go"].answers) == 1


class TestNoDialog:
    """Slack does not open it."""

    @pytest.mark.parametrize("fault", ["down", "rate_limited"])
    def test_the_command_line_is_named_and_nothing_is_recorded(self, channel: Room, stage: Stage, fault: str) -> None:
        """Whoever pressed is told so where Slack takes that much."""
        payload = channel.payload("devops", "reject")
        channel.slack.faults.set(Fault.model_validate({"mode": fault, "times": 1}))
        assert channel.send(payload).status_code == 200
        eventually(lambda: bool(channel.told("devops")))
        (told,) = channel.told("devops")
        assert told.startswith("Nothing is recorded: the dialog could not be opened")
        assert f"tminus reject {LAUNCH} --ask go-no-go --reason WHY" in told
        assert stage.book.refresh().asks["go-no-go"].answers == []
        assert channel.count("failed") == 1

    def test_a_trigger_that_is_used_up_opens_nothing(self, channel: Room) -> None:
        """The same press once more, under another signature."""
        payload = channel.payload("devops", "reject")
        channel.send(payload)
        eventually(lambda: channel.count("asked_back") == 1)
        channel.send(payload, at=datetime.now(UTC).timestamp() - 2)
        eventually(lambda: bool(channel.told("devops")))
        assert "invalid_trigger_id" in channel.told("devops")[0]

    @pytest.mark.long
    def test_a_slack_that_hangs_is_not_waited_for(self, channel: Room) -> None:
        """The trigger lives three seconds; after that the person is told."""
        payload = channel.payload("devops", "reject")
        channel.slack.faults.set(Fault(mode="slow", seconds=5, times=1))
        assert channel.send(payload).status_code == 200
        eventually(lambda: bool(channel.told("devops")))
        assert "tminus reject" in channel.told("devops")[0]

    @pytest.mark.parametrize("value", ["", LAUNCH, "x" * 1990 + "|" + "y", '"' * 1400 + "|a|b|" + '"' * 190])
    def test_a_button_that_says_too_little_or_too_much(self, channel: Room, stage: Stage, value: str) -> None:
        """No dialog, no crash, nothing recorded."""
        payload = channel.payload("devops", "reject", value=value)
        assert channel.send(payload).status_code in {200, 400}
        eventually(lambda: channel.count("refused") + channel.count("asked_back") + channel.count("malformed") == 1)
        assert stage.book.refresh().asks["go-no-go"].answers == []


class TestWaive:
    """A step is accepted as it is, until a day."""

    @pytest.fixture
    def blocked(self, channel: Room, stage: Stage) -> Room:
        """A step holds the launch."""
        held(stage, STEP)
        channel.show()
        return channel

    def test_a_waiver_is_recorded_until_the_end_of_its_day(self, blocked: Room, stage: Stage) -> None:
        """With its reason; it lets go of what the step held."""
        view = blocked.dialog("devops", "waive")
        told = blocked.hand_in("devops", view, reason="known, harmless", until=in_days(3))
        assert told == f"Recorded: DevOps lead, first shift waive {STEP} until {in_days(3)} 23:59:59 UTC."
        waiver = stage.book.refresh().waivers[STEP]
        assert waiver.until is not None
        assert (waiver.reason, waiver.until.isoformat()) == ("known, harmless", f"{in_days(3)}T23:59:59+00:00")
        assert stage.book.record.held is None

    def test_a_day_that_is_over_is_said_in_the_dialog(self, blocked: Room, stage: Stage) -> None:
        """Today counts, yesterday does not."""
        view = blocked.dialog("devops", "waive")
        answer = blocked.send(blocked.submission("devops", view, reason="known", until=in_days(-1)))
        assert set(answer.json()["errors"]) == {"until"}
        assert stage.book.refresh().waivers == {}
        assert blocked.hand_in("devops", view, reason="known", until=in_days(0)).startswith("Recorded")

    def test_who_may_not_waive_is_told_so(self, blocked: Room, stage: Stage) -> None:
        """The book says who may, or the step's owner."""
        view = blocked.dialog("product", "waive")
        assert "may not waive" in blocked.hand_in("product", view, reason="please", until=in_days(1))
        assert stage.book.refresh().waivers == {}

    def test_the_button_is_there_only_while_a_waiver_would_count(self, blocked: Room, stage: Stage) -> None:
        """Once the step is tried again there is nothing to waive."""
        view = blocked.dialog("devops", "waive")
        order(stage, "retry", step=STEP)
        blocked.show()
        with pytest.raises(AssertionError, match="no message shows"):
            blocked.payload("devops", "waive")
        assert "has not failed" in blocked.hand_in("devops", view, reason="x", until=in_days(1))

    def test_of_two_that_hold_each_can_be_waived(self, blocked: Room, stage: Stage) -> None:
        """Waiving one leaves the other's hold on the board, and its button."""
        other = "no-known-vulnerability"
        held(stage, other)
        blocked.show()
        first = f"{LAUNCH}|{STEP}|{failure_digest(stage.book.record.step(STEP))}"
        view = blocked.dialog("devops", "waive", value=first)
        assert blocked.hand_in("devops", view, reason="x", until=in_days(1)).startswith("Recorded")
        blocked.show()
        (top, *_rest) = blocked.slack.workspace.lasting("C0LAUNCHES")
        assert f"HELD. {other}" in top.text
        values = [one["value"] for block in top.blocks for one in block.get("elements", []) if "value" in one]  # type: ignore[union-attr,operator]
        assert f"{LAUNCH}|{other}|{failure_digest(stage.book.refresh().step(other))}" in values
        assert first not in values

    def test_it_is_of_the_failure_that_was_seen_and_recorded_with_it(self, blocked: Room, stage: Stage) -> None:
        """Tried again while the dialog was open, it fails for another reason: that was seen by nobody."""
        view, seen = blocked.dialog("devops", "waive"), failure_digest(stage.book.record.step(STEP))
        order(stage, "retry", step=STEP)
        stage.end_step(STEP, Outcome.failed("p95 900 ms instead of 200"))
        stage.book.write(ev.Held(why=f"{STEP} failed", step=STEP))
        told = blocked.hand_in("devops", view, reason="known, harmless", until=in_days(1))
        assert told == (
            f"This does not count: {STEP} failed anew since you saw it: "
            "then attempt 1, fail: healthy 4 of 6, expected = all; "
            "now attempt 2, fail: p95 900 ms instead of 200. Look at it, and waive it if that is right"
        )
        assert stage.book.refresh().waivers == {}
        blocked.show()
        again = blocked.dialog("devops", "waive")
        assert blocked.hand_in("devops", again, reason="that too", until=in_days(1)).startswith("Recorded")
        waiver = stage.book.refresh().waivers[STEP]
        assert waiver.digest.startswith("sha256:")
        assert waiver.digest != seen

    def test_what_passed_and_failed_again_failed_anew(self, blocked: Room, stage: Stage) -> None:
        """In the very same words: it is another failure, which its author has not seen."""
        view = blocked.dialog("devops", "waive")
        order(stage, "retry", step=STEP)
        stage.end_step(STEP, Outcome.passed("healthy 6 of 6"))
        assert "has not failed" in blocked.hand_in("devops", view, reason="x", until=in_days(1))
        held(stage, STEP)
        assert "failed anew since you saw it" in blocked.hand_in("devops", view, reason="x", until=in_days(1))
        assert stage.book.refresh().waivers == {}

    @pytest.mark.parametrize("digest", ["", "|", f"|sha256:{'0' * 64}"])
    def test_a_button_that_says_not_which_waives_nothing(self, blocked: Room, stage: Stage, digest: str) -> None:
        """One of an older message, or one that somebody made up."""
        view = blocked.dialog("devops", "waive", value=f"{LAUNCH}|{STEP}{digest}")
        told = blocked.hand_in("devops", view, reason="x", until=in_days(1))
        assert "does not say which failure" in told or "then another failure; now attempt 1" in told
        assert stage.book.refresh().waivers == {}

    def test_who_started_the_launch_waives_nothing(self, blocked: Room, stage: Stage) -> None:
        """Though their role could; who else could is named."""
        view = blocked.dialog("starter", "waive")
        told = blocked.hand_in("starter", view, reason="please", until=in_days(1))
        assert "Release manager started this launch, and nobody approves their own" in told
        assert stage.book.refresh().waivers == {}


class TestViews:
    """Whatever a button carries, Slack takes the dialog, and it comes back as it went."""

    @given(
        launch=st.text(min_size=1, max_size=900).filter(lambda text: "|" not in text),
        about=st.text(min_size=1, max_size=900).filter(lambda text: "|" not in text),
        action=st.sampled_from([REJECT, WAIVE]),
    )
    def test_any_button_gives_a_view_that_slack_takes(self, launch: str, about: str, action: str) -> None:
        """Or says that it cannot."""
        try:
            carried = Carried.by(action, f"{launch}|{about}|role|sha256:1", "C0LAUNCHES")
        except Malformed:
            return
        view = json.loads(json.dumps(dialog(action, carried, now())))
        assert view_mistakes(view) == []
        assert Carried.model_validate_json(view["private_metadata"]) == carried


async def test_a_simulated_no_goes_through_the_dialog_too(channel: Room, stage: Stage) -> None:
    """The rehearsal's people press, fill the dialog in, and hand it in."""
    shown = [one for one in channel.slack.workspace.lasting(CHANNEL) if one.metadata]
    question = next(Shown(channel=CHANNEL, ts=shown[-1].ts, **shown_as(shown[-1])).questions())
    async with httpx.AsyncClient(trust_env=False) as client:
        presses = Presses(client, channel.slack_url, channel.door, channel.secret)
        assert await presses.press(channel.member("devops"), question, "tminus.reject") == 200
    eventually(lambda: channel.count("accepted") == 1)
    (answer,) = stage.book.refresh().asks["go-no-go"].answers
    assert (answer.answer, answer.reason) == ("reject", "so it is rehearsed")


def shown_as(message: Message) -> dict[str, Any]:
    """A message's blocks and metadata, as the control route shows them."""
    return {"blocks": message.blocks, "metadata": message.metadata}
