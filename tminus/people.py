"""Who takes part: people.yaml, one person with their roles, deputies, and how each channel knows them."""

from collections.abc import Collection, Iterator

from pydantic import AwareDatetime, BaseModel, Field, model_validator


class Deputy(BaseModel, frozen=True, extra="forbid"):
    """Somebody who may answer in another's place for a while.

    Attributes:
        person: who, by id.
        since: from when.
        until: until when.
        roles: as what; every role of whom they stand in for where none is named.
    """

    person: str
    since: AwareDatetime
    until: AwareDatetime
    roles: frozenset[str] = frozenset()

    @model_validator(mode="after")
    def _a_period(self) -> "Deputy":
        if self.until <= self.since:
            raise ValueError(f"the period of {self.person!r} ends at {self.until}, before it begins at {self.since}")
        return self


class Person(BaseModel, frozen=True, extra="forbid"):
    """Somebody who can decide.

    Attributes:
        id: how the ledger names them.
        name: how messages name them.
        roles: what they may decide as.
        email: how Slack and PagerDuty know them, and how a release names the authors of its commits.
        commits_as: further addresses that they commit under.
        slack: Slack member id, which signed interactions carry.
        pagerduty: PagerDuty user id.
        key: public key (`ssh-ed25519 …`) that proves their command-line decisions.
        on_duty: whether they are on duty for the launch; only who is may roll back by hand.
        deputies: who may answer in their place, and when.
    """

    id: str
    name: str
    roles: frozenset[str] = Field(min_length=1)
    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)
    commits_as: tuple[str, ...] = ()
    slack: str | None = None
    pagerduty: str | None = None
    key: str | None = None
    on_duty: bool = False
    deputies: tuple[Deputy, ...] = ()

    @property
    def public_key(self) -> str:
        """The key without the comment behind it, which says nothing; "" where there is none."""
        return " ".join((self.key or "").split()[:2])

    @property
    def addresses(self) -> frozenset[str]:
        """Every address that is theirs, in small letters: mail servers and git tell no capitals apart."""
        return frozenset(one.lower() for one in (self.email, *self.commits_as) if one)


class People(BaseModel, frozen=True, extra="forbid"):
    """Everybody, with every identity belonging to exactly one of them."""

    people: tuple[Person, ...]

    @model_validator(mode="after")
    def _one_person_an_identity(self) -> "People":
        seen: dict[tuple[str, str], str] = {}
        for person in self.people:
            for kind, identity in _identities(person):
                if (kind, identity) in seen:
                    other = seen[kind, identity]
                    raise ValueError(f"{kind} {identity!r} belongs to both {other!r} and {person.name!r}")
                seen[kind, identity] = person.name
        return self

    @model_validator(mode="after")
    def _deputies_are_others(self) -> "People":
        for person in self.people:
            for deputy in person.deputies:
                if deputy.person == person.id or self.by_id(deputy.person) is None:
                    raise ValueError(f"the deputy {deputy.person!r} of {person.id!r} is nobody else in people.yaml")
                if lacking := sorted(deputy.roles - person.roles):
                    raise ValueError(f"{deputy.person!r} cannot stand in for {person.id!r} as {', '.join(lacking)}")
        return self

    def by_id(self, identity: str) -> Person | None:
        """The person the ledger names so."""
        return next((person for person in self.people if person.id == identity), None)

    def by_slack(self, member: str) -> Person | None:
        """The person with this Slack member id."""
        return next((person for person in self.people if person.slack == member), None)

    def by_pagerduty(self, user: str) -> Person | None:
        """The person with this PagerDuty user id."""
        return next((person for person in self.people if person.pagerduty == user), None)

    def by_address(self, address: str) -> Person | None:
        """The person whose mail comes from there, or whose commits do."""
        return next((person for person in self.people if address.lower() in person.addresses), None)

    def with_role(self, role: str) -> tuple[Person, ...]:
        """Everyone who may decide as `role` in their own right."""
        return tuple(person for person in self.people if role in person.roles)

    def roles_between(self, person: Person, since: AwareDatetime, until: AwareDatetime) -> frozenset[str]:
        """What somebody may decide as at some moment of a period: their own roles, and those they stand in for.

        A deputy's deputy stands in for the deputy alone.
        """
        lent = (
            deputy.roles or other.roles
            for other in self.people
            for deputy in other.deputies
            if deputy.person == person.id and deputy.since <= until and since <= deputy.until
        )
        return person.roles.union(*lent)

    def deputies_for(self, roles: Collection[str], moment: AwareDatetime) -> tuple[Person, ...]:
        """Everyone who may decide as one of these roles now, and only in another's place."""
        wanted = frozenset(roles)
        return tuple(
            person
            for person in self.people
            if not person.roles & wanted and self.roles_between(person, moment, moment) & wanted
        )

    def who_may_roll_back(self, roles: Collection[str]) -> tuple[Person, ...]:
        """Everyone on duty who has one of the book's `may_roll_back` roles; with no roles named, everyone on duty."""
        return tuple(one for one in self.people if one.on_duty and (not roles or one.roles & set(roles)))

    @property
    def roles(self) -> frozenset[str]:
        """Every role somebody has."""
        return frozenset(role for person in self.people for role in person.roles)


def _identities(person: Person) -> Iterator[tuple[str, str]]:
    found = (("id", person.id), ("slack", person.slack), ("pagerduty", person.pagerduty), ("key", person.public_key))
    yield from ((kind, identity) for kind, identity in found if identity)
    yield from (("address", address) for address in person.addresses)
