"""What the fake of PagerDuty holds: people, shifts, policies, services and incidents."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Person:
    """Somebody; `methods` are the types of their contact methods without `_contact_method`."""

    id: str
    name: str
    methods: list[str]


@dataclass
class Shift:
    """Who is on call at a level of a policy; without a start or an end for ever."""

    person: str
    policy: str
    level: int
    start: datetime | None = None
    end: datetime | None = None


@dataclass
class Policy:
    """An escalation policy of some levels."""

    id: str
    name: str
    levels: int


@dataclass
class Service:
    """A service, and the ways by which alerts come in."""

    id: str
    name: str
    policy: str
    status: str = "active"
    integrations: list[str] = field(default_factory=list)


@dataclass
class Incident:
    """An incident; `acknowledged_by` is a person's id, or "" where an integration did."""

    id: str
    number: int
    service: str
    title: str
    created: datetime
    resolved: datetime | None = None
    acknowledged: datetime | None = None
    acknowledged_by: str = ""
    urgency: str = "high"

    @property
    def status(self) -> str:
        """As PagerDuty says it."""
        if self.resolved:
            return "resolved"
        return "acknowledged" if self.acknowledged else "triggered"
