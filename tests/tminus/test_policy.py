"""Whose yes counts for what: deputies and their periods, seats for several roles, authors, and what binds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from tminus import asking
from tminus import events as ev
from tminus.candidates import WROTE, Asking, Occasion, barred_from, may_answer, why_never
from tminus.digests import what_changed
from tminus.people import People
from tminus.record import AskState
from tminus.runbook import Approval
from tminus.seats import roles_of_seat, seats_open_to

MOMENT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def deputy(person: str, begins: int = -1, ends: int = 1, **more: JsonValue) -> dict[str, JsonValue]:
    """Stands in from and until so many hours from the moment."""
    period = {"since": (MOMENT + begins * HOUR).isoformat(), "until": (MOMENT + ends * HOUR).isoformat()}
    return {"person": person, **period, **more}


def person(name: str, *roles: str, **more: JsonValue) -> dict[str, JsonValue]:
    """Somebody, as people.yaml has them."""
    return {"id": name, "name": name, "roles": list(roles), **more}


def crew(*people: dict[str, JsonValue]) -> People:
    """Everybody."""
    return People.model_validate({"people": people})


def ask(people_asked: dict[str, int], **more: object) -> AskState:
    """An approval that is open for an hour from the moment."""
    opened = ev.AskOpened(
        at=MOMENT,
        ask="go",
        step="go",
        kind="approval",
        roles=people_asked,
        text="Go?",
        decision_digest="sha256:1",
        evidence_digest="sha256:1",
        deadline=MOMENT + HOUR,
    )
    return AskState(opened.model_copy(update=more), started_by="starter", asked_first=MOMENT)


def yes(who: str, digest: str = "sha256:1", hours: float = 0.0) -> ev.Answered:
    """An approval."""
    return ev.Answered(ask="go", person=who, answer="approve", digest=digest, via="slack", at=MOMENT + hours * HOUR)


class TestDeputies:
    """Somebody who stands in for a while, and only then."""

    @pytest.mark.parametrize(("begins", "ends", "counts"), [(-1, 1, True), (-3, -1, False), (1, 3, False)])
    def test_one_counts_in_their_period_alone(self, begins: int, ends: int, counts: bool) -> None:
        """Before it and after it their yes fills no seat."""
        people = crew(person("lead", "devops_lead", deputies=[deputy("other", begins, ends)]), person("other", "qa"))
        state = ask({"devops_lead": 1})
        state.answers.append(yes("other"))
        assert asking.judge(state, people).met is counts

    def test_one_fills_one_seat_though_they_stand_in_for_two(self) -> None:
        """Distinct people stay distinct."""
        people = crew(
            person("a", "devops_lead", deputies=[deputy("c")]),
            person("b", "security_lead", deputies=[deputy("c")]),
            person("c", "qa"),
        )
        state = ask({"devops_lead": 1, "security_lead": 1})
        state.answers.append(yes("c"))
        judged = asking.judge(state, people)
        assert judged.seating.seated == {"c"}
        assert not judged.met

    def test_a_deputy_of_a_deputy_stands_in_for_the_deputy_alone(self) -> None:
        """Else a role would wander to whom nobody named for it."""
        people = crew(
            person("a", "devops_lead", deputies=[deputy("b")]),
            person("b", "qa", deputies=[deputy("c")]),
            person("c", "dev"),
        )
        third = people.by_id("c")
        assert third is not None
        assert people.roles_between(third, MOMENT, MOMENT) == {"dev", "qa"}

    def test_one_may_stand_in_for_some_roles_only(self) -> None:
        """The others stay with whom they belong to."""
        lead = person("a", "devops_lead", "security_lead", deputies=[deputy("b", roles=["devops_lead"])])
        people = crew(lead, person("b", "qa"))
        may = may_answer(Asking({"devops_lead": 1, "security_lead": 1}, {}, MOMENT, MOMENT), people)
        assert may["b"] == {"devops_lead"}

    @pytest.mark.parametrize(
        ("deputies", "why"),
        [
            ([deputy("a")], "nobody else"),
            ([deputy("ghost")], "nobody else"),
            ([deputy("b", 2, 1)], "before it begins"),
            ([deputy("b", roles=["ceo"])], "cannot stand in"),
        ],
    )
    def test_one_who_makes_no_sense_is_refused(self, deputies: list[dict[str, JsonValue]], why: str) -> None:
        """Oneself, a stranger, a period that ends before it begins, a role that is not there to lend."""
        with pytest.raises(ValidationError, match=why):
            crew(person("a", "devops_lead", deputies=list(deputies)), person("b", "qa"))

    def test_one_who_is_there_by_then_makes_a_quorum_reachable(self) -> None:
        """The plan looks at the time at which it is asked, and not at today."""
        does = Approval(roles={"devops_lead": 1}, deadline=HOUR)
        people = crew(person("starter", "devops_lead", deputies=[deputy("other", 24, 26)]), person("other", "qa"))
        then = Occasion("starter", since=MOMENT + 25 * HOUR, until=MOMENT + 26 * HOUR)
        assert why_never(does, people, then) == ""
        assert "lacks 1 devops_lead" in why_never(does, people, Occasion("starter", since=MOMENT, until=MOMENT + HOUR))


class TestSeats:
    """One of several roles."""

    def test_two_of_three_leads_are_two_people(self) -> None:
        """With whichever of the roles, and nobody twice."""
        any_lead = "devops_lead or qa_lead or security_lead"
        people = crew(person("a", "devops_lead", "qa_lead"), person("b", "security_lead"), person("c", "dev"))
        state = ask({any_lead: 2})
        state.answers.append(yes("a"))
        assert asking.judge(state, people).waits == f"waits for 1 {any_lead}; next could be b"
        state.answers.append(yes("b"))
        assert asking.judge(state, people).met

    @given(st.frozensets(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd"), min_size=1, unique=True))
    def test_a_seat_is_open_to_exactly_who_has_one_of_its_roles(self, held: frozenset[str], roles: list[str]) -> None:
        """And to nobody else."""
        seat = " or ".join(roles)
        assert roles_of_seat(seat) == tuple(roles)
        assert (seat in seats_open_to(held, [seat])) == bool(held & set(roles))


class TestAuthors:
    """Who wrote it does not approve it."""

    def test_an_author_is_known_by_any_of_their_addresses(self) -> None:
        """In whatever capitals; a stranger's address bars nobody, and a reading is not an approval."""
        people = crew(person("a", "qa", email="A@example.com", commits_as=["a@users.example.com"]), person("b", "qa"))
        for address in ("a@EXAMPLE.com", "A@users.example.com"):
            assert barred_from("approval", people, "", [address]) == {"a": WROTE}
        assert barred_from("approval", people, "", ["stranger@example.com"]) == {}
        assert barred_from("acknowledgement", people, "b", ["a@example.com"]) == {}

    def test_an_authors_yes_fills_no_seat_and_their_no_counts(self) -> None:
        """Whoever knows the change best may always stop it."""
        people = crew(person("a", "qa"), person("b", "qa"))
        state = ask({"qa": 1}, barred={"a": WROTE})
        state.answers.append(yes("a"))
        assert not asking.judge(state, people).met
        assert asking.judge(state, people).waits == "waits for 1 qa; next could be b"
        state.answers.append(yes("a").model_copy(update={"answer": "reject"}))
        assert asking.judge(state, people).rejected is not None

    def test_a_quorum_that_only_authors_could_fill_is_said_before_it_begins(self) -> None:
        """When the launch is planned, and not at the gate."""
        people = crew(person("a", "qa", email="a@example.com"), person("b", "dev"))
        does = Approval(roles={"qa": 1}, deadline=HOUR)
        assert "lacks 1 qa" in why_never(does, people, Occasion(authors=("a@example.com",)))


class TestBinding:
    """A yes stays for as long as what concerns its seat stays."""

    def test_only_the_seats_that_a_change_concerns_are_asked_again(self) -> None:
        """One who could sit in either is moved to the one that stayed."""
        people = crew(person("a", "devops_lead", "security_lead"), person("b", "devops_lead"))
        before = {"devops_lead": "d1", "security_lead": "s1"}
        state = ask({"devops_lead": 1, "security_lead": 1}, bindings=before)
        state.bound["sha256:1"] = before
        state.answers += [yes("a"), yes("b")]
        assert asking.judge(state, people).met
        after = {**before, "devops_lead": "d2"}
        state.opened = state.opened.model_copy(update={"decision_digest": "sha256:2", "bindings": after})
        state.bound["sha256:2"] = after
        judged = asking.judge(state, people)
        assert judged.seating.filled == {"devops_lead": (), "security_lead": ("a",)}
        state.answers.append(yes("b", "sha256:2"))
        assert asking.judge(state, people).met

    def test_it_says_what_changed(self) -> None:
        """Each fact that is another now, and none that is not."""
        before, after = {"a": "pass", "b": "fail", "gone": "pass"}, {"a": "pass", "b": "pass", "new": "pass"}
        assert what_changed(before, before) == ()
        assert what_changed(before, after) == (
            "b: fail → pass",
            "gone: pass → not among what it rests on",
            "new: not among what it rests on → pass",
        )

    def test_a_no_stands_whatever_changes_after_it(self) -> None:
        """A question that is asked again voids approvals; whoever said no has said it."""
        people = crew(person("a", "devops_lead"), person("b", "devops_lead"))
        state = ask({"devops_lead": 1}, bindings={"devops_lead": "d1"})
        state.answers.append(yes("a").model_copy(update={"answer": "reject"}))
        state.opened = state.opened.model_copy(
            update={"decision_digest": "sha256:2", "bindings": {"devops_lead": "d2"}}
        )
        state.answers.append(yes("b", "sha256:2"))
        judged = asking.judge(state, people)
        assert judged.rejected is not None
        assert not judged.met
