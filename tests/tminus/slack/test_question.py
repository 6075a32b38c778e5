"""A question's message: what it rests on, what changed, who could end it, why it waits; one message, within limits."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from deployments.rehearsal.block_kit_check import message_mistakes
from tests.tminus.slack_room import Room
from tests.tminus.staged_launch import CHANNEL, Stage, slack_section
from tests.tminus.told_letters import SILENT, question
from tests.tminus.told_stories import held, order
from tminus import events as ev
from tminus.asking import short
from tminus.clock import now
from tminus.messages.forms import SlackLetter
from tminus.messages.slack_question import question_blocks
from tminus.outcome import Outcome
from tminus.people import Deputy, People
from tminus.record import AskState

GO = "tradesense 2.0.0: Go, or no go"
KINDS = ("approval", "sign_off", "acknowledgement", "attestation")
WORDS = st.text(alphabet="ab <&>*é|\U0001f680", min_size=1, max_size=60)
FACTS = st.sampled_from(["pass", "pass (p95 < 200 ms)", "waived, waived by devops until 2026-12-01", "fail", "unknown"])


def text_of(blocks: list[dict[str, JsonValue]]) -> str:
    """Everything that is to be read."""
    return json.dumps(blocks, ensure_ascii=False)


@pytest.fixture
def quiet(tmp_path: Path) -> Stage:
    """A launch whose letters stay where they are."""
    return Stage.set(tmp_path, **SILENT)


class TestEvidence:
    """What the decision rests on."""

    def test_each_step_is_a_line_with_its_verdict(self, quiet: Stage) -> None:
        """What did not plainly pass comes first."""
        quiet.end_step("services-healthy", Outcome.passed("6 of 6"))
        quiet.end_step("no-known-vulnerability", Outcome.failed("2 found"))
        order(quiet, "waive", step="no-known-vulnerability", until=now() + timedelta(days=1))
        quiet.ask()
        text = text_of(question(quiet).blocks)
        count = len(quiet.before("go-no-go"))
        assert f"It rests on {count} blocking step" in text
        titles = {step: quiet.step(step).title for step in ("services-healthy", "no-known-vulnerability")}
        assert f":white_check_mark: {titles['services-healthy']}: pass" in text
        assert f":large_orange_circle: {titles['no-known-vulnerability']}: waived" in text
        assert text.index(titles["no-known-vulnerability"]) < text.index(titles["services-healthy"])

    def test_what_passed_is_counted_where_it_is_much_and_the_rest_is_named(self, quiet: Stage) -> None:
        """A launch of eighty steps fits on a screen, and no failure hides in it."""
        quiet.ask()
        facts = {f"step-{number}": "pass" for number in range(80)} | {"odd-one": "unknown"}
        ask = AskState(quiet.book.record.asks["go-no-go"].opened.model_copy(update={"facts": facts}))
        text = text_of(question_blocks(quiet.frozen, ask))
        assert "80 pass" in text
        assert ":x: odd-one: unknown" in text
        assert "step-7" not in text

    def test_what_changed_is_said_and_the_message_stays_one(self, channel: Room, stage: Stage) -> None:
        """Asked again, answered and decided: one message, always as it is now; in its thread whose yes was lost."""
        channel.press("devops", "approve")
        held(stage)
        opened = stage.ask()
        changed = ("services-healthy: pass → fail",)
        stage.book.write(opened.model_copy(update={"changed": changed}))
        channel.show()
        asked = [one for one in channel.slack.workspace.lasting(CHANNEL) if one.text == GO]
        assert len(asked) == 1
        assert "services-healthy: pass → fail" in text_of(asked[0].blocks)
        stage.end_ask()
        channel.show()
        asked = [one for one in channel.slack.workspace.lasting(CHANNEL) if one.text == GO]
        assert len(asked) == 1
        assert "all who were asked answered" in text_of(asked[0].blocks)


class TestWho:
    """Who could end it, and why it still waits."""

    def test_it_says_why_it_waits_and_until_when(self, quiet: Stage) -> None:
        """The same sentence as in Prefect and on the command line."""
        quiet.ask()
        quiet.book.write(quiet.said("devops"))
        text = text_of(question(quiet).blocks)
        assert "It waits for 1 engineering_lead and 1 security_lead; next could be" in text
        assert f"Until {quiet.book.record.asks['go-no-go'].opened.deadline:%Y-%m-%d %H:%M:%S} UTC" in text

    def test_deputies_are_named_as_such_and_last(self, quiet: Stage) -> None:
        """Whoever stands in for somebody at some moment while it is open."""
        opened = quiet.ask()
        people = quiet.frozen.people
        deputy = Deputy(person="product", since=now(), until=now() + timedelta(hours=1))
        changed = tuple(
            one.model_copy(update={"deputies": (deputy,)}) if one.id == "security" else one for one in people.people
        )
        quiet.frozen.__dict__["people"] = People(people=changed)
        text = text_of(question_blocks(quiet.frozen, AskState(opened)))
        assert "could be: DevOps lead, second shift, Security lead, Product manager as deputy)" in text

    def test_who_is_barred_is_no_candidate(self, quiet: Stage) -> None:
        """Whoever wrote a commit of it, and whoever started it."""
        opened = quiet.ask().model_copy(update={"barred": {"engineering": "wrote a commit of this release"}})
        text = text_of(question_blocks(quiet.frozen, AskState(opened, started_by="starter")))
        assert "*engineering_lead* (1 missing, could be: nobody)" in text
        assert "it cannot be reached" in text


@pytest.fixture(scope="module")
def asked_once(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A launch that asks."""
    stage = Stage.set(tmp_path_factory.mktemp("asked"), **SILENT)
    stage.ask()
    return stage


class TestLimits:
    """Whatever is asked, Slack takes the message."""

    @given(data=st.data())
    @settings(max_examples=60, deadline=None)
    def test_any_question_fits(self, asked_once: Stage, data: st.DataObject) -> None:
        """Many seats, many facts, many changes, long names."""
        opened = asked_once.book.record.asks["go-no-go"].opened
        more = {
            "kind": data.draw(st.sampled_from(KINDS)),
            "text": data.draw(st.text(max_size=300)) * data.draw(st.integers(1, 120)),
            "roles": data.draw(st.dictionaries(WORDS, st.integers(1, 3), min_size=1, max_size=40)),
            "facts": data.draw(st.dictionaries(WORDS, FACTS, max_size=80)),
            "changed": tuple(data.draw(st.lists(WORDS.map(lambda word: word * 40), max_size=40))),
        }
        ask = AskState(opened.model_copy(update=more))
        if data.draw(st.booleans()):
            ask.ended = ev.AskEnded(ask="go-no-go", result="met", reason=data.draw(st.text(min_size=1, max_size=5000)))
        blocks = json.loads(json.dumps(question_blocks(asked_once.frozen, ask)))
        assert message_mistakes(blocks) == []
        assert len(json.dumps(blocks)) < 100_000


class TestAskedAnew:
    """Something changed, and the message is edited, which tells nobody."""

    def notes(self, stage: Stage) -> list[SlackLetter]:
        """What was said in the question's thread."""
        found = [SlackLetter.model_validate_json(body) for _, body in stage.letters("slack")]
        return [one for one in found if one.thread == "ask-go-no-go"]

    def test_whose_yes_is_lost_is_called(self, tmp_path: Path) -> None:
        """With what changed; whom it does not concern is not, nor who has not answered, nor where nobody had."""
        stage = Stage.set(tmp_path, slack=slack_section())
        stage.end_step("services-healthy", Outcome.passed("6 of 6"))
        stage.ask()
        for person in ("engineering", "devops"):
            stage.book.write(stage.said(person))
        stage.end_step("services-healthy", Outcome.failed("4 of 6"))
        opened = stage.ask(changed=("services-healthy: pass → fail <now>",))
        (note,) = self.notes(stage)
        assert note.text.startswith("<@U0DEVOPS> ")
        assert "U0ENGINEERING" not in note.text
        assert "the yes of DevOps lead, first shift (devops_lead) does not count any more, since" in note.text
        assert "services-healthy: pass → fail &lt;now&gt;" in note.text
        assert f"--digest {short(opened.decision_digest)}" in note.text
        assert [one.person for one in stage.standing()] == ["engineering"]

    def test_where_no_yes_is_lost_nobody_is_called(self, tmp_path: Path) -> None:
        """The question that is asked first, one that changed before anybody answered, and one after a recycle."""
        stage = Stage.set(tmp_path, slack=slack_section())
        stage.ask()
        stage.end_step("services-healthy", Outcome.failed("4 of 6"))
        stage.ask(changed=("services-healthy: not observed → fail",))
        stage.book.write(stage.said("devops"))
        stage.book.write(ev.Ordered(order="recycle", person="devops", via="slack", reason="r"))
        stage.ask(changed=("services-healthy: fail → not observed",))
        assert self.notes(stage) == []
