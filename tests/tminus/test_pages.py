"""What on-call reads when it is woken."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from tests.tminus.staged_launch import LAUNCH, Stage, pagerduty_section, slack_section
from tests.tminus.told_letters import SILENT, carry, pages
from tests.tminus.told_stories import (
    cancelled_in_prefect,
    deployed,
    held,
    no_after_the_change,
    no_go,
    order,
    resumed,
    rolled_back,
    silence_after_the_change,
    unproven,
)
from tminus import events as ev
from tminus.messages.forms import PagerDutyLetter


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A launch whose letters stay where they are."""
    return Stage.set(tmp_path, **SILENT)


@pytest.fixture
def told(tmp_path: Path, slack_settings: dict[str, object], pagerduty_settings: dict[str, object]) -> Stage:
    """A launch whose letters can be carried to the stand-ins."""
    return Stage.set(tmp_path, slack=slack_settings, pagerduty=pagerduty_settings)


class TestPages:
    """What on-call reads when it is woken."""

    @pytest.mark.parametrize("story", [no_go, resumed, rolled_back], ids=lambda story: story.__name__)
    def test_a_page_says_what_broke_what_happens_and_what_to_type(
        self, stage: Stage, story: Callable[[Stage], None]
    ) -> None:
        """What broke, how things stand, what happens if nobody answers, three commands, and the link."""
        story(stage)
        assert pages(stage)
        for page in pages(stage):
            assert page.details["what broke"] in page.summary
            assert page.details["state now"]
            assert page.details["what tminus does if nobody answers"]
            commands = [said for said in page.details.values() if said.startswith("tminus ")]
            assert len(commands) == 3
            assert all(LAUNCH in command for command in commands)
            assert page.link == page.details["link"] == "http://127.0.0.1:4200"

    def test_the_way_back_in_a_page_fits_how_far_it_is(self, stage: Stage) -> None:
        """Scrub while nothing was changed, roll back afterwards."""
        held(stage)
        assert pages(stage)[-1].details["to end it"].startswith(f"tminus scrub {LAUNCH} --reason")
        order(stage, "waive", step="services-healthy")
        stage.begin_change()
        held(stage, "services-online")
        assert pages(stage)[-1].details["to go back"].startswith(f"tminus rollback {LAUNCH} --reason")
        assert "switch" in pages(stage)[-1].details["state now"]

    def test_a_way_back_that_is_not_proven_is_tried_again_or_closed_by_a_person(self, stage: Stage) -> None:
        """A scrub would be refused there, and going on would end it, so neither is offered under such a name."""
        unproven(stage)
        stopped = next(page for page in pages(stage) if page.details["state now"] == "rolled back, NOT proven")
        commands = {name: said for name, said in stopped.details.items() if said.startswith("tminus ")}
        assert commands == {
            "to look": f"tminus status {LAUNCH}",
            "to try the way back again": f"tminus rollback {LAUNCH} --reason WHY",
            "to close it as rolled back, once the old version serves": f"tminus resume {LAUNCH}",
        }

    @pytest.mark.parametrize(
        ("story", "said"),
        [
            (no_go, "The launch ends as a no-go; nothing was changed."),
            (no_after_the_change, "It takes the change back and proves it; if it cannot, it pages again."),
            (silence_after_the_change, "The launch is held, and pages again; nothing is rolled back by itself."),
        ],
        ids=lambda one: getattr(one, "__name__", ""),
    )
    def test_a_go_that_is_not_given_says_what_follows(
        self, stage: Stage, story: Callable[[Stage], None], said: str
    ) -> None:
        """Before the change a no-go; after it a no goes back, and silence holds."""
        story(stage)
        assert pages(stage)[0].details["what tminus does if nobody answers"] == said

    def test_where_nobody_conducts_no_end_is_promised(self, stage: Stage) -> None:
        """A run that somebody stopped in Prefect is started again by people alone, so nothing closes by itself."""
        cancelled_in_prefect(stage)
        before, after, _back = pages(stage)
        assert before.details["what tminus does if nobody answers"] == "Nothing goes on, and nothing is changed."
        assert "closes" not in after.details["what tminus does if nobody answers"]

    @pytest.mark.parametrize("given", ["retry", "resume", "recycle", "waive"])
    def test_an_incident_is_over_when_somebody_lets_it_go_on(
        self, told: Stage, pagerduty: PagerDutyStandIn, given: ev.Order
    ) -> None:
        """Not only at the launch's end, and held again it is a new incident."""
        held(told)
        order(told, given, step="services-healthy")
        carry(told)
        assert [one.status for one in pagerduty.account.incidents] == ["resolved"]
        held(told)
        carry(told)
        assert [one.status for one in pagerduty.account.incidents] == ["resolved", "triggered"]

    def test_changes_are_told_as_changes(self, stage: Stage) -> None:
        """Phases, every step that can be taken back, the rollback, and the end wake nobody."""
        rolled_back(stage)
        letters = [PagerDutyLetter.model_validate_json(body) for _, body in stage.letters("pagerduty")]
        told = [letter.summary.partition(": ")[2] for letter in letters if letter.op == "change"]
        assert [one.split(":")[0] for one in told] == [
            "T-4h began",
            "T-15m began",
            "T-0 began",
            "roll-out begins",
            "switch begins",
            "rolling back",
            "the old version serves again",
            "ROLLED BACK tradesense 2.0.0",
        ]

    def test_a_head_that_is_anchored_here_is_told_whole(self, stage: Stage) -> None:
        """An anchor is worth nothing unless the hash leaves the ledger; one that went elsewhere is not repeated."""
        for where in ("pagerduty", "slack"):
            stage.book.write(ev.HeadAnchored(seq=3, hash="a" * 64, where=where))
        letters = [
            PagerDutyLetter.model_validate_json(body) for key, body in stage.letters("pagerduty") if "head" in key
        ]
        assert [letter.op for letter in letters] == ["change"]
        assert f"{LAUNCH}#3:{'a' * 64}" in letters[0].summary

    def test_a_long_reason_is_cut_to_what_pagerduty_takes(self, told: Stage, pagerduty: PagerDutyStandIn) -> None:
        """Summaries within 1,024 characters, the whole reason in the details, and keys within 255."""
        deployed(told)
        told.book.write(ev.RollbackBegan(why="x" * 3000, by="tminus"))
        carry(told)
        (incident,) = pagerduty.account.incidents
        assert len(incident.title) <= 1024
        assert incident.title.endswith("…")
        assert "x" * 3000 in json.dumps(pagerduty.record.calls[-1].model_dump())

    def test_a_launch_with_a_very_long_name_is_still_paged(self, tmp_path: Path) -> None:
        """Keys stay within PagerDuty's limit, and those of different incidents stay apart."""
        stage = Stage.set(tmp_path, "l" * 200, slack=slack_section(), pagerduty=pagerduty_section())
        stage.book.write(ev.PhaseStarted(phase="T-" + "9" * 60 + "h", holder="{}", token=1))
        deployed(stage)
        keys = [key for key, _ in stage.letters("pagerduty")]
        assert all(len(key) <= 255 for key in keys)
        assert len(set(keys)) == len(keys)
