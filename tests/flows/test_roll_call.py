"""The roll-call: met once those who answered could give every later approval; at its end the silent are named."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from pydantic import JsonValue

from tests.flows.conftest import Setting
from tests.flows.ledgers import of
from tests.flows.stage import Stage
from tests.flows.staged_book import approval, check
from tests.flows.world import Crash
from tests.tminus.staged_launch import slack_section
from tminus import asking
from tminus import events as ev
from tminus.asking import who_may
from tminus.clock import now
from tminus.errors import Refused
from tminus.frozen import digest_of
from tminus.headline import answers_to
from tminus.messages.slack import letters
from tminus.messages.slack_question import question_blocks
from tminus.outcome import Verdict

CALL: dict[str, JsonValue] = {
    "id": "roll-call",
    "title": "Who will be there",
    "owner": "product_manager",
    "roll_call": {"deadline": "20h"},
}
BOOK = {"T-24h": [CALL], "T-4h": [check("a")], "T-15m": [approval("go")]}
A_DAY = timedelta(seconds=1.2)  # on a clock whose hour takes 50 ms


def outcome(stage: Stage) -> tuple[Verdict, str]:
    """How the roll-call ended."""
    found = stage.record.step("roll-call").outcome
    assert found is not None
    return found.verdict, found.summary


async def asked(stage: Stage) -> None:
    """Waits until people are asked."""
    await stage.until(lambda record: "roll-call" in record.asks, "the roll is called")


def there(stage: Stage, *people: str) -> None:
    """People say that they will be there."""
    for person in people:
        stage.say(person, "acknowledge", "roll-call")


async def test_it_is_met_as_soon_as_every_gate_could_be_passed(set_stage: Setting) -> None:
    """Long before its deadline; who will be there is its outcome, and nothing is left to follow up."""
    stage = set_stage(BOOK, t0=timedelta(seconds=60), hour="2500ms")
    running = stage.begin("T-24h")
    await asked(stage)
    opened = stage.record.asks["roll-call"].opened
    assert (opened.kind, opened.roles, opened.yes) == (
        "acknowledgement",
        {"engineering_lead": 1, "devops_lead": 1},
        "I will be there",
    )
    assert "Your gates:\n• The go, from " in opened.text
    there(stage, "engineering")
    assert not running.done()
    there(stage, "devops")
    await running
    assert outcome(stage) == (Verdict.PASS, "there will be Engineering and Devops")
    assert stage.record.follow_ups == []


async def test_at_its_deadline_the_silent_are_named_and_the_launch_goes_on(set_stage: Setting) -> None:
    """In the outcome with the gate that lacks them, in a note in Slack, and as a follow-up; nothing is held."""
    stage = set_stage(BOOK, t0=A_DAY, slack=slack_section())
    running = stage.begin("T-24h")
    await asked(stage)
    there(stage, "engineering")
    await running
    verdict, said = outcome(stage)
    assert verdict is Verdict.UNKNOWN
    assert said == "silent: Devops. Without them: The go lacks 1 DevOps lead. There will be Engineering"
    assert [(one.owner, one.what) for one in stage.record.follow_ups] == [
        ("product_manager", f"roll-call unknown: {said}")
    ]
    (noted,) = letters(stage.frozen, stage.record.follow_ups[0], stage.record)
    assert json.loads(noted.body)["text"] == f"Follow-up for product manager: roll-call unknown: {said}"
    assert letters(stage.frozen, ev.FollowUp(what="held", owner="devops_lead", source="hold"), stage.record) == []
    assert stage.record.holds == []
    assert "T-24h" in stage.record.phases_ended
    await stage.run("T-4h")
    running = stage.begin("T-15m")
    await stage.approve()
    await running
    assert stage.result == "launched"
    assert len(stage.record.follow_ups) == 1


async def test_whoever_started_the_launch_need_not_be_there(set_stage: Setting) -> None:
    """They could approve nothing: their word does not count, and says why; nobody waits for them."""
    stage = set_stage(BOOK, t0=A_DAY)
    running = stage.begin("T-24h")
    await asked(stage)
    with pytest.raises(Refused, match="nobody approves their own"):
        there(stage, "starter")
    there(stage, "devops")
    await running
    assert "silent: Engineering. Without them: The go lacks 1 engineering lead" in outcome(stage)[1]


async def test_where_the_next_phase_is_due_nobody_is_asked(set_stage: Setting) -> None:
    """A launch that was created late is held up by no roll-call."""
    stage = set_stage(BOOK, t0=timedelta(0))
    await stage.run("T-24h")
    verdict, said = outcome(stage)
    assert (verdict, said.startswith("nobody was asked: the next phase was due at")) == (Verdict.UNKNOWN, True)
    assert stage.events(ev.AskOpened) == []
    assert len(stage.record.follow_ups) == 1


async def test_begun_late_it_is_over_when_the_next_phase_is_due(set_stage: Setting) -> None:
    """Whatever its deadline says."""
    stage = set_stage(BOOK, t0=A_DAY / 2)
    await stage.run("T-24h")
    (opened,) = stage.events(ev.AskOpened)
    due = stage.frozen.created.t0 - timedelta(seconds=0.2)
    assert abs(opened.deadline - due) < timedelta(milliseconds=20)


async def test_after_a_recycle_it_is_called_again_only_while_there_is_time(set_stage: Setting) -> None:
    """Everything is observed anew at once, and does not wait for the silent."""
    stage = set_stage(BOOK, t0=A_DAY)
    running = stage.begin("T-24h")
    await asked(stage)
    there(stage, "engineering", "devops")
    await running
    await stage.until(lambda _: now() > stage.frozen.created.t0 - timedelta(seconds=0.2))
    await stage.run("T-4h")
    stage.order("recycle")
    await stage.run("T-4h")
    assert outcome(stage)[0] is Verdict.UNKNOWN
    assert len(stage.events(ev.AskOpened)) == 1
    assert stage.world.looked["a"] == 2


@pytest.mark.parametrize("event", [ev.AskOpened, ev.AskEnded])
async def test_a_conductor_that_takes_over_asks_nobody_twice(set_stage: Setting, event: type) -> None:
    """Killed after it asked, or after it ended: one question, one end, one follow-up."""
    stage = set_stage(BOOK, t0=A_DAY)
    stage.store.after = of(event)
    with pytest.raises(Crash):
        await stage.run("T-24h")
    await stage.run("T-24h")
    assert len(stage.events(ev.AskOpened)) == len(stage.events(ev.AskEnded)) == len(stage.record.follow_ups) == 1


def of_team(*people: dict[str, JsonValue]) -> Callable[[ev.LaunchCreated], ev.LaunchCreated]:
    """The launch with other people."""
    plain = [{"name": str(one["id"]).capitalize(), "on_duty": True, **one} for one in people]
    text = json.dumps({"people": [*plain, {"id": "starter", "name": "Starter", "roles": ["product_manager"]}]})

    def made(created: ev.LaunchCreated) -> ev.LaunchCreated:
        digests: Mapping[str, str] = {**created.digests, "people": digest_of(text)}
        return created.model_copy(update={"people": text, "digests": digests})

    return made


async def test_one_person_may_be_enough_for_two_gates(set_stage: Setting) -> None:
    """Each gate is filled by itself, though both seats together would want two people."""
    both: dict[str, JsonValue] = {"id": "anna", "roles": ["engineering_lead", "devops_lead"]}
    book = {"T-24h": [CALL], "T-4h": [approval("first", "engineering_lead")], "T-15m": [approval("go", "devops_lead")]}
    stage = set_stage(book, t0=timedelta(seconds=60), hour="2500ms", created=of_team(both))
    running = stage.begin("T-24h")
    await asked(stage)
    there(stage, "anna")
    await running
    assert outcome(stage) == (Verdict.PASS, "there will be Anna")


def with_deputy(since: str, until: str) -> Callable[[ev.LaunchCreated], ev.LaunchCreated]:
    """Anna leads, and Boris may stand in for her for a while."""
    deputy: JsonValue = {"person": "boris", "since": since, "until": until}
    anna: dict[str, JsonValue] = {"id": "anna", "roles": ["devops_lead"], "deputies": [deputy]}
    return of_team(anna, {"id": "boris", "roles": ["product_manager"]})


async def test_a_deputy_of_now_who_is_none_at_the_gate_is_of_no_use(set_stage: Setting) -> None:
    """In force when they answer, and no longer when the gate is asked: they are told so, and another is needed."""
    created = with_deputy("2020-01-01T00:00:00Z", (now() + timedelta(seconds=1)).isoformat())
    book = {"T-24h": [CALL], "T-15m": [approval("go", "devops_lead")]}
    stage = set_stage(book, t0=A_DAY + timedelta(seconds=0.2), created=created)
    running = stage.begin("T-24h")
    await asked(stage)
    with pytest.raises(Refused, match="none of those asked at any of these gates; asked are devops_lead"):
        there(stage, "boris")
    await running
    assert outcome(stage)[1].startswith("silent: Anna. Without them: The go lacks 1 DevOps lead")


async def test_a_deputy_of_the_gate_answers_before_their_period_begins(set_stage: Setting) -> None:
    """It is about the gate's time: their word counts there, and it is met."""
    t0 = timedelta(seconds=60)
    created = with_deputy((now() + t0 - timedelta(seconds=10)).isoformat(), "2099-01-01T00:00:00Z")
    book = {"T-24h": [CALL], "T-15m": [approval("go", "devops_lead")]}
    stage = set_stage(book, t0=t0, hour="2500ms", created=created, slack=slack_section())
    running = stage.begin("T-24h")
    await asked(stage)
    ask = stage.record.asks["roll-call"]
    assert set(who_may(ask, stage.frozen.people)) == {"anna", "boris"}
    assert "could be: Anna, Boris as deputy" in json.dumps(question_blocks(stage.frozen, ask))
    there(stage, "boris")
    await running
    assert outcome(stage) == (Verdict.PASS, "there will be Boris")


async def test_every_seat_filled_and_a_gate_that_lacks_somebody(set_stage: Setting) -> None:
    """Boris fills the only seat, and may not at the second gate: Anna is still asked, reminded, and then it is met."""
    t0 = timedelta(seconds=3)  # twenty hours of it are two and a half seconds
    created = with_deputy("2020-01-01T00:00:00Z", (now() + timedelta(seconds=2.7)).isoformat())
    gates = {"T-4h": [approval("first", "devops_lead", deadline="1h")], "T-15m": [approval("go", "devops_lead")]}
    stage = set_stage({"T-24h": [CALL], **gates}, t0=t0, hour="125ms", created=created, slack=slack_section())
    running = stage.begin("T-24h")
    await asked(stage)
    there(stage, "boris")
    ask = stage.record.asks["roll-call"]
    assert asking.judge(ask, stage.frozen.people).seating.complete
    shown = json.dumps(question_blocks(stage.frozen, ask))
    assert "tminus.acknowledge" in shown
    assert "devops_lead*: Boris, and for another gate it could be: Anna" in shown
    assert "The go lacks 1 DevOps lead" in shown
    assert [one.who for one in answers_to(stage.frozen, stage.record, ask, now())] == ["Anna"]
    await stage.until(lambda record: record.asks["roll-call"].reminders, "Anna is reminded")
    assert not running.done()
    (reminder,) = stage.events(ev.Reminded)
    assert reminder.people == ("anna",)
    told = [json.loads(one.body) for one in letters(stage.frozen, reminder, stage.record)]
    assert any("Anna" in json.dumps(one) for one in told)
    assert "The go lacks 1 DevOps lead" in json.dumps(told)
    there(stage, "anna")
    await running
    assert outcome(stage) == (Verdict.PASS, "there will be Boris and Anna")
    assert stage.record.follow_ups == []
