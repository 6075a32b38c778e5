"""The rehearsal's people, as Slack, PagerDuty and people.yaml know them: one for each role."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

SERVICE, POLICY = "PLAUNCHES", "PLEADS"  # of PagerDuty: where incidents are, and who is paged by them
WRITER = "tminus@rehearsal.test"  # the PagerDuty user in whose name tminus writes


@dataclass(frozen=True)
class Member:
    """Somebody of the crew.

    Attributes:
        number: from 1, for the ids that they have elsewhere.
        name: what people call whoever has the role.
    """

    number: int
    role: str
    name: str
    on_duty: bool

    @property
    def id(self) -> str:
        """Theirs in people.yaml."""
        return self.role.replace("_", "-")

    @property
    def email(self) -> str:
        """Their address."""
        return f"{self.id}@rehearsal.test"

    @property
    def slack(self) -> str:
        """Their Slack account."""
        return f"U0PERSON{self.number:02d}"

    @property
    def pagerduty(self) -> str:
        """Their PagerDuty account."""
        return f"PPERSON{self.number:02d}"


def _crew() -> Iterator[Member]:
    known = (
        ("engineering_lead", "Engineering lead", True),
        ("devops_lead", "DevOps lead", True),
        ("security_lead", "Security lead", True),
        ("product_manager", "Product manager", False),
        ("ceo", "CEO", False),
        ("release_manager", "Release manager", True),
    )
    return (Member(number, *one) for number, one in enumerate(known, start=1))


CREW = tuple(_crew())


def workspace() -> JsonValue:
    """Whom Slack knows, as its stand-in takes it."""
    return {
        "users": [{"id": one.slack, "name": one.role, "real_name": one.name, "email": one.email} for one in CREW],
    }


def on_call() -> JsonValue:
    """Whom PagerDuty knows, as its stand-in takes it; the DevOps lead is on call."""
    users: list[JsonValue] = [{"id": one.pagerduty, "name": one.name, "email": one.email} for one in CREW]
    lead = next(one for one in CREW if one.role == "devops_lead")
    return {
        "service": {"id": SERVICE, "name": "Launches"},
        "escalation_policy": {"id": POLICY, "name": "Launch escalation"},
        "users": [*users, {"id": "PTMINUS", "name": "tminus", "email": WRITER}],
        "on_calls": [{"user": lead.pagerduty}],
    }
