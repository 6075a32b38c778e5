"""The book of a system's secrets: which there are, how often each is changed, who owns it and who is asked."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, Field, SerializeAsAny, StringConstraints, field_validator, model_validator

from tminus.book_entries import named, with_kinds
from tminus.clock import Duration, show_duration
from tminus.runbook import Slug
from tminus.yaml_source import Source

FILE = "secrets.yaml"
"""What the book is called in a system's folder of books."""
SecretId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/_+=.@-]{1,512}$")]
"""A secret's name in Secrets Manager. Source: CreateSecret of its API reference."""


class Policy(BaseModel, frozen=True, extra="forbid"):
    """How one secret is rotated; what its kind needs besides, the kind's rotator adds.

    Attributes:
        kind: what it opens, and so who rotates it.
        secret: its name in Secrets Manager.
        every: how old it may grow.
        overlap: how long the old one goes on to work after the new one became current.
        cycle: for how long nobody may have used the old one before it is switched off: as long as the business's
            longest round, so that the weekly batch is seen.
        switched_off: how long the old one is switched off, and can be switched on again, before it is gone for good.
        approval: the roles of which one is asked before it is rotated; nobody where there is none.
        sections: field → the environment's section in which what it names must be.
        two_at_a_time: whether the old value works on beside the new one.
    """

    sections: ClassVar[Mapping[str, str]] = {}
    two_at_a_time: ClassVar[bool] = True

    kind: str
    title: str
    owner: str
    secret: SecretId
    every: Duration
    overlap: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(days=1)
    cycle: Annotated[Duration, Field(ge=timedelta(0))] = timedelta(days=7)
    switched_off: Annotated[Duration, Field(ge=timedelta(0))] = timedelta(days=1)
    approval: tuple[str, ...] = ()

    @property
    def takes(self) -> timedelta:
        """How long a rotation lasts at least, from the new one's becoming current to the old one's being gone."""
        return max(self.overlap, self.cycle) + self.switched_off

    @property
    def servers(self) -> dict[str, str]:
        """The one part of the environment that a field names, by the field."""
        named = {field: getattr(self, field) for field in self.sections}
        return {field: value for field, value in named.items() if isinstance(value, str)}

    @model_validator(mode="after")
    def _over_in_time(self) -> Self:
        if self.takes >= self.every:
            least = f"the longer of overlap and cycle, and switched_off, are {show_duration(self.takes)} together"
            raise ValueError(
                f"{least}, and `every` is {show_duration(self.every)}: the next would begin before the end"
            )
        return self


class SecretsBook(BaseModel, frozen=True, extra="forbid"):
    """`runbooks/SYSTEM/secrets.yaml`.

    Attributes:
        secrets: the system.
        leaked: the roles of which one approves that a leaked secret is cut off at once.
        rotations: each secret's policy, by a name of its own.
    """

    secrets: Slug
    title: str
    leaked: tuple[str, ...] = Field(min_length=1)
    rotations: dict[Slug, SerializeAsAny[Policy]] = Field(min_length=1)

    @field_validator("rotations")
    @classmethod
    def _each_once(cls, rotations: dict[str, Policy]) -> dict[str, Policy]:
        """Two who rotate the same secret would cut each other off."""
        seen: dict[str, str] = {}
        for name, policy in rotations.items():
            if policy.secret in seen:
                raise ValueError(f"{name}: {policy.secret} is rotated by {seen[policy.secret]} already")
            seen[policy.secret] = name
        return rotations

    def named(self, names: Sequence[str]) -> Iterator[tuple[str, Policy]]:
        """These, or all where none is named; raises UsageError for one that the book does not have."""
        return named(self.rotations, names, self.secrets, "secret")


def load_book(source: Source, kinds: Mapping[str, type[Policy]]) -> SecretsBook:
    """The book that a file says; raises BookError with every mistake and its line. `kinds` as in `book_of`."""
    return source.load(book_of(kinds))


def book_of(kinds: Mapping[str, type[Policy]]) -> type[SecretsBook]:
    """The book whose policies have the fields of their kinds.

    Args:
        kinds: the vocabulary: what `kind:` may name.
    """
    return with_kinds(SecretsBook, "rotations", kinds)
