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
            {"service": "vatic", "since": "30d", "leaving_out": ["tminus test page", "vatic is deployed"]},
            {"incidents": "<= 2", "open": "= 0", "mttr": "< 30 min", "mtta": "< 5 min", "uptime": ">= 99.9 %"},
            (
                "one_incident_more",
                "nobody_sent_a_test_page",
                "an_old_incident_is_open",
                ("an_incident_lasted", "44"),
                "the_incident_was_answered_late",
            ),
        ),
        Case(
            "pagerduty.incidents",
            {"services": ["vatic", "tradesense"], "since": "120d", "title_contains": "certificate"},
            {"incidents": "= 0", "open": "= 0"},
            ("a_certificate_ran_out",),
        ),
    )

    def app(self) -> ASGIApp:
        """The account."""
        return self.fake.app()

    @fault
    def the_test_page_is_old(self, days: str) -> Iterator[None]:
        """The last one was so many days ago."""
        created = self.begin - float(days) * DAY
        with changed(self.test, created=created, acknowledged=created + timedelta(minutes=2)):
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
    def nobody_sent_a_test_page(self) -> Iterator[None]:
        """There are only real incidents."""
        with changed(self.test, title="DatabasePoolExhausted"):
            yield

    @fault
    def nobody_answered(self) -> Iterator[None]:
        """The test page was sent, and resolved without anybody."""
        with changed(self.test, acknowledged=None):
            yield

    @fault
    def only_the_integration_answered(self) -> Iterator[None]:
        """It was acknowledged by a program."""
        with changed(self.test, acknowledged_by=""):
            yield

    @fault
    def the_answer_took_an_hour(self) -> Iterator[None]:
        """Somebody answered, late."""
        with changed(self.test, acknowledged=self.test.created + _HOUR):
            yield

    @fault
    def there_is_no_such_service(self) -> Iterator[None]:
        """It was given another name."""
        with changed(self.fake.services[2], name="something-else"):
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
        one = self.incident(7, "Certificate of api expired", 101 * DAY, 60)
        one.service = "PSVC1"
        with self._also(one):
            yield

    def _also(self, one: Incident) -> AbstractContextManager[None]:
        return changed(self.fake, incidents=[*self.fake.incidents, one])
