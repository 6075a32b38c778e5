"""What people are told: accepted by the vendors, whole, and about the right thing."""

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Protocol

import httpx
import pytest

from deployments.rehearsal.pagerduty_account import Incident
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.tminus.conftest import ROUTING_KEY, TOKEN
from tests.tminus.staged_launch import CHANNEL, LAUNCH, Stage
from tests.tminus.told_letters import SILENT, board, carry, pages, question, shown_buttons
from tests.tminus.told_stories import (
    STORIES,
    deployed,
    go,
    held,
    launched,
    no_go,
    order,
    phase,
    rolled_back,
    scrubbed,
)
from tminus import events as ev
from tminus.messages import slack
from tminus.record import Record

CONTRACTS = Path(__file__).parents[3] / "shared" / "contracts"
with_contracts = pytest.mark.skipif(
    not CONTRACTS.is_dir(), reason="the vendors' API descriptions are not here (../shared/contracts)"
)
every_story = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A launch whose letters stay where they are."""
    return Stage.set(tmp_path, **SILENT)


@pytest.fixture
def told(tmp_path: Path, slack_settings: dict[str, object], pagerduty_settings: dict[str, object]) -> Stage:
    """A launch whose letters can be carried to the stand-ins."""
    return Stage.set(tmp_path, slack=slack_settings, pagerduty=pagerduty_settings)


class Contract(Protocol):
    """A server that checks requests against a vendor's own description."""

    url: str

    def violations(self) -> list[dict[str, str]]:
        """What it found wrong so far."""


def loaded_contracts() -> ModuleType:
    """The contract server's module, loaded from where it lives."""
    spec = importlib.util.spec_from_file_location("contract_server", CONTRACTS / "tools" / "contract_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def contracts() -> Iterator[tuple[Contract, Contract]]:
    """Slack's and PagerDuty's."""
    server = loaded_contracts().ContractServer
    files = CONTRACTS / "slack_web.json", CONTRACTS / "slack_overlay.json"
    with (
        server(*files, profile="slack") as of_slack,
        server(CONTRACTS / "pagerduty_events_v2.json", profile="events") as of_pagerduty,
    ):
        yield of_slack, of_pagerduty


class TestEveryStory:
    """Whole launches, from the first letter to the last, through the vendors' own clients."""

    @every_story
    def test_every_letter_arrives_and_only_what_is_open_stays_open(
        self, told: Stage, slack: SlackStandIn, pagerduty: PagerDutyStandIn, story: Callable[[Stage], None]
    ) -> None:
        """Nothing is refused by the stand-ins' own checks, and every incident that is over is resolved by its key."""
        story(told)
        carry(told)
        assert [call.error for call in (*slack.record.calls, *pagerduty.record.calls) if not call.ok] == []
        still = {one.key for one in pagerduty.account.incidents if one.status != "resolved"}
        assert still == {f"{LAUNCH}:{key}" for key in STORIES[story]}
        assert not [call for call in pagerduty.record.calls if resolves_nothing(call.body, pagerduty.account.incidents)]

    @with_contracts
    @every_story
    def test_the_vendors_own_descriptions_accept_every_call(
        self,
        told: Stage,
        slack: SlackStandIn,
        pagerduty: PagerDutyStandIn,
        contracts: tuple[Contract, Contract],
        story: Callable[[Stage], None],
    ) -> None:
        """Each call that the clients made, made once more to a server that checks it against the contract."""
        story(told)
        carry(told)
        of_slack, of_pagerduty = contracts
        with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            for call in slack.record.calls:
                client.post(f"{of_slack.url}/api/{call.method}", json=call.body)
            for call in pagerduty.record.calls:
                assert isinstance(call.body, dict)
                path = call.method.removeprefix("POST ")
                client.post(f"{of_pagerduty.url}{path}", json={**call.body, "routing_key": ROUTING_KEY})
        assert [one["why"] for server in contracts for one in server.violations()] == []

    def test_the_thread_tells_it_in_order_under_one_message(self, told: Stage, slack: SlackStandIn) -> None:
        """One living board, one question, and notes in the board's thread."""
        rolled_back(told)
        carry(told)
        messages = list(slack.workspace.lasting(CHANNEL))
        top = [one for one in messages if one.thread_ts is None]
        assert [one.text for one in top] == [
            "tradesense 2.0.0: :leftwards_arrow_with_hook: ROLLED BACK tradesense 2.0.0: error rate 21.8 %",
            "tradesense 2.0.0: Go, or no go",
        ]
        assert [one.text for one in messages if one.thread_ts == top[0].ts] == [
            "Rolling back: error rate 21.8 %, more than 0.1 %",
            "Rollback proven: the old version serves again",
            "ROLLED BACK tradesense 2.0.0: error rate 21.8 %",
        ]


def resolves_nothing(body: object, incidents: list[Incident]) -> bool:
    """Whether a call resolved an incident that was never triggered."""
    if not isinstance(body, dict) or body.get("event_action") != "resolve":
        return False
    return body["dedup_key"] not in {one.key for one in incidents}


class TestBoard:
    """The living message and the way out that it offers."""

    def test_scrub_before_the_first_change_and_roll_back_from_then_on(self, stage: Stage) -> None:
        """The button's value is the launch, and it asks back before it counts."""
        phase(stage, "T-4h")
        assert shown_buttons(board(stage)) == {"tminus.scrub": LAUNCH}
        go(stage)
        phase(stage, "T-0")
        stage.begin_change()
        assert shown_buttons(board(stage)) == {"tminus.rollback": LAUNCH}
        assert "A change has begun: Customers are switched" in board(stage).text
        phase(stage, "T+4h")
        assert shown_buttons(board(stage)) == {"tminus.rollback": LAUNCH}
        dialogs = [one for block in board(stage).blocks for one in block.get("elements", ()) if "confirm" in one]
        assert len(dialogs) == 1

    @pytest.mark.parametrize("story", [launched, rolled_back, scrubbed, no_go], ids=lambda story: story.__name__)
    def test_no_way_out_is_offered_once_it_is_over(self, stage: Stage, story: Callable[[Stage], None]) -> None:
        """Nor once the way back has begun."""
        story(stage)
        assert shown_buttons(board(stage)) == {}

    def test_a_way_back_that_stopped_can_be_ordered_again(self, stage: Stage) -> None:
        """While it is under way there is no button; not proven, there is one until somebody presses it."""
        deployed(stage)
        stage.book.write(ev.RollbackBegan(why="a breach", by="tminus"))
        assert shown_buttons(board(stage)) == {}
        stage.book.write(ev.RollbackEnded(proven=False, said="4 of 6 answer"))
        assert shown_buttons(board(stage)) == {"tminus.rollback": LAUNCH}
        stage.book.write(ev.Held(why="4 of 6 answer"))
        assert shown_buttons(board(stage)) == {"tminus.rollback": LAUNCH}
        order(stage, "rollback")
        assert shown_buttons(board(stage)) == {}

    def test_it_says_that_it_goes_on(self, stage: Stage) -> None:
        """HELD does not stand there for ever: whoever lets it go on is named."""
        held(stage)
        assert "HELD." in board(stage).text
        order(stage, "retry", step="services-healthy")
        assert board(stage).text.endswith(
            "It goes on: retry services-healthy, by DevOps lead, first shift: they said so"
        )

    def test_every_hold_stands_there_the_first_one_first(self, stage: Stage) -> None:
        """Whose and why; let go of one, the others still stand there."""
        held(stage)
        order(stage, "hold")
        said = board(stage).text.partition("HELD")[2].splitlines()
        assert (said[0][:2], said[1]) == (". ", "Also held by DevOps lead, first shift: they said so")
        order(stage, "retry", step="services-healthy")
        assert board(stage).text.endswith("HELD by DevOps lead, first shift: they said so")
        held(stage)
        assert "\nAlso held by tminus: " in board(stage).text

    def test_a_recycle_says_what_a_person_still_holds(self, stage: Stage) -> None:
        """It does not go on: whose hold it is stands there, and the incident stays open with it."""
        order(stage, "hold")
        held(stage)
        order(stage, "recycle")
        assert board(stage).text.endswith("HELD by DevOps lead, first shift: they said so")
        assert not any('"resolve"' in body for _, body in stage.letters("pagerduty"))
        order(stage, "resume")
        assert "It goes on: resume" in board(stage).text

    def test_a_recycle_ends_no_incident_of_what_was_pressed_in_prefect(self, stage: Stage) -> None:
        """Nor says that it goes on: nothing does until somebody resumes."""
        stage.book.write(ev.Held(why="T-4h was cancelled in Prefect", by_hand=True))
        order(stage, "recycle")
        assert "It goes on" not in board(stage).text
        assert "cancelled in Prefect" in board(stage).text
        assert not any('"resolve"' in body for _, body in stage.letters("pagerduty"))

    def test_what_ends_harmlessly_by_itself_is_no_change(self, stage: Stage) -> None:
        """The board does not say that a change has begun, nor the page that something was changed."""
        stage.begin_change()
        undo = stage.book.record.step("switch").undo
        assert undo is not None
        assert "A change has begun" in board(stage).text
        harmless = undo.model_copy(update={"harmless_if_left": True})
        assert list(slack.letters(stage.frozen, harmless, Record())) == []

    def test_waiving_one_step_does_not_say_that_another_is_let_go(self, stage: Stage) -> None:
        """A hold about one step stands while another one is waived."""
        held(stage)
        order(stage, "waive", step="no-known-vulnerability")
        assert "HELD." in board(stage).text
        assert [page.op for page in pages(stage)] == ["trigger"]
        assert not any('"resolve"' in body for _, body in stage.letters("pagerduty"))

    def test_the_same_refusal_fifty_times_is_noted_once(self, stage: Stage) -> None:
        """The ledger has all of them, the thread has one."""
        for _ in range(50):
            stage.book.write(ev.AnswerRefused(who="product", what="approve go", why="not asked", via="slack"))
        assert sum(key.startswith("note-") for key, _ in stage.letters("slack")) == 1
        assert len(stage.refusals()) == 50


class TestQuestion:
    """The message that asks."""

    def test_a_role_that_is_filled_is_not_asked_again(self, stage: Stage) -> None:
        """Buttons stay for the others; whoever answered, and whoever started it, is no candidate."""
        stage.ask()
        stage.book.write(stage.said("devops"))
        text = json.dumps(question(stage).blocks)
        assert "*devops_lead*: DevOps lead, first shift" in text
        assert "could be: Engineering lead)" in text
        roles = [str(block["block_id"]).rpartition(":")[2] for block in question(stage).blocks if "block_id" in block]
        assert roles == ["engineering_lead", "security_lead"]

    def test_asked_again_under_another_digest_the_buttons_carry_the_new_one(self, stage: Stage) -> None:
        """Old answers are gone from the message, and a press on the old message would be told so."""
        stage.ask()
        stage.book.write(stage.said("devops"))
        held(stage)
        again = stage.ask()
        values = [button.rpartition("|")[2] for button in shown_buttons(question(stage)).values()]
        assert set(values) == {again.decision_digest}
        assert "could be: DevOps lead, first shift" in json.dumps(question(stage).blocks)

    def test_decided_it_has_no_buttons(self, stage: Stage) -> None:
        """The result stands where they were."""
        go(stage)
        assert shown_buttons(question(stage)) == {}
        assert "*met*: all who were asked answered" in json.dumps(question(stage).blocks)
