"""Who takes part: people.yaml, one person with their roles and how each channel knows them."""

from pydantic import BaseModel, Field, model_validator


class Person(BaseModel, frozen=True, extra="forbid"):
    """Somebody who can decide.

    Attributes:
        id: how the ledger names them.
        name: how messages name them.
        roles: what they may decide as.
        slack: Slack member id, which signed interactions carry.
        pagerduty: PagerDuty user id.
        key: public key (`ssh-ed25519 …`) that proves their command-line decisions.
        on_duty: whether they are on duty for the launch (roll back by hand, stand watch).
    """

    id: str
    name: str
    roles: frozenset[str] = Field(min_length=1)
    slack: str | None = None
    pagerduty: str | None = None
    key: str | None = None
    on_duty: bool = False


class People(BaseModel, frozen=True, extra="forbid"):
    """Everybody, with every identity belonging to exactly one of them."""

    people: tuple[Person, ...]

    @model_validator(mode="after")
    def _one_person_an_identity(self) -> "People":
        for kind in ("id", "slack", "pagerduty", "key"):
            seen: dict[str, str] = {}
            for person in self.people:
                identity = getattr(person, kind)
                if identity and identity in seen:
                    raise ValueError(f"{kind} {identity!r} belongs to both {seen[identity]!r} and {person.name!r}")
                if identity:
                    seen[identity] = person.name
        return self

    def by_id(self, identity: str) -> Person | None:
        """The person the ledger names so."""
        return next((person for person in self.people if person.id == identity), None)

    def by_slack(self, member: str) -> Person | None:
        """The person with this Slack member id."""
        return next((person for person in self.people if person.slack == member), None)

    def with_role(self, role: str) -> tuple[Person, ...]:
        """Everyone who may decide as `role`."""
        return tuple(person for person in self.people if role in person.roles)

    @property
    def roles(self) -> frozenset[str]:
        """Every role somebody has."""
        return frozenset(role for person in self.people for role in person.roles)
