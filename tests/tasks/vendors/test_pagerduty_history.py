"""What the incidents of a time come to, and how far back PagerDuty is asked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.worlds.estates import check_of
from bench.worlds.world import Case
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors import pagerduty_records as there
from deployments.rehearsal.vendors.pagerduty import PagerDutyFake
from tasks.pagerduty_incidents import mean_minutes, resolution_times, uptime, youngest
from tasks.pagerduty_records import Incident, Service
from tests.tasks.vendors.answers import SECRET, seen
from tminus.errors import CouldNotObserve
from tminus.outcome import Outcome, Verdict

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
END = BEGIN + 10 * DAY


def incident(begin: float, end: float | None, **changed: object) -> Incident:
    """One by hours from the beginning."""
    plain = {
        "id": "Q1",
        "incident_number": 1,
        "title": "HighLatency",
        "created_at": BEGIN + HOUR * begin,
        "status": "triggered" if end is None else "resolved",
        "urgency": "high",
        "resolved_at": None if end is None else BEGIN + HOUR * end,
    }
    return Incident.model_validate({**plain, **changed})


@pytest.mark.parametrize(
    ("incidents", "hours"),
    [
        ([], 0),
        ([(10, 12)], 2),
        ([(10, 12), (11, 14), (11, 12)], 4),
        ([(-5, 3)], 3),
        ([(230, None)], 10),
        ([(-5, None)], 240),
        ([(-5, -2)], 0),
        ([(230, 300)], 10),
        ([(10, 10)], 0),
    ],
)
def test_uptime_counts_overlapping_incidents_once(incidents: list[tuple[float, float | None]], hours: float) -> None:
    """And only the part that lies within the time."""
    assert uptime([incident(*one) for one in incidents], BEGIN, END) == pytest.approx(1 - hours / 240)


@given(st.lists(st.tuples(st.integers(-300, 239), st.integers(0, 500) | st.none()), max_size=10))
def test_uptime_is_a_share(spans: list[tuple[int, int | None]]) -> None:
    """Between nothing and all, and what is not down is up."""
    found = [incident(begin, None if length is None else begin + length) for begin, length in spans]
    ends = [(begin, 240 if length is None else begin + length) for begin, length in spans]
    down = sum(any(begin <= hour < end for begin, end in ends) for hour in range(240))

    assert uptime(found, BEGIN, END) == pytest.approx(1 - down / 240)


def test_a_mean_of_nothing_is_not_zero() -> None:
    """Of some it is the arithmetic one, over the resolved."""
    assert mean_minutes([]) is None
    assert mean_minutes(resolution_times([incident(0, 1), incident(0, 2), incident(0, None)])) == 90


@pytest.mark.parametrize(
    "changed", [{"resolved_at": None}, {"resolved_at": BEGIN - HOUR}, {"resolved_at": BEGIN + HOUR * 0.5}]
)
def test_a_resolution_that_makes_no_sense_is_not_measured(changed: dict[str, object]) -> None:
    """A resolved incident without a time, or with one before it began, could make any mean look good."""
    with pytest.raises(CouldNotObserve, match="incident 1 is resolved"):
        resolution_times([incident(1, 2, **changed)])


def test_older_accounts_say_it_by_the_last_change() -> None:
    """Where there is no `resolved_at`, the last change of a resolved incident is its resolution."""
    one = incident(1, 2, resolved_at=None, last_status_change_at=BEGIN + HOUR * 4)
    assert resolution_times([one]) == [timedelta(hours=3)]


@pytest.mark.parametrize(
    ("kind", "given", "expect", "why"),
    [
        ("pagerduty.tested_page", {"service": "vatic"}, {"age": "< 120 d"}, "only 90d are searched"),
        ("pagerduty.tested_page", {"service": "vatic", "within": "900d"}, {"age": "< 9 d"}, "at most a year"),
        ("pagerduty.incidents", {}, {"incidents": "= 0"}, "name a `service`"),
        ("pagerduty.incidents", {"service": "vatic", "since": "0s"}, {"incidents": "= 0"}, "more than nothing"),
    ],
)
def test_what_could_not_be_judged_is_refused(
    kind: str, given: dict[str, str], expect: dict[str, str], why: str
) -> None:
    """Before anything runs."""
    with pytest.raises(ValidationError, match=why):
        check_of(Case(kind, given, expect))


@pytest.fixture
def fake() -> PagerDutyFake:
    """A service without incidents."""
    fake = PagerDutyFake(SECRET)
    fake.policies = [there.Policy("PVATIC", "vatic", 1)]
    fake.services = [there.Service("PSVC", "vatic", "PVATIC")]
    return fake


@pytest.fixture
def address(fake: PagerDutyFake) -> Iterator[str]:
    """Where it is served."""
    with served(fake.app()) as url:
        yield url


def history(address: str, folder: Path, given: dict[str, str], expect: dict[str, str]) -> Outcome:
    """The outcome of pagerduty.incidents for that service."""
    return seen(Case("pagerduty.incidents", {"service": "vatic", **given}, expect), address, folder)


def test_a_year_is_asked_in_parts(fake: PagerDutyFake, address: str, tmp_path: Path) -> None:
    """PagerDuty refuses more than six months at once; every incident of the year is counted, and each once."""
    now = datetime.now(UTC)
    fake.incidents = [
        there.Incident(f"Q{n}", n, "PSVC", "HighLatency", now - DAY * n, resolved=now - DAY * n + HOUR)
        for n in range(5, 360, 9)
    ]

    outcome = history(address, tmp_path, {"since": "365d"}, {"incidents": f"= {len(fake.incidents)}"})

    assert outcome.verdict is Verdict.PASS, outcome.summary


def test_without_incidents_mttr_is_not_measured(address: str, tmp_path: Path) -> None:
    """Nothing to repair is no fast repair: it is unknown, and the evidence says why; the counts are still there."""
    outcome = history(address, tmp_path, {}, {"incidents": "= 0", "mttr": "< 30 min", "uptime": ">= 99.9 %"})

    assert outcome.verdict is Verdict.UNKNOWN
    assert outcome.summary == "not measured: mttr"
    assert "mttr is not measured: no incident to take it from" in outcome.details
    assert {"incidents 0", "open 0", "uptime 100 %"} < {str(one) for one in outcome.found}


@pytest.mark.parametrize(("days", "verdict"), [(30, Verdict.PASS), (29, Verdict.UNKNOWN), (0, Verdict.UNKNOWN)])
def test_a_new_service_has_no_uptime(
    fake: PagerDutyFake, address: str, tmp_path: Path, days: int, verdict: Verdict
) -> None:
    """Before it was made nobody could have opened an incident; its age is measured, and the evidence says why."""
    fake.services[0].ago = days * DAY + timedelta(minutes=1)  # asked in this second or in a later one

    outcome = history(address, tmp_path, {"since": "30d"}, {"uptime": ">= 99.9 %"})

    assert outcome.verdict is verdict
    assert f"service_age {days}" in {str(one).split(" d")[0].split(".")[0] for one in outcome.found}
    assert any("uptime is not measured" in one for one in outcome.details) is (verdict is Verdict.UNKNOWN)


def test_of_services_the_youngest_counts() -> None:
    """And where one does not say when it was made, nothing is said of the age of all."""
    plain = {"id": "PSVC", "name": "vatic", "status": "active", "escalation_policy": {"id": "PVATIC"}}
    old, new = (Service.model_validate({**plain, "created_at": END - length}) for length in (9 * DAY, 2 * DAY))

    assert youngest([old, new], END) == 2 * DAY
    assert youngest([old, Service.model_validate(plain)], END) is None


def test_a_service_that_is_not_there_has_no_good_record(address: str, tmp_path: Path) -> None:
    """A mistyped name must not read as a month without incidents."""
    case = Case("pagerduty.incidents", {"services": ["vatic", "vatik"]}, {"incidents": "= 0"})

    outcome = seen(case, address, tmp_path)

    assert outcome.verdict is Verdict.UNKNOWN
    assert "no service called vatik" in outcome.summary


def test_titles_stay_where_they_are(fake: PagerDutyFake, address: str, tmp_path: Path) -> None:
    """What an incident is called may hold anything, so the evidence names its number."""
    fake.incidents = [there.Incident("Q1", 7, "PSVC", "withdrawal of Jane Doe fails", datetime.now(UTC) - HOUR)]

    outcome = history(address, tmp_path, {}, {"open": "= 0"})

    assert "Jane" not in outcome.model_dump_json()
    assert "incident 7" in outcome.model_dump_json()
