"""PagerDuty's incidents and test pages of the past."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import ClassVar

from starlette.types import ASGIApp

from bench.worlds.pagerduty_account import DAY, PagerDutyAccount
from bench.worlds.vendor_world import changed
from bench.worlds.world import Case, fault
from deployments.rehearsal.vendors.pagerduty_records import Incident

_HOUR = timedelta(hours=1)


class PagerDutyHistory(PagerDutyAccount):
    """What happened there."""

    system: ClassVar[str] = "pagerduty-history"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "pagerduty.tested_page",
            {"service": "vatic"},
            {"age": "< 30 d", "acknowledged": "< 5 min"},
            (
                ("the_test_page_is_old", "60"),
                "nobody_sent_a_test_page",
                "nobody_answered",
                "only_the_integration_answered",
                "the_answer_took_an_hour",
                ("the_answer_took", "5"),
                "there_is_no_such_service",
            ),
        ),
        Case(
            "pagerduty.tested_page",
            {"service": "vatic", "title": "Vatic is deployed"},
            {"age": "<= 7 d"},
            ("nobody_was_told", ("the_deployment_was_long_ago", "8"), "no_deployment_was_told"),
        ),
        Case(
            "pagerduty.incidents",
            {"service": "vatic", "since": "30d", "leaving_out": ["test page of tminus", "vatic is deployed"]},
            {"incidents": "<= 2", "open": "= 0", "mttr": "< 30 min", "mtta": "< 5 min", "uptime": ">= 99.9 %"},
            (
                "one_incident_more",
                "nobody_sent_a_test_page",
                "an_old_incident_is_open",
                ("an_incident_lasted", "44"),
                "the_incident_was_answered_late",
            ),
            (("the_service_is_made", "29"), ("the_service_is_made", "1")),
        ),
        Case(
            "pagerduty.incidents",
            {"services": ["vatic", "tradesense"], "since": "30d"},
            {"service_age": ">= 30 d"},
            (("the_service_is_made", "29"), ("the_service_is_made", "29", "tradesense")),
        ),
        Case(
            "pagerduty.incidents",
            {"services": ["vatic", "tradesense"], "since": "120d", "title_contains": "certificate"},
            {"incidents": "= 0", "open": "= 0"},
            ("a_certificate_ran_out",),
        ),
        Case(
            "pagerduty.incidents",
            {"service": "tradesense", "since": "30d", "urgency": "any", "title_contains": "security"},
            {"incidents": "= 0", "open": "= 0"},
            (
                ("tradesense_had", "Security incident: a leaked key", "10", "30", "low"),
                ("tradesense_had", "Security incident: a leaked key", "180", "0", "high"),
            ),
        ),
    )

    def app(self) -> ASGIApp:
        """The account."""
        return self.fake.app()

    @fault
    def the_test_page_is_old(self, days: str, service: str = "vatic") -> Iterator[None]:
        """The last one was so many days ago."""
        created = self.begin - float(days) * DAY
        with changed(self._test_of(service), created=created, acknowledged=created + timedelta(minutes=2)):
            yield

    @fault
    def nobody_was_told(self) -> Iterator[None]:
        """The page about the deployment was resolved without anybody."""
        with changed(self.deployed, acknowledged=None):
            yield

    @fault
    def the_deployment_was_long_ago(self, days: str) -> Iterator[None]:
        """The page about the last deployment is so many days old."""
        created = self.begin - float(days) * DAY
        with changed(self.deployed, created=created, acknowledged=created + timedelta(minutes=2)):
            yield

    @fault
    def no_deployment_was_told(self) -> Iterator[None]:
        """There is no page about a deployment."""
        with changed(self.deployed, title="HighErrorRate on orders"):
            yield

    @fault
    def nobody_sent_a_test_page(self, service: str = "vatic") -> Iterator[None]:
        """There are only real incidents."""
        with changed(self._test_of(service), title="DatabasePoolExhausted"):
            yield

    @fault
    def nobody_answered(self, service: str = "vatic") -> Iterator[None]:
        """The test page was sent, and resolved without anybody."""
        with changed(self._test_of(service), acknowledged=None):
            yield

    @fault
    def only_the_integration_answered(self, service: str = "vatic") -> Iterator[None]:
        """It was acknowledged by a program."""
        with changed(self._test_of(service), acknowledged_by=""):
            yield

    @fault
    def the_answer_took_an_hour(self, service: str = "vatic") -> Iterator[None]:
        """Somebody answered, late."""
        with self._answered_after(service, _HOUR):
            yield

    @fault
    def the_answer_took(self, minutes: str, service: str = "vatic") -> Iterator[None]:
        """Somebody answered after so many minutes."""
        with self._answered_after(service, timedelta(minutes=float(minutes))):
            yield

    def _test_of(self, service: str) -> Incident:
        return {"vatic": self.test, "tradesense": self.trade_test}[service]

    def _answered_after(self, service: str, length: timedelta) -> AbstractContextManager[None]:
        test = self._test_of(service)
        return changed(test, acknowledged=test.created + length)

    @fault
    def there_is_no_such_service(self) -> Iterator[None]:
        """It was given another name."""
        with changed(self.service("vatic"), name="something-else"):
            yield

    @fault
    def one_incident_more(self) -> Iterator[None]:
        """A third incident within the month, as short as the others."""
        with self._also(self.incident(5, "HighErrorRate on withdrawals", 12 * DAY, 5 * 60)):
            yield

    @fault
    def an_old_incident_is_open(self) -> Iterator[None]:
        """Since half a year nobody has resolved it."""
        old = self.incident(6, "certificate of the old gateway", 190 * DAY, 0)
        old.resolved = None
        with self._also(old):
            yield

    @fault
    def an_incident_lasted(self, minutes: str) -> Iterator[None]:
        """One of the two took long."""
        with changed(self.latency, resolved=self.latency.created + timedelta(minutes=float(minutes))):
            yield

    @fault
    def the_incident_was_answered_late(self) -> Iterator[None]:
        """A person acknowledged it after half an hour."""
        with changed(self.lag, acknowledged=self.lag.created + timedelta(minutes=30)):
            yield

    @fault
    def a_certificate_ran_out(self) -> Iterator[None]:
        """An incident of TradeSense, a hundred days ago."""
        with self._also(self.incident(7, "Certificate of api expired", 101 * DAY, 60, service="PSVC1")):
            yield

    @fault
    def the_service_is_made(self, days: str, name: str = "vatic") -> Iterator[None]:
        """It is only so many days old: before that nobody could have opened an incident."""
        with changed(self.service(name), ago=float(days) * DAY):
            yield

    @fault
    def tradesense_had(self, title: str, days_ago: str, minutes: str, urgency: str) -> Iterator[None]:
        """An incident of TradeSense, so many days ago; of no minutes, it is open still."""
        one = self.incident(10, title, float(days_ago) * DAY, int(float(minutes) * 60), service="PSVC1")
        one.urgency = urgency
        if float(minutes) == 0:
            one.resolved = None
        with self._also(one):
            yield

    def _also(self, one: Incident) -> AbstractContextManager[None]:
        return changed(self.fake, incidents=[*self.fake.incidents, one])
