"""Who may answer, and whether enough can: the same for plan, validate, launch and the answers themselves."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue, ValidationError

from tminus.candidates import Asking, Occasion, barred_from, may_answer, roles_asked, why_never, why_no_way_back
from tminus.clock import Clock, now
from tminus.errors import UsageError
from tminus.launching import refuse_unreachable
from tminus.people import People
from tminus.plan import Crew, Plan, make_plan
from tminus.runbook import Acknowledgement, Approval, Attestation, FollowUps, PagingPath, Runbook, Spec
from tminus.runbook_source import build
from tminus.yaml_document import parse
from tminus.yaml_source import Source

LEADS = {"devops_lead": 1, "security_lead": 1}
APPROVAL = Approval(roles=LEADS, deadline=timedelta(hours=1))
BRIEF = Acknowledgement(roles=LEADS, deadline=timedelta(hours=1), says="brief")
WATCHING = Attestation(role="ceo", statement="it is", deadline=timedelta(hours=1))
PAGING = PagingPath(role="ceo", deadline=timedelta(hours=1))
_BOOK = """
runbook: launch
system: tradesense
phases:
  - phase: T-0
    late_by: 1h
    steps:
      - {id: the-step, title: The step, owner: devops_lead, %s}
"""
_STEPS = {
    "approval": "approval: {roles: {devops_lead: 1, security_lead: 1}, deadline: 30m}",
    "attestation": "attestation: {role: ceo, statement: It is, deadline: 1h}",
    "paging": "paging: {role: ceo, deadline: 1h}",
}


def crew(roles: Mapping[str, str], on_duty: bool = True) -> People:
    """People with one role or more, apart by commas."""
    return People.model_validate(
        {
            "people": [
                {"id": one, "name": one, "roles": held.split(","), "on_duty": on_duty} for one, held in roles.items()
            ]
        }
    )


def book(step: str) -> Runbook:
    """A book of one step."""
    return build(Source(Path("book.yaml"), parse(_BOOK % _STEPS[step])), {})


def planned(step: str, people: People, started_by: str = "") -> Plan:
    """Its plan."""
    moment = now()
    return make_plan(book(step), Crew(people, started_by), Clock(), moment + timedelta(days=1), moment)


TWO = crew({"devops": "devops_lead", "security": "security_lead"})
THREE = crew({"devops": "devops_lead", "security": "security_lead", "manager": "release_manager"})


def test_who_starts_a_launch_answers_everything_but_its_approval() -> None:
    """Nobody approves their own."""
    assert set(may_answer(Asking(LEADS, barred_from("approval", TWO, "devops")), TWO)) == {"security"}
    for kind in ("acknowledgement", "sign_off", "attestation"):
        assert set(may_answer(Asking(LEADS, barred_from(kind, TWO, "devops")), TWO)) == {"devops", "security"}


@pytest.mark.parametrize(
    ("does", "people", "started_by", "reachable"),
    [
        (APPROVAL, THREE, "manager", True),
        (APPROVAL, THREE, "devops", False),
        (APPROVAL, THREE, "", True),
        (APPROVAL, TWO, "", False),
        (BRIEF, TWO, "devops", True),
        (BRIEF, TWO, "", True),
        (WATCHING, TWO, "", False),
        (PAGING, TWO, "devops", False),
        (FollowUps(), TWO, "", True),
    ],
    ids=[
        "by another",
        "by one of them",
        "by anybody",
        "by nobody else",
        "read by all",
        "read",
        "attestation",
        "paging",
        "no question",
    ],
)
def test_what_can_never_be_decided_is_told(does: Spec, people: People, started_by: str, reachable: bool) -> None:
    """Before a launch, whoever may yet start it; and then by whom it was."""
    assert (why_never(does, people, Occasion(started_by)) == "") is reachable


def test_an_unknown_starter_is_one_of_the_crew() -> None:
    """Where two must approve and there are two, nobody is left to start it, and the reason says so."""
    why = why_never(APPROVAL, TWO)
    assert why.startswith("whoever starts the launch does not approve it, and without them with everyone's answer")


@pytest.mark.parametrize("step", ["approval", "attestation", "paging"])
def test_plan_and_launch_agree(step: str) -> None:
    """What the plan calls unreachable the launch refuses, for every kind of question and by whoever starts it."""
    for people in (TWO, THREE, crew({"devops": "devops_lead", "ceo": "ceo,security_lead", "other": "ceo"})):
        for started_by in ("", *(person.id for person in people.people)):
            why = planned(step, people, started_by).unreachable.get("the-step")
            if why is None:
                refuse_unreachable(book(step).steps(), people, Occasion(started_by))
                continue
            with pytest.raises(UsageError, match="the-step can never be decided"):
                refuse_unreachable(book(step).steps(), people, Occasion(started_by))


def test_the_plan_does_not_count_on_whoever_starts_it() -> None:
    """As soon as that is known, their name is no candidate for an approval."""
    (phase,) = planned("approval", THREE, "devops").phases
    question = phase.steps[0].question
    assert question is not None
    assert question.candidates == {"devops_lead": (), "security_lead": ("security",)}
    assert roles_asked(FollowUps()) == {}


class _Action:
    """What changes something."""

    verb = "action"


@pytest.mark.parametrize(
    ("roles", "what", "on_duty", "why"),
    [
        (("devops_lead",), (), True, ""),
        (("devops_lead",), (), False, "nobody with a role of devops_lead is on duty"),
        (("ceo",), (), True, "nobody with a role of ceo is on duty"),
        ((), (_Action(),), True, ""),
        ((), (_Action(),), False, "nobody is on duty"),
        ((), (), False, ""),
    ],
)
def test_somebody_on_duty_must_be_able_to_roll_back(
    roles: tuple[str, ...], what: tuple[object, ...], on_duty: bool, why: str
) -> None:
    """With one of the book's roles if it names any; a book that changes nothing needs nobody."""
    found = why_no_way_back(roles, what, crew({"devops": "devops_lead"}, on_duty=on_duty))
    assert found.startswith(why)
    assert bool(found) is bool(why)


def test_one_key_with_two_comments_is_one_key() -> None:
    """It belongs to one person."""
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL0SlvRoZkIbXLKR9W0wWVPhwSh5dMBvSDZnFZ0kTe5x"
    both: list[JsonValue] = [
        {"id": one, "name": one, "roles": ["ceo"], "key": f"{key} {one}@laptop"} for one in ("first", "second")
    ]
    with pytest.raises(ValidationError, match="belongs to both 'first' and 'second'"):
        People.model_validate({"people": both})
