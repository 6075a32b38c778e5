"""The page's whole text, kind by kind: it is what somebody reads at three in the morning."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.tminus.staged_launch import LAUNCH, Stage, pagerduty_id, pagerduty_section, slack_section
from tests.tminus.told_letters import SILENT, pages
from tests.tminus.told_stories import held, no_go, order, phase, rolled_back, unproven
from tminus.escalation import next_reminder, stages_of
from tminus.messages.forms import PagerDutyLetter
from tminus.record import AskState
from tminus.spoken import time_said
from tminus.telling import event_said

UI = "http://127.0.0.1:4200"
WHERE = {"link": UI, "environment": "rehearsal-on-loopback", "launch": LAUNCH}
TO_READ = {
    "to look": f"tminus status {LAUNCH}",
    "to read why": f"tminus report {LAUNCH}",
    "to check the record": f"tminus ledger verify {LAUNCH} --environment FILE",
}
REST = {
    "token": "env:STAGED_ROUTING_KEY",
    "from_email": "devops@example.com",
    "service": "PSERVICE",
    "api": "https://127.0.0.1:1",
    "policies": {"devops_lead": "PDEVOPS", "security_lead": "PSECURITY"},
}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A launch whose letters stay where they are."""
    return Stage.set(tmp_path, **SILENT)


def go_further(stage: Stage, *times: str, ask: str = "go-no-go") -> AskState:
    """Nobody answers, and time goes by until these stages."""
    for how, moment in stages_of(stage.book.refresh().asks[ask]):
        if how in times:
            reminder = next_reminder(stage.book.refresh().asks[ask], stage.frozen.people, moment)
            assert reminder is not None
            stage.book.write(reminder)
    return stage.book.refresh().asks[ask]


def asked(stage: Stage) -> None:
    """The go is asked for, and all but one have given it."""
    phase(stage, "T-15m")
    stage.ask()
    for person in ("engineering", "security"):
        stage.book.write(stage.said(person))


def overdue(stage: Stage) -> AskState:
    """Nobody gives the last yes, and on-call is paged."""
    asked(stage)
    return go_further(stage, "remind", "page")


HELD: Mapping[str, str] = {
    "what broke": "services-healthy failed: healthy 4 of 6, expected = all; owner devops_lead",
    "state now": "nothing was changed; the old version serves",
    "what tminus does if nobody answers": (
        "Nothing is changed; once it is too late to go on, the launch ends as a no-go."
    ),
    "to look": f"tminus status {LAUNCH}",
    "to try services-healthy again": f"tminus retry {LAUNCH} services-healthy",
    "to end it": f"tminus scrub {LAUNCH} --reason WHY",
}
GATE: Mapping[str, str] = {
    "what broke": "go-no-go rejected: DevOps lead, first shift said no: not today",
    "state now": "nothing was changed; the old version serves",
    "what tminus does if nobody answers": "The launch ends as a no-go; nothing was changed.",
    **TO_READ,
}
ROLLBACK: Mapping[str, str] = {
    "what broke": "rolling back: error rate 21.8 %, more than 0.1 %",
    "state now": "the change is being taken back",
    "what tminus does if nobody answers": "It takes the change back and proves it; if it cannot, it pages again.",
    **TO_READ,
}
ENDED_HELD: Mapping[str, str] = {
    "what broke": "HELD tradesense 2.0.0: 4 of 6 answer",
    "state now": "rolled back, NOT proven",
    "what tminus does if nobody answers": "Nothing: the launch is over.",
    **TO_READ,
}


class TestWhatOnCallReads:
    """What broke or waits, how things stand, what happens if nobody answers, three commands, the link, so ordered."""

    @pytest.mark.parametrize(
        ("story", "place", "text", "severity"),
        [
            (held, 0, HELD, "critical"),
            (no_go, 0, GATE, "error"),
            (rolled_back, 0, ROLLBACK, "critical"),
            (unproven, -1, ENDED_HELD, "critical"),
        ],
        ids=["held", "gate", "rollback", "ended held"],
    )
    def test_the_whole_text(
        self, stage: Stage, story: Callable[[Stage], None], place: int, text: Mapping[str, str], severity: str
    ) -> None:
        """Word by word; the summary, which is what a telephone shows, begins with what it is about."""
        story(stage)
        page = pages(stage)[place]
        assert list(page.details.items()) == list({**text, **WHERE}.items())
        assert page.summary == f"tradesense 2.0.0: {text['what broke']}"
        assert (page.severity, page.link) == (severity, UI)

    def test_a_question_that_nobody_answers(self, stage: Stage) -> None:
        """What waits and for whom, that it will be a no-go and when, and the yes to exactly this question."""
        opened = overdue(stage).opened
        (page,) = pages(stage)
        digits = opened.decision_digest.removeprefix("sha256:")[:12]
        assert list(page.details.items()) == list(
            {
                "what waits": f"{stage.step('go-no-go').title}: no answer yet",
                "for whom": (
                    "waits for 1 devops_lead; next could be DevOps lead, first shift or DevOps lead, second shift"
                ),
                "state now": "nothing was changed; the old version serves",
                "what tminus does if nobody answers": (
                    f"No-go at {time_said(opened.deadline)}: the launch ends, and nothing was changed. "
                    "A hold does not stop that."
                ),
                "to approve": f"tminus approve {LAUNCH} --ask go-no-go --digest {digits}",
                "to reject": f"tminus reject {LAUNCH} --ask go-no-go --reason WHY",
                "to look": f"tminus status {LAUNCH}",
                **WHERE,
            }.items()
        )
        assert page.summary == f"tradesense 2.0.0: {page.details['what waits']}"
        assert (page.severity, page.link) == ("critical", UI)

    def test_after_a_change_silence_holds(self, stage: Stage) -> None:
        """And the page does not promise a no-go."""
        phase(stage, "T-0")
        stage.begin_change("roll-out")
        stage.begin_change()
        stage.ask()
        opened = go_further(stage, "page").opened
        said = pages(stage)[-1].details
        assert said["what tminus does if nobody answers"] == (
            f"Held at {time_said(opened.deadline)}, and it pages again; nothing is rolled back by itself."
        )
        assert said["state now"] == "changed: roll-out, switch"


def keys(stage: Stage, op: str) -> list[str]:
    """What the incidents that were triggered or resolved are about."""
    found = [(key, PagerDutyLetter.model_validate_json(body)) for key, body in stage.letters("pagerduty")]
    return [key.removeprefix(f"{LAUNCH}:") for key, letter in found if letter.op == op]


class TestWhoIsPaged:
    """By the default service's routing key, or by the roles' own policies."""

    def test_a_reminder_wakes_nobody(self, stage: Stage) -> None:
        """It is a word in Slack."""
        asked(stage)
        go_further(stage, "remind")
        assert pages(stage) == []

    def test_the_second_page_is_an_incident_of_its_own(self, stage: Stage) -> None:
        """One that joined the first would wake nobody; answered, both are over."""
        asked(stage)
        go_further(stage, "remind", "page", "deputies")
        assert keys(stage, "trigger") == ["ask-go-no-go", "ask-go-no-go:deputies"]
        stage.book.write(stage.said("devops"))
        stage.end_ask()
        assert keys(stage, "resolve") == ["ask-go-no-go", "ask-go-no-go:deputies"]

    def test_each_role_by_its_own_policy_and_deputies_by_name(self, tmp_path: Path) -> None:
        """A role without one is paged by the service's own; all in as few incidents as there are policies."""
        stage = Stage.set(tmp_path, **{**SILENT, "pagerduty": {**pagerduty_section(), "rest": REST}})
        stage.ask()
        go_further(stage, "page", "deputies")
        assert [(one.by_rest, one.policy, one.users) for one in pages(stage)] == [
            (True, "PDEVOPS", ()),
            (True, "", ()),
            (True, "PSECURITY", ()),
            (True, "", tuple(pagerduty_id(one) for one in ("engineering", "devops", "both", "security"))),
        ]
        triggered = keys(stage, "trigger")
        assert triggered[0] == "ask-go-no-go"
        assert len(set(triggered)) == 4
        stage.end_ask("expired", "at the deadline")
        assert keys(stage, "resolve") == triggered

    @pytest.mark.parametrize("given", ["recycle", "end"])
    def test_a_question_that_ends_otherwise_wakes_nobody_any_more(self, stage: Stage, given: str) -> None:
        """Taken back to the start, or the launch over, its page is over too."""
        overdue(stage)
        if given == "recycle":
            order(stage, "recycle")
        else:
            stage.close("scrubbed", "SCRUBBED tradesense 2.0.0")
        assert keys(stage, "resolve") == ["ask-go-no-go"]


class TestInSlack:
    """A word in the question's own thread."""

    def test_everyone_who_could_help_is_mentioned(self, stage: Stage) -> None:
        """And nobody else; what happens otherwise is said, and how to answer."""
        asked(stage)
        opened = go_further(stage, "remind").opened
        (text,) = [body for key, body in stage.letters("slack") if key.startswith("reminder-")]
        assert "<@U0DEVOPS> <@U0BOTH> " in text
        assert text.count("<@") == 2
        assert f"No-go at {time_said(opened.deadline)}" in text
        assert f"tminus approve {LAUNCH} --ask go-no-go --digest" in text
        assert '"thread":"ask-go-no-go"' in text

    def test_each_stage_is_told(self, stage: Stage) -> None:
        """Who is paged, too."""
        asked(stage)
        go_further(stage, "remind", "page", "deputies")
        texts = [body for key, body in stage.letters("slack") if key.startswith("reminder-")]
        assert len(texts) == 3
        assert "On-call of the default service is paged for DevOps lead." in texts[1]
        assert "On-call of the default service is paged for DevOps lead." in texts[2]

    def test_by_the_rest_api_it_is_the_policy_and_then_people(self, tmp_path: Path) -> None:
        """Whom PagerDuty knows by id, by name."""
        stage = Stage.set(tmp_path, slack=slack_section(), pagerduty={**pagerduty_section(), "rest": REST})
        asked(stage)
        go_further(stage, "page", "deputies")
        texts = [body for key, body in stage.letters("slack") if key.startswith("reminder-")]
        assert "On-call of the policy of DevOps lead is paged for DevOps lead." in texts[0]
        assert "Paged by name: DevOps lead, first shift" in texts[1]

    def test_without_pagerduty_nobody_is_said_to_be_paged(self, tmp_path: Path) -> None:
        """Nor in the terminal."""
        stage = Stage.set(tmp_path, slack=slack_section(), pagerduty=None)
        asked(stage)
        state = go_further(stage, "page", "deputies")
        texts = [body for key, body in stage.letters("slack") if key.startswith("reminder-")]
        assert len(texts) == 2
        assert "paged" not in " ".join(texts).lower()
        assert "paged" not in str([event_said(stage.frozen, one) for one in state.reminders])
