"""What PagerDuty's REST API answers with, as much of it as is read."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from tasks.vendor_api import Page

# Ids go into paths, so nothing else than what PagerDuty's look like is taken for one.
_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Urgency = Literal["high", "low"]


class Reference(Page):
    """Something that is pointed to."""

    id: _Id
    type: str = ""
    summary: str | None = None

    @property
    def name(self) -> str:
        """Its name, of a bounded length and without control characters; its id where it has none."""
        return "".join(letter for letter in self.summary or "" if letter.isprintable())[:80] or self.id


class Rule(Page):
    """One level of an escalation policy: who is paged there, and after how many minutes the next level is."""

    escalation_delay_in_minutes: int | None = None
    targets: list[Reference]


class Policy(Page):
    """An escalation policy."""

    id: _Id
    name: str
    escalation_rules: list[Rule]

    def next_after(self, level: int) -> int | None:
        """After how many minutes without an answer at a level the next one is paged; None where it does not say."""
        rules = self.escalation_rules
        return rules[level - 1].escalation_delay_in_minutes if 0 < level <= len(rules) else None


class OnCall(Page):
    """One shift; without a start or an end it is for ever in that direction."""

    user: Reference
    escalation_policy: Reference
    escalation_level: int
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None

    def at(self, moment: datetime) -> bool:
        """Whether it is under way at that moment."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)


class ContactMethod(Page):
    """A way to reach a person."""

    type: str
    blacklisted: bool | None = None

    @property
    def wakes(self) -> bool:
        """Whether it rings: a phone, a text message or the app. Mail wakes nobody."""
        rings = {"phone_contact_method", "sms_contact_method", "push_notification_contact_method"}
        return self.type in rings and not self.blacklisted


class NotificationRule(Page):
    """By what somebody is told of an incident of that urgency, and how long after it was assigned to them."""

    urgency: str
    start_delay_in_minutes: int = Field(ge=0)
    contact_method: ContactMethod

    def wakes_within(self, minutes: int | None) -> bool:
        """Whether it rings for an urgent incident before so many minutes are over; None: at once, or it does not count.

        The next level is paged when they are over, and then nobody of this one is any more.
        """
        in_time = self.start_delay_in_minutes < (1 if minutes is None else minutes)
        return self.urgency == "high" and in_time and self.contact_method.wakes


class Service(Page):
    """A service, of which incidents are."""

    id: _Id
    name: str
    status: str
    created_at: AwareDatetime | None = None
    escalation_policy: Reference
    integrations: tuple[Reference, ...] = ()

    @property
    def pages(self) -> bool:
        """Whether an alert would page anybody: it is neither disabled nor in maintenance."""
        return self.status in {"active", "warning", "critical"}


class Incident(Page):
    """An incident."""

    id: _Id
    incident_number: int
    title: str
    created_at: AwareDatetime
    status: Literal["triggered", "acknowledged", "resolved"]
    urgency: Urgency
    resolved_at: AwareDatetime | None = None
    last_status_change_at: AwareDatetime | None = None

    @property
    def ended_at(self) -> datetime | None:
        """When it was resolved; None where it is open. Older accounts only say when its status last changed."""
        return (self.resolved_at or self.last_status_change_at) if self.status == "resolved" else None


class LogEntry(Page):
    """One thing that happened to an incident."""

    type: str
    created_at: AwareDatetime
    agent: Reference | None = None

    @property
    def answered(self) -> bool:
        """Whether a person acknowledged it, rather than an integration; PagerDuty's description names it otherwise."""
        names = {"acknowledge_log_entry", "acknowledgement_log_entry"}
        return self.type in names and self.agent is not None and self.agent.type in {"user", "user_reference"}
