"""PagerDuty, as the doctor finds it."""

import time

import pytest
from starlette.responses import PlainTextResponse

from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.in_thread import Door
from tests.outages.trouble import TROUBLES, Mode
from tests.tminus.doctor.conftest import REST_TOKEN, PagerDutyDesk, person, told
from tminus.doctor.finding import Level
from tminus.doctor.pagerduty_ids import PagerDutyLook
from tminus.environment import PagerDuty
from tminus.people import People


def test_where_all_is_well_it_says_so_and_only_reads(pagerduty_desk: PagerDutyDesk, people: People) -> None:
    """The sender, the service, the roles' policies and each person."""
    found = pagerduty_desk.look(people, {"policies": {"devops_lead": "PPOLICY"}})
    assert [one.level for one in found] == [Level.OK] * 6
    assert {call.method.partition(" ")[0] for call in pagerduty_desk.stand_in.record.calls} == {"GET"}


def test_an_id_that_is_not_theirs(pagerduty_desk: PagerDutyDesk) -> None:
    """A FAIL that names the person: pages meant for them would go elsewhere, or nowhere."""
    some = (person("anna", pagerduty="PBORIS"), person("dora"), person("cleo", pagerduty="../incidents", email=None))
    found = pagerduty_desk.look(People(people=some))
    assert "has the address boris@example.com" in told(found, Level.FAIL, "anna")[0]
    assert "PagerDuty has no user PDORA" in told(found, Level.FAIL, "dora")[0]
    assert "PagerDuty has no user ../incidents" in told(found, Level.FAIL, "cleo")[0]


def test_who_has_no_id_is_looked_up_by_their_address(pagerduty_desk: PagerDutyDesk) -> None:
    """The id is suggested, never taken; whom PagerDuty does not know either is no trouble."""
    some = (person("anna", pagerduty=None), person("dora", pagerduty=None), person("emil", pagerduty=None, email=None))
    found = pagerduty_desk.look(People(people=some))
    assert ["add it as `pagerduty`" in one for one in told(found, Level.WARN)] == [True]
    assert "PANNA" in told(found, Level.WARN, "anna")[0]


def test_what_pages_are_made_by(pagerduty_desk: PagerDutyDesk, people: People) -> None:
    """A sender, a service and a policy that are not there are three FAILs."""
    wrong = {"from_email": "nobody@example.com", "service": "PNOWHERE", "policies": {"devops_lead": "PNOTHING"}}
    said = told(pagerduty_desk.look(people, wrong), Level.FAIL)
    assert len(said) == 3
    assert "no user has the address nobody@example.com" in said[0]
    assert "the policy of devops_lead, PNOTHING, is not there" in said[2]


def test_a_policy_of_a_role_that_nobody_has(pagerduty_desk: PagerDutyDesk, people: People) -> None:
    """Most likely its name is wrong, and then the default service is paged."""
    found = pagerduty_desk.look(people, {"policies": {"devop_lead": "PPOLICY"}})
    assert "names devop_lead, a role that nobody has" in told(found, Level.WARN, "pagerduty")[0]


def test_without_a_token_nothing_is_asked(pagerduty_desk: PagerDutyDesk, people: People) -> None:
    """It is said what would be looked at with one; a token that only reads will do."""
    (one,) = PagerDutyLook(PagerDuty(routing_key="env:DOCTOR_ROUTING")).findings(people.people)
    assert (one.level, "add pagerduty.rest" in one.then) == (Level.WARN, True)
    assert pagerduty_desk.stand_in.record.calls == []


@pytest.mark.parametrize("mode", TROUBLES)
def test_a_pagerduty_that_does_not_answer_is_one_fail(
    pagerduty_desk: PagerDutyDesk, people: People, mode: Mode, impatient: object
) -> None:
    """Whatever it does instead, it is named, once, in time and without a secret."""
    pagerduty_desk.trouble.set(mode)
    pagerduty_desk.trouble.retry_after = 120
    began = time.monotonic()
    (one,) = pagerduty_desk.look(people)
    assert time.monotonic() - began < 4
    assert (one.level, one.about, "cannot be asked" in one.said) == (Level.FAIL, "pagerduty", True)
    assert REST_TOKEN not in str(one)
    pagerduty_desk.trouble.set("none")


def test_a_token_that_is_refused(
    pagerduty_desk: PagerDutyDesk, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One FAIL; neither the token nor the end of it is in it."""
    monkeypatch.setenv("DOCTOR_REST", "wrong-canary")
    (one,) = pagerduty_desk.look(people)
    assert (one.level, "status 401" in one.said, "anary" in str(one)) == (Level.FAIL, True, False), one.said


@pytest.mark.parametrize("token", ["caf\u00e9-canary", "line\nbreak-canary"])
def test_a_token_that_no_header_holds(
    pagerduty_desk: PagerDutyDesk, people: People, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """One FAIL, in which it is not."""
    monkeypatch.setenv("DOCTOR_REST", token)
    (one,) = pagerduty_desk.look(people)
    assert (one.level, "canary" in str(one)) == (Level.FAIL, False)


def test_an_answer_that_cannot_be_decoded(pagerduty_desk: PagerDutyDesk, pagerduty_door: Door, people: People) -> None:
    """It says that it is compressed, and is not."""
    pagerduty_door.behind = PlainTextResponse("no gzip", headers={"content-encoding": "gzip"})
    (one,) = pagerduty_desk.look(people)
    assert (one.level, "cannot be asked" in one.said) == (Level.FAIL, True)


def test_a_rate_limit_is_heeded(pagerduty_desk: PagerDutyDesk, people: People) -> None:
    """One request, then it waits as long as it is told, and goes on."""
    pagerduty_desk.stand_in.faults.set(Fault(mode="rate_limited", retry_after=1, times=1))
    began = time.monotonic()
    assert told(pagerduty_desk.look(people), Level.FAIL) == []
    assert time.monotonic() - began >= 1
    assert sum(1 for call in pagerduty_desk.stand_in.record.calls if call.status == 429) == 1
