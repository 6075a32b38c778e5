"""The PagerDuty account of the worlds that ask it: Vatic's rotation, TradeSense's, the incidents of some months."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.worlds.vendor_world import VendorWorld
from bench.worlds.world import Sections
from deployments.rehearsal.vendors.pagerduty import PagerDutyFake
from deployments.rehearsal.vendors.pagerduty_records import Incident, Person, Policy, Service, Shift
from deployments.rehearsal.vendors.pagerduty_records import NotificationRule as Rule

_TOKEN, _TOKEN_NAME = "u+made-up-for-a-world", "TMINUS_WORLD_PAGERDUTY_TOKEN"
DAY = timedelta(days=1)


class PagerDutyAccount(VendorWorld):
    """Each platform's two levels of two people, pages that were answered, and two incidents of Vatic's this month.

    Attributes:
        fake: the account; its fields may be changed while it is served.
        rotas: policy → its shifts, level by level, two of each in turn.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.begin = datetime.now(UTC).replace(microsecond=0)
        self.fake = fake = PagerDutyFake(_TOKEN)
        fake.people = [
            Person("PANNA", "Anna", ["email", "phone", "sms"], [Rule("email"), Rule("sms", 2), Rule("phone", 4)]),
            Person("PBORIS", "Boris", ["email", "push_notification"], [Rule("push_notification")]),
            Person("PCLEO", "Cleo", ["email", "phone"], [Rule("phone", 9), Rule("email", urgency="low")]),
            Person("PDARIO", "Dario", ["phone"], [Rule("phone"), Rule("phone", 5)]),
        ]
        fake.policies = [Policy("PVATIC2", "vatic-low", 1), Policy("PTRADES", "tradesense", 2)]
        fake.policies.append(Policy("PVATIC", "vatic", 2))
        self.rotas = {
            "vatic": self._turns("PVATIC", ("PANNA", "PBORIS"), ("PCLEO", "PDARIO")),
            "tradesense": self._turns("PTRADES", ("PCLEO", "PDARIO"), ("PANNA", "PBORIS")),
        }
        fake.shifts = [Shift("PCLEO", "PVATIC2", 1), *(one for rota in self.rotas.values() for one in rota)]
        fake.services = [
            Service("PSVC0", "vatic-staging", "PVATIC2"),
            Service("PSVC1", "tradesense", "PTRADES", integrations=["Datadog"]),
            Service("PSVC2", "vatic", "PVATIC", integrations=["Alertmanager", "tminus"]),
        ]
        self.test = self.incident(1, "[test page of tminus] please acknowledge", 6 * DAY, 12 * 60)
        self.deployed = self.incident(8, "Vatic is deployed", 2 * DAY, 5 * 60)
        self.latency = self.incident(2, "HighLatency on orders", 5 * DAY, 10 * 60)
        self.lag = self.incident(3, "KafkaConsumerLag on risk", 20 * DAY, 8 * 60)
        before = self.incident(4, "ServiceDown on auth", 100 * DAY, 40 * 60)
        self.trade_test = self.incident(9, self.test.title, 8 * DAY, 6 * 60, service="PSVC1")
        fake.incidents = [self.test, self.deployed, self.latency, self.lag, before, self.trade_test]

    def sections(self) -> Sections:
        """PagerDuty's section; the routing key is for pages, which none of these sends."""
        return {"pagerduty": {"routing_key": f"env:{_TOKEN_NAME}", "token": f"env:{_TOKEN_NAME}", "api": self.url}}

    def secrets(self) -> dict[str, str]:
        """The REST token."""
        return {_TOKEN_NAME: _TOKEN}

    def service(self, name: str) -> Service:
        """A service by its name."""
        return next(one for one in self.fake.services if one.name == name)

    def _turns(self, policy: str, *levels: tuple[str, str]) -> list[Shift]:
        """Of each level the first one until in three days, then the second one until in twelve."""
        start, handover, end = self.begin - 2 * DAY, self.begin + 3 * DAY, self.begin + 12 * DAY
        return [
            shift
            for level, (now, then) in enumerate(levels, start=1)
            for shift in (Shift(now, policy, level, start, handover), Shift(then, policy, level, handover, end))
        ]

    def incident(self, number: int, title: str, ago: timedelta, lasted: int, *, service: str = "PSVC2") -> Incident:
        """One of Vatic that ended after some seconds, and was acknowledged by Anna after two minutes."""
        created = self.begin - ago
        return Incident(
            f"Q{number:04d}",
            number,
            service,
            title,
            created,
            resolved=created + timedelta(seconds=lasted),
            acknowledged=created + timedelta(minutes=2),
            acknowledged_by="PANNA",
        )
