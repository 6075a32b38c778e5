"""Who takes part: people.yaml, one person with their roles and how each channel knows them."""

from collections.abc import Collection

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
        on_duty: whether they are on duty for the launch; only who is may roll back by hand.
    """

    id: str
    name: str
    roles: frozenset[str] = Field(min_length=1)
    slack: str | None = None
    pagerduty: str | None = None
    key: str | None = None
    on_duty: bool = False

    @property
    def public_key(self) -> str:
        """The key without the comment behind it, which says nothing; "" where there is none."""
        return " ".join((self.key or "").split()[:2])


class People(BaseModel, frozen=True, extra="forbid"):
    """Everybody, with every identity belonging to exactly one of them."""

    people: tuple[Person, ...]

    @model_validator(mode="after")
    def _one_person_an_identity(self) -> "People":
        for kind, field in (("id", "id"), ("slack", "slack"), ("pagerduty", "pagerduty"), ("key", "public_key")):
            seen: dict[str, str] = {}
            for person in self.people:
                identity = getattr(person, field)
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

    def who_may_roll_back(self, roles: Collection[str]) -> tuple[Person, ...]:
        """Everyone on duty who has one of the book's `may_roll_back` roles; with no roles named, everyone on duty."""
        return tuple(one for one in self.people if one.on_duty and (not roles or one.roles & set(roles)))

    @property
    def roles(self) -> frozenset[str]:
        """Every role somebody has."""
        return frozenset(role for person in self.people for role in person.roles)
