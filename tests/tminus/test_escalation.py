"""A question that nobody answers: when it goes how far, to whom, and that it never does so twice or too early."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tminus.test_policy import HOUR, MOMENT, ask, crew, deputy, person, yes
from tminus import events as ev
from tminus.escalation import next_due, next_reminder
from tminus.people import People
from tminus.record import AskState

SEATS = {"devops_lead": 1, "engineering_lead": 1}
PEOPLE = crew(
    person("devops", "devops_lead", pagerduty="PDEVOPS", deputies=[deputy("deputy", roles=["devops_lead"])]),
    person("engineering", "engineering_lead", pagerduty="PENGINEERING"),
    person("starter", "engineering_lead", pagerduty="PSTARTER"),
    person("deputy", "product_manager", pagerduty="PDEPUTY"),
    person("bystander", "security_lead", pagerduty="PBYSTANDER"),
)


def at(minutes: float) -> datetime:
    """So many minutes after it was asked; it has sixty."""
    return MOMENT + timedelta(minutes=minutes)


def reminded(state: AskState, minutes: float, people: People = PEOPLE) -> ev.Reminded | None:
    """What is due then; written down as a conductor does."""
    found = next_reminder(state, people, at(minutes))
    if found is not None:
        state.reminders.append(found)
    return found


def test_a_roll_call_is_over_with_those_who_lack() -> None:
    """Not with its seats."""
    assert next_reminder(ask(SEATS), PEOPLE, at(20), silent=()) is None
    found = next_reminder(ask(SEATS), PEOPLE, at(20), silent=("devops",))
    assert found is not None
    assert found.people == ("devops",)


class TestStages:
    """A third, two thirds, five sixths, and then the end."""

    @pytest.mark.parametrize(
        ("minutes", "how"), [(19.9, None), (20, "remind"), (40, "page"), (50, "deputies"), (60, None)]
    )
    def test_the_highest_stage_that_is_due(self, minutes: float, how: str | None) -> None:
        """Whoever was away so long passes the earlier ones over; at the deadline there is only the end."""
        found = reminded(ask(SEATS), minutes)
        assert (found.how if found else None) == how

    def test_each_once_in_order(self) -> None:
        """And it is known when the next one is due."""
        state = ask(SEATS)
        seen = []
        while (due := next_due(state)) is not None:
            found = next_reminder(state, PEOPLE, due)
            assert found is not None
            state.reminders.append(found)
            seen.append((found.how, (due - MOMENT) / timedelta(minutes=1)))
        assert seen == [("remind", 20), ("page", 40), ("deputies", 50)]

    @pytest.mark.parametrize("kind", ["acknowledgement", "sign_off"])
    def test_nobody_is_woken_to_read(self, kind: str) -> None:
        """A briefing and a sign-off are reminded of, and no more."""
        state = ask(SEATS, kind=kind)
        assert [one.how if (one := reminded(state, minutes)) else None for minutes in (20, 40, 50, 59)] == [
            "remind",
            None,
            None,
            None,
        ]
        assert next_due(state) is None

    def test_a_statement_is_paged_for(self) -> None:
        """Somebody has to watch."""
        found = reminded(ask({"devops_lead": 1}, kind="attestation"), 45)
        assert found is not None
        assert found.how == "page"

    def test_met_rejected_ended_or_voided_it_is_left_alone(self) -> None:
        """Nothing is left to remind anybody of."""
        met, rejected, ended, voided = ask(SEATS), ask(SEATS), ask(SEATS), ask(SEATS)
        met.answers += [yes("devops"), yes("engineering")]
        rejected.answers.append(yes("devops").model_copy(update={"answer": "reject"}))
        ended.ended = ev.AskEnded(ask="go", result="expired", reason="so")
        voided.voided = True
        assert [next_reminder(one, PEOPLE, at(55)) for one in (met, rejected, ended, voided)] == [None] * 4
        assert [next_due(one) for one in (ended, voided)] == [None] * 2

    def test_asked_again_it_is_not_younger(self) -> None:
        """What changed brings the question anew under the same deadline, and the reminders that were stay."""
        state = ask(SEATS)
        assert reminded(state, 25)
        state.opened = state.opened.model_copy(update={"at": at(30), "decision_digest": "sha256:2"})
        assert reminded(state, 39) is None
        found = reminded(state, 41)
        assert found is not None
        assert found.how == "page"


class TestWhom:
    """Everyone who could help, and nobody else."""

    def test_who_answered_and_who_may_not_are_left_out(self) -> None:
        """Nor who has none of the roles, nor who started the launch."""
        state = ask(SEATS)
        state.answers.append(yes("devops"))
        found = reminded(state, 20)
        assert found is not None
        assert (found.seats, found.people) == (("engineering_lead",), ("engineering",))

    def test_who_could_move_somebody_over_is_reminded_too(self) -> None:
        """A yes from the other role frees whoever has both for the seat that is empty."""
        people = crew(person("both", "devops_lead", "engineering_lead"), person("devops", "devops_lead"))
        state = ask(SEATS)
        state.answers.append(yes("both"))
        found = reminded(state, 20, people)
        assert found is not None
        assert found.people == ("devops",)

    def test_the_deputies_are_woken_and_not_whom_they_stand_in_for(self) -> None:
        """Those were paged before."""
        found = reminded(ask({"devops_lead": 1}), 55)
        assert found is not None
        assert found.people == ("deputy",)

    def test_a_deputy_whose_period_is_over_is_not_woken(self) -> None:
        """Then it is everyone who could answer and has a PagerDuty id."""
        away = person("devops", "devops_lead", pagerduty="PDEVOPS", deputies=[deputy("deputy", -3, -1)])
        people = crew(away, person("other", "devops_lead"), person("deputy", "product_manager", pagerduty="P1"))
        found = reminded(ask({"devops_lead": 1}), 55, people)
        assert found is not None
        assert found.people == ("devops",)

    def test_one_roles_deputy_takes_the_page_from_no_other_role(self) -> None:
        """Where nobody stands in for a role, those who have it are woken beside the other's deputy."""
        found = reminded(ask(SEATS), 55)
        assert found is not None
        assert found.people == ("engineering", "deputy")

    def test_who_has_one_missing_role_is_a_deputy_for_the_other(self) -> None:
        """There they stand in like anybody else, and whom they stand in for was paged before."""
        people = crew(
            person("devops", "devops_lead", pagerduty="P1", deputies=[deputy("engineering", roles=["devops_lead"])]),
            person("engineering", "engineering_lead", pagerduty="P2"),
            person("security", "security_lead", pagerduty="P3"),
        )
        found = reminded(ask({**SEATS, "security_lead": 1}), 55, people)
        assert found is not None
        assert found.people == ("engineering", "security")

    def test_where_nobody_could_answer_it_is_said_all_the_same(self) -> None:
        """Whoever is paged by the role's policy can still hold."""
        found = reminded(ask({"devops_lead": 1}), 45, crew(person("starter", "devops_lead")))
        assert found is not None
        assert (found.seats, found.people) == (("devops_lead",), ())


Moments = st.lists(st.integers(min_value=-600, max_value=4500), max_size=40)  # seconds from the opening; it has 3,600
ACTS = st.lists(st.tuples(st.integers(0, 4500), st.sampled_from(["devops", "engineering", "no", "again", "end"])))


@given(Moments, ACTS, st.sampled_from(["approval", "attestation", "acknowledgement", "sign_off"]))
def test_never_early_never_twice_never_after_the_end(
    looks: Sequence[int], acts: Sequence[tuple[int, str]], kind: str
) -> None:
    """However often it is looked at, and whatever is said and changed meanwhile."""
    state, ended_at = ask(SEATS, kind=kind), None
    happens = sorted([(second, "look") for second in looks] + list(acts))
    for second, what in happens:
        moment = MOMENT + timedelta(seconds=second)
        match what:
            case "look":
                found = next_reminder(state, PEOPLE, moment)
                if found is not None:
                    _is_in_order(state, found, second)
                    assert ended_at is None
                    state.reminders.append(found)
            case "end":
                state.ended, ended_at = ev.AskEnded(ask="go", result="expired", reason="so"), moment
            case "again":
                state.opened = state.opened.model_copy(update={"at": moment})
            case "no":
                state.answers.append(yes("devops").model_copy(update={"answer": "reject"}))
            case _:
                state.answers.append(yes(what))
    assert len({one.how for one in state.reminders}) == len(state.reminders)


def _is_in_order(state: AskState, found: ev.Reminded, second: int) -> None:
    begins = {"remind": 1200, "page": 2400, "deputies": 3000}
    assert begins[found.how] <= second < HOUR.total_seconds()
    assert all(begins[one.how] < begins[found.how] for one in state.reminders)
    assert found.seats
    assert "bystander" not in found.people
    assert state.opened.kind != "approval" or "starter" not in found.people
