"""The countdown before it begins: wall-clock times, who answers, and what can never be reached."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tminus.clock import Clock
from tminus.errors import UsageError
from tminus.people import People
from tminus.plan import Crew, Plan, make_plan, parse_t0
from tminus.runbook import Runbook
from tminus.runbook_source import build
from tminus.yaml_document import parse
from tminus.yaml_source import Source

DATA = Path(__file__).parents[1] / "data"
T0 = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
BOOK = """
runbook: launch
system: tradesense
phases:
  - phase: T-4h
    late_by: 2h
    steps:
      - {id: signed, title: Signed, owner: ceo, sign_off: {roles: {ceo: 1}, valid_for: 14d}}
      - {id: brief, title: Read, owner: ceo, acknowledgement: {roles: {ceo: 1}, says: brief, deadline: 3h}}
  - phase: T-0
    late_by: 1h
    steps:
      - {id: go, title: Go, owner: ceo, approval: {roles: {devops_lead: 1, security_lead: 1}, deadline: 30m}}
      - {id: seen, title: Seen, owner: ceo, attestation: {role: ceo, statement: It is, deadline: 1h}}
"""


def book() -> Runbook:
    """The little book above."""
    return build(Source(Path("book.yaml"), parse(BOOK)), {})


def people() -> People:
    """The people of the examples."""
    return Source.read(DATA / "people.yaml").load(People)


def planned(clock: Clock | None = None, at: datetime = T0 - timedelta(days=1), who: People | None = None) -> Plan:
    """A plan of the little book to T0."""
    return make_plan(book(), Crew(who or people()), clock or Clock(), T0, at)


def test_phases_stand_on_the_wall_clock() -> None:
    """Each phase begins at T-0 plus its offset, and holds when it is later than the book allows."""
    plan = planned()
    assert [(phase.at - T0, phase.latest - T0) for phase in plan.phases] == [
        (timedelta(hours=-4), timedelta(hours=-2)),
        (timedelta(0), timedelta(hours=1)),
    ]


def test_a_compressed_clock_scales_offsets_and_deadlines() -> None:
    """With `hour: 5s` T-4h is 20 s before T-0, and a deadline of 3 h is 15 s."""
    plan = planned(Clock(hour=timedelta(seconds=5)))
    assert plan.phases[0].at == T0 - timedelta(seconds=20)
    question = plan.phases[0].steps[1].question
    assert question is not None
    assert question.until == T0 - timedelta(seconds=5)


def test_a_sign_off_has_no_time_on_the_countdown() -> None:
    """It is made days ahead."""
    question = planned().phases[0].steps[0].question
    assert question is not None
    assert question.until is None


def test_who_could_answer() -> None:
    """Every role is listed with the names of all who have it."""
    question = planned().phases[1].steps[0].question
    assert question is not None
    assert question.candidates["security_lead"] == ("DevOps lead, second shift", "Security lead, first shift")


def test_one_person_in_two_roles_is_not_two() -> None:
    """A quorum that only one person could fill is unreachable, and the plan says which role lacks whom."""
    alone = People.model_validate(
        {"people": [{"id": "ann", "name": "Both", "roles": ["devops_lead", "security_lead", "ceo"]}]}
    )
    assert planned(who=alone).unreachable == {
        "go": "with everyone's answer it still lacks 1 security_lead; "
        "who could answer: ann (devops_lead, security_lead)"
    }


CALL = """
  - phase: T-24h
    late_by: 1h
    steps:
      - {id: call, title: There, owner: ceo, roll_call: {deadline: 4h}}
"""


def test_a_roll_call_goes_to_whoever_could_answer_at_its_gates() -> None:
    """Not to who stands in today, but to who does then; and not to authors of the release's commits."""
    book = build(Source(Path("book.yaml"), parse(BOOK.replace("phases:", f"phases:{CALL}", 1))), {})
    hour = timedelta(hours=1)
    lead = {"id": "ann", "name": "Ann", "roles": ["devops_lead", "security_lead"], "email": "ann@example.com"}
    periods = {"bob": (T0 - hour, T0 + hour), "cleo": (T0 - 30 * hour, T0 - 20 * hour)}
    deputies = [{"person": who, "since": since, "until": until} for who, (since, until) in periods.items()]
    others = [{"id": who, "name": who.capitalize(), "roles": ["ceo"]} for who in periods]
    who = People.model_validate({"people": [{**lead, "deputies": deputies}, *others]})
    plan = make_plan(book, Crew(who, authors=("ann@example.com",)), Clock(), T0, T0 - 48 * hour)
    question = plan.phases[0].steps[0].question
    assert question is not None
    assert question.candidates == {"devops_lead": ("Bob",), "security_lead": ("Bob",)}
    assert question.until == T0 - 20 * hour
    assert list(question.barred) == ["Ann"]
    assert plan.unreachable.keys() == {"go"}


@pytest.mark.parametrize(("at", "holds"), [(-4, False), (-2, False), (-1.9, True)])
def test_a_phase_that_is_late_already(at: float, holds: bool) -> None:
    """A countdown begun so late that a phase is beyond its `late_by` says that it would hold."""
    assert planned(at=T0 + timedelta(hours=at)).phases[0].would_hold is holds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("+4h", 20), ("+1h 30m", 7.5), ("2026-11-23T19:00:10+01:00", 10), ("2026-11-23T18:00:00Z", 0)],
)
def test_t0_is_read(text: str, seconds: float) -> None:
    """An offset on the countdown's clock, or an ISO time with its zone."""
    assert parse_t0(text, Clock(hour=timedelta(seconds=5)), T0) == T0 + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-11-23T17:59:59Z", "T-0 '2026-11-23T17:59:59Z' is 1s in the past; give a time to come"),
        ("2025-11-23T18:00:00Z", "T-0 '2025-11-23T18:00:00Z' is 365d in the past; give a time to come"),
        ("2026-11-24", "T-0 '2026-11-24' has no zone; write it like 2026-11-22T18:00:00+01:00, or with Z for UTC"),
        ("soon", "T-0 'soon' is no time; write 2026-11-22T18:00:00+01:00 or +4h"),
        ("now", "T-0 'now' is no time; write 2026-11-22T18:00:00+01:00 or +4h"),
        ("+4", "T-0 '+4': '4' is not a duration, such as '24h', '15m', '2h 30m' or '500 ms'"),
        ("+9999999d", "T-0 '+9999999d': date value out of range"),
    ],
)
def test_t0_is_refused(text: str, message: str) -> None:
    """A T-0 in the past, without a zone, or that is no time, is refused with what to write instead."""
    with pytest.raises(UsageError) as caught:
        parse_t0(text, Clock(), T0)
    assert str(caught.value) == message


@settings(deadline=None)
@given(st.text(max_size=20))
def test_any_t0_is_read_or_refused(text: str) -> None:
    """Whatever is written is a time not before now, or a UsageError."""
    with suppress(UsageError):
        assert parse_t0(text, Clock(), T0) >= T0
