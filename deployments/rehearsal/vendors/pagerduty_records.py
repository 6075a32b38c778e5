"""What the fake of PagerDuty holds: people, shifts, policies, services and incidents."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass
class Person:
    """Somebody; `methods` are the types of their contact methods without `_contact_method`, `rules` when each is used.

    A method of which no rule says anything is never used, as in PagerDuty.
    """

    id: str
    name: str
    methods: list[str]
    rules: list["NotificationRule"] = field(default_factory=list)


@dataclass
class NotificationRule:
    """By which of the methods somebody is told of incidents of an urgency, so many minutes after they are assigned."""

    method: str
    minutes: int = 0
    urgency: str = "high"


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
    """An escalation policy of some levels, each of which has so many minutes until the next one is paged."""

    id: str
    name: str
    levels: int
    minutes: int = 10


@dataclass
class Service:
    """A service, the ways by which alerts come in, and how long ago it was made."""

    id: str
    name: str
    policy: str
    status: str = "active"
    integrations: list[str] = field(default_factory=list)
    ago: timedelta = timedelta(days=400)


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
