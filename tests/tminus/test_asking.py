"""Which answers count, whom an ask still waits for, and that one no outweighs every yes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tminus.staged_launch import Stage
from tminus import asking
from tminus import events as ev
from tminus.digests import decision_digest, facts_of
from tminus.expectation import Measurement
from tminus.outcome import Observation, Outcome, judge
from tminus.people import People, Person
from tminus.quorum import why_unreachable
from tminus.record import AskState, Record
from tminus.runbook import Spec

MOMENT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ROLES = ("engineering_lead", "devops_lead", "security_lead")


def crew(roles: Mapping[str, frozenset[str]]) -> People:
    """People with these roles, all of one name."""
    return People(people=tuple(Person(id=one, name="Lead", roles=held) for one, held in roles.items()))


def opened(digest: str = "sha256:1", kind: str = "approval", **roles: int) -> ev.AskOpened:
    """A question."""
    plain = {"ask": "go", "step": "go", "kind": kind, "roles": roles or dict.fromkeys(ROLES, 1), "veto": ("ceo",)}
    at = {
        "text": "Go?",
        "decision_digest": digest,
        "evidence_digest": digest,
        "deadline": MOMENT + timedelta(minutes=5),
    }
    return ev.AskOpened.model_validate({**plain, **at})


def answered(person: str, answer: ev.Answer = "approve", digest: str = "sha256:1") -> ev.Answered:
    """An answer."""
    return ev.Answered(ask="go", person=person, answer=answer, digest=digest, via="slack", at=MOMENT)


class TestJudgement:
    """When a question is met."""

    @given(
        roles=st.dictionaries(
            st.sampled_from("abcdef"), st.frozensets(st.sampled_from(ROLES), min_size=1), min_size=1, max_size=6
        ),
        quorum=st.dictionaries(st.sampled_from(ROLES), st.integers(1, 2), min_size=1),
    )
    def test_it_is_met_exactly_when_everyone_together_could_fill_the_seats(
        self, roles: dict[str, frozenset[str]], quorum: dict[str, int]
    ) -> None:
        """Whoever holds two roles is seated where that completes it; nobody fills two seats."""
        people = crew(roles)
        judged = asking.judge(AskState(opened(**quorum), [answered(one) for one in roles]), people)
        assert judged.met == (why_unreachable(quorum, roles) == "")
        seated = [person for persons in judged.seating.filled.values() for person in persons]
        assert len(seated) == len(set(seated))
        assert judged.met == (judged.waits == "")

    def test_somebody_in_two_roles_moves_over_when_that_completes_it(self) -> None:
        """First seated as devops_lead, they become the security_lead once another devops_lead answers."""
        people = crew({"both": frozenset(ROLES[1:]), "devops": frozenset({"devops_lead"})})
        ask = AskState(opened(devops_lead=1, security_lead=1), [answered("both"), answered("devops")])
        assert asking.judge(ask, people).seating.filled == {"devops_lead": ("devops",), "security_lead": ("both",)}

    @given(
        answers=st.lists(st.sampled_from(["engineering", "devops", "security"]), min_size=1),
        no=st.sampled_from(["ceo", "engineering", "devops", "security"]),
    )
    def test_one_no_outweighs_every_yes(self, answers: list[str], no: str) -> None:
        """Also from a role that is only asked to veto, and wherever it stands among the answers."""
        people = crew({"ceo": frozenset({"ceo"}), **{role.partition("_")[0]: frozenset({role}) for role in ROLES}})
        given_ = [answered(one) for one in answers if one != no] + [answered(no, "reject")]
        judged = asking.judge(AskState(opened(), given_), people)
        assert not judged.met
        assert judged.rejected is not None
        assert judged.rejected.person == no

    def test_two_people_of_one_name_are_told_apart(self) -> None:
        """Why it waits names them with their ids, and takes neither for the other."""
        people = crew({"first": frozenset({"devops_lead"}), "second": frozenset({"devops_lead"})})
        judged = asking.judge(AskState(opened(devops_lead=2), [answered("first")]), people)
        assert judged.waits == "waits for 1 devops_lead; next could be Lead (second)"


class TestBinding:
    """An answer binds to what was decided, and to no more than that."""

    def found(self, stage: Stage, age: float) -> None:
        """The backup check comes to something."""
        spec: Spec = stage.step("backup-completed").does
        seen = Observation(found=(Measurement.number("age", age, "h"), Measurement(name="encrypted", word="yes")))
        stage.end_step("backup-completed", judge(spec.expect, seen))  # type: ignore[attr-defined]  # a story's check

    def test_an_approval_survives_another_measurement_and_not_another_outcome(self, tmp_path: Path) -> None:
        """An hour more within the limit changes nothing; a failure asks those anew whom it concerns, and no others."""
        stage = Stage.set(tmp_path)
        self.found(stage, 5.25)
        stage.ask()
        stage.book.write(stage.said("devops"), stage.said("engineering"))
        self.found(stage, 6.5)
        again = stage.ask()
        assert [one.person for one in stage.standing()] == ["devops", "engineering"]
        self.found(stage, 30.0)
        assert stage.ask().decision_digest != again.decision_digest
        assert [one.person for one in stage.standing()] == ["engineering"]

    def test_a_waiver_is_part_of_what_is_decided(self, tmp_path: Path) -> None:
        """Who waived what, and until when, changes the digest."""
        stage = Stage.set(tmp_path)
        stage.end_step("services-healthy", Outcome.failed("healthy 4 of 6"))
        before = decision_digest(stage.frozen, facts_of(stage.book.record, stage.before("go-no-go")))
        waived = ev.Ordered(
            order="waive", person="engineering", via="slack", step="services-healthy", reason="r", until=MOMENT
        )
        stage.book.write(waived)
        assert decision_digest(stage.frozen, facts_of(stage.book.record, stage.before("go-no-go"))) != before


class TestRefusals:
    """What does not count, and the reason that its author is told."""

    def why(self, stage: Stage, said: ev.Answered, after: timedelta = timedelta(0)) -> str | None:
        """The reason, `after` so long."""
        record = stage.book.refresh()
        moment = record.asks["go-no-go"].opened.at + after
        return asking.why_refused(said, record, stage.frozen.people, moment)

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"person": "nobody"}, "nobody is nobody in this launch's people.yaml"),
            ({"ask": "lunch"}, "nothing called 'lunch' was asked"),
            ({"person": "product"}, "has the roles product_manager; asked are"),
            ({"digest": "sha256:old"}, "has changed since"),
            ({"digest": "sha256:old", "answer": "reject"}, "has changed since"),
            ({"answer": "acknowledge"}, "'acknowledge' does not answer this approval; approve, reject would"),
            ({"person": "starter"}, "nobody approves their own"),
            ({"via": "pagerduty"}, "from there only a no counts"),
        ],
        ids=["person", "ask", "role", "digest", "digest of a no", "kind", "own", "pagerduty"],
    )
    def test_what_does_not_fit_the_question(self, tmp_path: Path, changed: dict[str, str], reason: str) -> None:
        """Each is refused for its own reason; unchanged it would count."""
        stage = Stage.set(tmp_path)
        stage.ask()
        said = stage.said("engineering")
        assert self.why(stage, said) is None
        refused = self.why(stage, said.model_copy(update=changed))
        assert refused is not None
        assert reason in refused

    def test_the_product_manager_may_say_no_and_not_yes(self, tmp_path: Path) -> None:
        """A veto role is asked for nothing else."""
        stage = Stage.set(tmp_path)
        stage.ask()
        assert self.why(stage, stage.said("product", "reject")) is None
        assert self.why(stage, stage.said("product")) is not None

    def test_whoever_started_it_may_still_say_no(self, tmp_path: Path) -> None:
        """Only their own yes is worth nothing."""
        stage = Stage.set(tmp_path)
        stage.ask()
        assert self.why(stage, stage.said("starter", "reject")) is None

    def test_late_is_late(self, tmp_path: Path) -> None:
        """On the deadline it counts, a moment after it does not."""
        stage = Stage.set(tmp_path)
        deadline = stage.ask(deadline=timedelta(minutes=5)).deadline - stage.book.record.asks["go-no-go"].opened.at
        assert self.why(stage, stage.said("devops"), deadline) is None
        late = self.why(stage, stage.said("devops"), deadline + timedelta(microseconds=1))
        assert late is not None
        assert late.startswith("the deadline was ")

    def test_twice_is_once(self, tmp_path: Path) -> None:
        """The same answer again says that it was given; the other one takes it back."""
        stage = Stage.set(tmp_path)
        stage.ask()
        stage.book.write(stage.said("devops"))
        assert self.why(stage, stage.said("devops")) == "DevOps lead, first shift already said approve"
        assert self.why(stage, stage.said("devops", "reject")) is None

    def test_after_a_no_nobody_says_yes(self, tmp_path: Path) -> None:
        """Nor can whoever said it turn it round before the conductor has looked."""
        stage = Stage.set(tmp_path)
        stage.ask()
        stage.book.write(stage.said("devops", "reject"))
        for person in ("devops", "security"):
            assert self.why(stage, stage.said(person)) == "DevOps lead, first shift said no, and one no decides"

    @pytest.mark.parametrize(("end", "reason"), [("ask", "go-no-go was decided at"), ("launch", "launch is over: GO")])
    def test_after_the_end_nothing_counts(self, tmp_path: Path, end: str, reason: str) -> None:
        """Neither once the question is decided, nor once the launch is over."""
        stage = Stage.set(tmp_path)
        stage.ask()
        said = stage.said("devops")
        if end == "ask":
            stage.end_ask()
        else:
            stage.close()
        refused = self.why(stage, said)
        assert refused is not None
        assert reason in refused

    def test_a_brief_is_read_and_not_rejected(self, tmp_path: Path) -> None:
        """There is no saying no to having read something."""
        stage = Stage.set(tmp_path)
        stage.ask("team-briefed")
        record = stage.book.refresh()
        said = stage.said("devops", "reject", "team-briefed")
        refused = asking.why_refused(said, record, stage.frozen.people, record.asks["team-briefed"].opened.at)
        assert refused == "'reject' does not answer this acknowledgement; acknowledge would"


def test_a_record_without_a_launch_refuses_and_does_not_fail() -> None:
    """An answer to a chain that nothing was written to yet finds nothing that was asked."""
    people = crew({"devops": frozenset({"devops_lead"})})
    why = asking.why_refused(answered("devops"), Record(), people, MOMENT)
    assert why == "nothing called 'go' was asked in this launch"
