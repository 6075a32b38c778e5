"""The people and the book, as the doctor finds them."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.tminus.doctor.conftest import person, told
from tminus.doctor.finding import Finding, Level
from tminus.doctor.team import TeamLook
from tminus.people import People, Person
from tminus.runbook import Acknowledgement, Approval, Phase, Runbook, Spec, Step

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def book(*does: Spec, **more: object) -> Runbook:
    """A book of these questions, owned by the engineering lead."""
    steps = tuple(
        Step(id=f"step-{number}", title="A step", owner="engineering_lead", does=one)
        for number, one in enumerate(does, start=1)
    )
    phase = Phase(phase="T-1h", late_by=timedelta(hours=1), steps=steps)
    return Runbook.model_validate({"runbook": "little", "system": "tradesense", "phases": (phase,), **more})


def approval(**roles: int) -> Approval:
    """A go/no-go."""
    named = {role.replace("_or_", " or "): count for role, count in roles.items()}
    return Approval(roles=named, deadline=timedelta(hours=1))


def look(
    *people: Person,
    of: Runbook | None = None,
    lost: tuple[str, ...] = (),
    unknown: tuple[str, ...] = (),
    slack: bool = True,
) -> list[Finding]:
    """What is found, where Slack knows everybody but those who are `lost` or `unknown`."""
    seen = {one.id for one in people if slack and one.slack}.difference(lost, unknown)
    return list(TeamLook(People(people=people), NOW, seen=seen, unknown=unknown).findings(of))


def deputy(who: str, since: timedelta, until: timedelta, *roles: str) -> dict[str, object]:
    """Somebody who stands in."""
    return {"person": who, "since": NOW + since, "until": NOW + until, "roles": roles}


@pytest.mark.parametrize(
    ("key", "level", "said"),
    [
        (None, Level.WARN, "cannot decide on the command line"),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDS", Level.FAIL, "no ssh-ed25519 public key"),
        ("ssh-ed25519 hunter2", Level.FAIL, "no ssh-ed25519 public key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", Level.FAIL, "no ssh-ed25519 public key"),
    ],
)
def test_a_key_with_which_nothing_can_be_signed(key: str | None, level: Level, said: str) -> None:
    """Said with the person's name; what stands there is not repeated."""
    found = look(person("anna", key=key))
    assert said in told(found, level, "anna")[0]
    assert key is None or key not in "".join(map(str, found))


def test_who_can_answer_nowhere() -> None:
    """Neither a Slack account that counts nor a key."""
    found = look(person("anna", slack=None, key=None), person("boris", key=None), lost=("boris",))
    assert [one.about for one in found if "can answer nowhere" in one.said] == ["anna", "boris"]
    assert any("can answer nowhere" in one.said for one in look(person("anna", key=None), slack=False))


def test_deputies_by_their_periods() -> None:
    """In force now, to come, and over; only what is over wants something done."""
    some = [
        deputy("boris", -DAY, DAY),
        deputy("cleo", DAY, 2 * DAY, "engineering_lead"),
        deputy("dora", -2 * DAY, -DAY),
    ]
    found = look(person("anna", deputies=some), person("boris"), person("cleo"), person("dora"))
    assert any("boris stands in for them as engineering_lead now, until 2026-11-22" in one.said for one in found)
    assert any("cleo stands in for them as engineering_lead from 2026-11-22" in one.said for one in found)
    assert told(found, Level.WARN) == [
        "dora stood in for them until 2026-11-20 12:00; take it out, or give a new period"
    ]


def test_each_role_of_the_book_by_name() -> None:
    """Nobody has it: FAIL; whoever has it can answer nowhere: FAIL; else those who have it."""
    wanted = book(approval(devops_lead=1, security_lead=1), may_waive=("ceo",))
    found = look(person("anna"), person("boris", "devops_lead", slack=None, key=None), of=wanted)
    assert "may_waive" in told(found, Level.FAIL, "role ceo")[0]
    assert "asked by step-1" in told(found, Level.FAIL, "role security_lead")[0]
    assert "can answer anywhere: boris" in told(found, Level.FAIL, "role devops_lead")[0]
    assert told(found, Level.OK, "role engineering_lead") == ["anna; "]


def test_a_quorum_is_counted_with_those_who_can_answer() -> None:
    """Reachable by the file, and not by people: that is a FAIL here, though `validate` finds no mistake."""
    wanted = book(approval(engineering_lead=1, devops_lead=1))
    well = [person("anna"), person("boris", "devops_lead"), person("cleo", "devops_lead")]
    assert told(look(*well, of=wanted), Level.OK, "step step-1") == [
        "engineering_lead by anna; devops_lead by boris, cleo; "
    ]
    mute = [
        person("anna"),
        person("boris", "devops_lead", key=None),
        person("cleo", "devops_lead", slack=None, key=None),
    ]
    found = look(*mute, of=wanted, lost=("boris",))
    assert "could not be decided now" in told(found, Level.FAIL, "step step-1")[0]


def test_what_slack_did_not_say_is_not_known() -> None:
    """Neither ok nor a FAIL where it hangs on somebody whom Slack did not show; who has a key, or is gone, is known."""
    wanted = book(approval(engineering_lead=1, devops_lead=1), may_roll_back=("devops_lead",))
    anna, boris = person("anna", on_duty=True), person("boris", "devops_lead", key=None, on_duty=True)
    starter = person("cleo", "security_lead")
    found = look(anna, boris, starter, of=wanted, unknown=("anna", "boris"))
    for about in ("role devops_lead", "step step-1", "rollback"):
        assert [one.level for one in found if one.about == about] == [Level.WARN]
        assert "not known" in told(found, Level.WARN, about)[0]
    assert told(found, Level.OK, "role engineering_lead") == ["anna; "]
    assert not any("can answer nowhere" in one.said for one in found)
    gone = look(anna, boris, starter, of=wanted, lost=("boris",), unknown=("anna",))
    assert all(told(gone, Level.FAIL, about) for about in ("role devops_lead", "step step-1", "rollback"))


def test_two_seats_are_two_people() -> None:
    """One with both roles fills one."""
    wanted = book(Acknowledgement(says="brief", roles={"a or b": 2}, deadline=timedelta(hours=1)))
    both = person("anna", "a", "b", "engineering_lead")
    assert "could not be decided now" in told(look(both, of=wanted), Level.FAIL, "step step-1")[0]
    assert told(look(both, person("boris", "b"), of=wanted), Level.OK, "step step-1") == [
        "2 of a or b by anna, boris; "
    ]


@pytest.mark.parametrize(("since", "well"), [(-DAY, True), (DAY, False)])
def test_a_deputy_counts_while_in_force(since: timedelta, well: bool) -> None:
    """They fill the seat of somebody who can answer nowhere; not before their period."""
    absent = person("anna", "devops_lead", slack=None, key=None, deputies=[deputy("boris", since, 2 * DAY)])
    wanted = book(Acknowledgement(says="brief", roles={"devops_lead": 1}, deadline=timedelta(hours=1)))
    found = look(absent, person("boris"), of=wanted)
    assert bool(told(found, Level.OK, "step step-1")) == well


def test_nobody_on_duty_to_go_back() -> None:
    """A FAIL, as for `validate`."""
    wanted = book(approval(engineering_lead=1), may_roll_back=("engineering_lead",))
    assert "on duty" in told(look(person("anna"), person("boris"), of=wanted), Level.FAIL, "rollback")[0]
    assert told(look(person("anna", on_duty=True), person("boris"), of=wanted), Level.FAIL, "rollback") == []
    mute = person("anna", on_duty=True, slack=None, key=None)
    assert "on duty" in told(look(mute, person("boris"), of=wanted), Level.FAIL, "rollback")[0]
