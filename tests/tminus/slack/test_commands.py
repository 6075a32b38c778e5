"""`/tminus` in Slack: acknowledged at once, answered for one person's eyes, and let in like everything else."""

import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from deployments.rehearsal.slack_presses import signed_form
from tests.tminus.conftest import SIGNING
from tests.tminus.launch_story import KINDS
from tests.tminus.slack_room import Room, eventually
from tests.tminus.staged_launch import CHANNEL, LAUNCH, Stage, slack_id
from tests.tminus.told_stories import held
from tminus import events as ev
from tminus.asking import short
from tminus.clock import now
from tminus.errors import Refused
from tminus.launch_pages import LaunchPages
from tminus.slack_commands import Commands
from tminus.slack_payload import Commanded, Malformed


def lock(stage: Stage, environment: str = "rehearsal-on-loopback") -> None:
    """The launch holds its environment, as one that is under way does."""
    stage.store.run(
        "INSERT INTO environment_lock (environment, chain, since) VALUES (:environment, :chain, clock())",
        {"environment": environment, "chain": stage.book.launch},
    )


def another(stage: Stage, tmp_path: Path, launch: str = "tradesense-3-0-0-1") -> Stage:
    """A second launch in the same ledger, which holds another environment."""
    second = Stage.set(tmp_path, launch, slack=stage.frozen.environment.slack.model_dump(mode="json"))  # type: ignore[union-attr]
    lock(second, "another")
    return second


@pytest.fixture
def typed(channel: Room, stage: Stage) -> Room:
    """The room of a launch that is under way."""
    lock(stage)
    return channel


class TestStatus:
    """How it stands."""

    def test_it_says_where_the_launch_is_and_whom_it_waits_for(self, typed: Room) -> None:
        """The same sentence as everywhere else; the launch need not be named where there is one."""
        told = typed.type("devops", "status")
        assert "WAITING tradesense 2.0.0" in told
        assert told == typed.type("product", f"  status   {LAUNCH} ")
        (shown, *_) = [one for one in typed.slack.workspace.changed_since(0) if one.text == told]
        assert "DevOps lead, first shift" in str(shown.blocks)

    def test_of_several_the_names_are_listed(self, typed: Room, stage: Stage, tmp_path: Path) -> None:
        """And nothing is done to any; with its name it is."""
        another(stage, tmp_path)
        told = typed.type("devops", "hold the database is slow")
        assert told.startswith("This does not count: say which launch")
        assert LAUNCH in told
        assert "tradesense-3-0-0-1" in told
        assert stage.book.refresh().held is None
        assert "WAITING" in typed.type("devops", f"status {LAUNCH}")

    def test_a_stranger_hears_nothing_of_it(self, typed: Room) -> None:
        """Neither how it stands nor what is under way."""
        assert "none in which you take part" in typed.type("U0STRANGER", "status")
        assert "is nobody in this launch's people.yaml" in typed.type("U0STRANGER", f"status {LAUNCH}")

    @pytest.mark.parametrize("text", ["", "help", "lunch now", "drop table"])
    def test_an_unknown_word_gets_help(self, typed: Room, stage: Stage, text: str) -> None:
        """Nothing is written down."""
        before = stage.book.refresh().seq
        assert "/tminus status" in typed.type("devops", text)
        assert stage.book.refresh().seq == before


class TestOrders:
    """Hold, resume, scrub and rollback."""

    def test_a_hold_and_what_lets_go_of_it(self, typed: Room, stage: Stage) -> None:
        """Each with its reason; the resume says whose hold it lets go of."""
        assert typed.type("devops", "hold the database is slow") == (
            f"Recorded: DevOps lead, first shift hold {LAUNCH}."
        )
        hold = stage.book.refresh().held
        assert isinstance(hold, ev.Ordered)
        assert (hold.person, hold.reason, hold.via) == ("devops", "the database is slow", "slack")
        told = typed.type("product", f"resume {LAUNCH} it recovered")
        assert "DevOps lead, first shift: the database is slow" in told
        resume = stage.book.refresh().events[-1]
        assert isinstance(resume, ev.Ordered)
        assert resume.reason.startswith("it recovered; lets go of what was held by DevOps lead")
        assert stage.book.record.held is None

    def late(self, room: Room, text: str, seconds: int) -> str:
        """Types it so long ago that a slow Slack sends it only now; returns what the person is told."""
        before = len(room.told("devops"))
        typed = {"user": slack_id("devops"), "channel": CHANNEL, "text": text}
        form = room.client.post(f"{room.slack_url}/_control/commands", json=typed).raise_for_status().json()
        body, headers = signed_form(room.secret, form, str(int(time.time()) - seconds))
        assert room.client.post(f"{room.door}/slack/commands", content=body, headers=headers).status_code == 200
        eventually(lambda: len(room.told("devops")) > before)
        return room.told("devops")[-1]

    def test_a_resume_lets_go_of_nothing_that_was_held_after_it_was_typed(self, typed: Room, stage: Stage) -> None:
        """Slack took its time with it: by the time it bears, its author could not know of the hold."""
        assert typed.type("security", "hold the certificate is wrong").startswith("Recorded")
        told = self.late(typed, f"resume {LAUNCH} it is fine", 10)
        assert "what holds it came later than what you could see (Security lead: the certificate is wrong)" in told
        assert stage.book.refresh().held is not None
        assert typed.type("devops", "resume").endswith("Security lead: the certificate is wrong.")
        assert stage.book.refresh().held is None

    def test_of_several_holds_the_later_one_stands_and_is_told(self, typed: Room, stage: Stage) -> None:
        """Whose it is and why; what was there before is let go of."""
        stage.book.refresh()
        stage.book.write(ev.Held(why="no data"))
        stage.book.write(ev.Ordered(order="hold", person="product", via="slack", reason="old"))
        later = ev.Ordered(order="hold", person="security", via="slack", reason="new", at=now() + timedelta(seconds=60))
        stage.book.write(later)
        assert typed.type("devops", f"resume {LAUNCH} it is fine") == (
            f"Recorded: DevOps lead, first shift resume {LAUNCH}. Let go of what was held by Product manager: old. "
            "Still held, since that came later: Security lead: new. Look at it, and resume again."
        )
        assert stage.book.refresh().holding == (later,)

    @pytest.mark.parametrize("word", ["hold", "scrub", "rollback"])
    def test_without_a_reason_it_is_asked_for(self, typed: Room, stage: Stage, word: str) -> None:
        """The record is to hold it."""
        assert "say why" in typed.type("devops", word)
        assert "say why" in typed.type("devops", f"{word} {LAUNCH}")
        assert not [one for one in stage.book.refresh().events if isinstance(one, ev.Ordered)]

    @pytest.mark.parametrize("word", ["scrub", "rollback", "hold"])
    def test_a_mistyped_launch_is_never_another_ones_reason(self, typed: Room, stage: Stage, word: str) -> None:
        """Whoever names a launch that is not there orders nothing for the one that is."""
        told = typed.type("devops", f"{word} tradesense-2-0-0-2 it is broken")
        assert "no launch is called 'tradesense-2-0-0-2'" in told
        assert not [one for one in stage.book.refresh().events if isinstance(one, ev.Ordered)]

    def test_scrub_before_the_change_and_rollback_after_it(self, typed: Room, stage: Stage) -> None:
        """Scrubbing what was changed would be a rollback, and is to be called that."""
        stage.begin_change()
        assert "say rollback" in typed.type("devops", "scrub enough")
        assert "may not roll back" in typed.type("product", "rollback enough")
        assert typed.type("devops", "rollback enough").startswith("Recorded")
        assert stage.book.refresh().must_roll_back

    def test_scrub(self, typed: Room, stage: Stage) -> None:
        """Before anything was changed."""
        assert typed.type("product", "scrub wrong day").startswith("Recorded")
        assert stage.book.refresh().scrubbed is not None

    def test_what_does_not_count_is_told_and_written_down(self, typed: Room, stage: Stage) -> None:
        """As everywhere."""
        assert "nothing is held" in typed.type("devops", "resume")
        (refusal,) = stage.refusals()
        assert (refusal.who, refusal.what, refusal.via) == ("devops", "resume", "slack")

    def test_what_is_over_is_not_under_way(self, typed: Room, stage: Stage) -> None:
        """Without its name it is not found, with it the reason is told."""
        stage.close()
        assert "say which launch; under way: none" in typed.type("devops", "hold on")
        assert "the launch is over" in typed.type("devops", f"hold {LAUNCH} on")


class TestApprove:
    """A yes to what was seen."""

    def test_the_question_is_shown_and_its_button_counts(self, typed: Room, stage: Stage) -> None:
        """To this person alone, as in the channel; pressed, it is the same yes."""
        assert "waits for your yes" in typed.type("devops", "approve")
        shown = [one for one in typed.slack.workspace.changed_since(0) if one.ephemeral_to == slack_id("devops")][-1]
        (block, *_rest) = [block for block in shown.blocks if block["type"] == "actions"]
        press = {"user": slack_id("devops"), "channel": CHANNEL, "message_ts": shown.ts}
        press |= {"block_id": str(block["block_id"]), "action_id": "tminus.approve"}
        payload = typed.client.post(f"{typed.slack_url}/_control/interactions", json=press).json()
        assert typed.send(payload).status_code == 200
        eventually(lambda: typed.count("accepted") == 2)
        assert [one.person for one in stage.standing()] == ["devops"]

    def test_with_the_digest_it_is_given_at_once(self, typed: Room, stage: Stage) -> None:
        """At least six digits of what was seen."""
        digest = short(stage.book.refresh().asks["go-no-go"].opened.decision_digest)
        assert "at least six digits" in typed.type("devops", f"approve {LAUNCH} {digest[:5]}")
        assert stage.standing() == []
        assert typed.type("devops", f"approve {LAUNCH} {digest[:6]}").startswith("Recorded: DevOps lead")
        assert typed.type("security", f"approve {digest}").startswith("Recorded: Security lead")
        assert [one.person for one in stage.standing()] == ["devops", "security"]

    def test_a_digest_of_before_the_change_is_refused(self, typed: Room, stage: Stage) -> None:
        """It names what is asked now, for whoever wants to look again."""
        digest = short(stage.book.refresh().asks["go-no-go"].opened.decision_digest)
        held(stage)
        stage.ask()
        told = typed.type("devops", f"approve {LAUNCH} {digest}")
        assert short(stage.book.refresh().asks["go-no-go"].opened.decision_digest) in told
        assert stage.standing() == []

    @pytest.mark.parametrize("person", ["product", "starter"])
    def test_who_could_not_say_yes_is_shown_no_button(self, typed: Room, person: str) -> None:
        """A role that is not asked, and whoever started it."""
        assert "waits for your yes" in typed.type(person, "approve")
        assert typed.told(person)[-1].startswith("This does not count: nothing in")

    def test_a_yes_that_was_given_is_not_asked_for_again(self, typed: Room) -> None:
        """Nothing waits for it any more."""
        typed.press("devops", "approve")
        assert "nothing in" in typed.type("devops", "approve")


class TestDoor:
    """The same signature, window, replay store and limits as for a press."""

    def sent(self, room: Room, text: str, **headers: str) -> int:
        """A command's status."""
        form = {"user_id": slack_id("devops"), "command": "/tminus", "text": text, "response_url": ""}
        body, right = signed_form(SecretStr(SIGNING), form, str(int(time.time())))
        return room.client.post(f"{room.door}/slack/commands", content=body, headers={**right, **headers}).status_code

    def test_forged_replayed_malformed_and_oversized_ones_order_nothing(self, typed: Room, stage: Stage) -> None:
        """401, 401, 400, 413, and the launch that a forgery names gets a line."""
        assert self.sent(typed, f"hold {LAUNCH} x", **{"X-Slack-Signature": "v0=0"}) == 401
        eventually(lambda: len(stage.refusals()) == 1)
        assert (stage.refusals()[0].who, stage.refusals()[0].what) == ("somebody who is not Slack", "hold")
        form = {"user_id": slack_id("devops"), "command": "/tminus", "text": f"hold {LAUNCH} x", "response_url": ""}
        body, headers = signed_form(SecretStr(SIGNING), form, str(int(time.time())))
        answers = [typed.client.post(f"{typed.door}/slack/commands", content=body, headers=headers) for _ in range(2)]
        assert [one.status_code for one in answers] == [200, 401]
        body, headers = signed_form(SecretStr(SIGNING), {"text": "hold"}, str(int(time.time())))
        assert typed.client.post(f"{typed.door}/slack/commands", content=body, headers=headers).status_code == 400
        assert typed.client.post(f"{typed.door}/slack/commands", content=b"x" * 600_000).status_code == 413
        eventually(lambda: typed.count("accepted") == 1)
        assert len(stage.book.refresh().holding) == 1

    def test_a_press_is_no_command_and_a_command_no_press(self, typed: Room) -> None:
        """Each door takes its own."""
        form = {"user_id": slack_id("devops"), "command": "/tminus", "text": "status"}
        body, headers = signed_form(SecretStr(SIGNING), form, str(int(time.time())))
        assert typed.client.post(f"{typed.door}/slack/interactions", content=body, headers=headers).status_code == 400


WORDS = (
    "status",
    "hold",
    "approve",
    "resume",
    "scrub",
    "rollback",
    "drill",
    "stop",
    LAUNCH,
    "0f61c2d9",
    "a-1",
    "\u2028",
    "x" * 300,
)


@given(text=st.text(max_size=80) | st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_typed_is_answered_or_refused(stage: Stage, text: str) -> None:
    """Never an error of another kind; and whoever takes no part orders nothing, whatever they type."""
    with suppress(Malformed, Refused):
        sent = Commanded.of({"user_id": "U0STRANGER", "command": "/tminus", "text": text})
        assert Commands(LaunchPages(stage.store, KINDS)).carry_out(sent, now())
    assert {type(one) for one in stage.book.refresh().events[2:]} <= {ev.AnswerRefused}
