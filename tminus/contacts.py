"""Who is called, and with which support data: contacts.yaml, one entry a vendor or a team."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tminus.yaml_source import Source

# What stands where something is still to be filled in: brackets, words for it, runs of x, numbers and names that are
# set aside for examples (RFC 2606 for domains; 555-0100 to 555-0199 in North America).
_PLACEHOLDER = re.compile(
    r"""
    \[.*\] | \{.*\} | <[^@:]*> | \$\( | \b(?:tbd|tbc|tba|to-?do|fix-?me|placeholder|change-?me|dummy)\b
    | ^(?:n/?a|none|unknown|-+|\?+)$
    | \blorem\s+ipsum\b | \byour[\s_-](?:name|number|phone|e-?mail|account|company|plan)\b | x{3,} | \.{3} | \?{2,}
    | 555[\s.-]?01\d\d\b | 123[\s.-]?456 | \b(\d)(?:[\s.-]?\1){6,}
    | (?:\bexample|@test|//test)\.(?:com|net|org)\b | \.(?:example|invalid|test|localhost)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LONGEST = 500  # characters; what is longer is a text and no contact


def is_placeholder(value: str) -> bool:
    """Whether a text stands for something that nobody has filled in."""
    return _PLACEHOLDER.search(value[:_LONGEST]) is not None


class _Part(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", coerce_numbers_to_str=True, str_strip_whitespace=True
    )


class Reach(_Part):
    """How to get hold of them."""

    phone: str | None = None
    email: str | None = None
    url: str | None = None


class Support(_Part):
    """What they ask for when we call: the plan that we pay for, our account, the contract's number."""

    plan: str | None = None
    account: str | None = None
    contract: str | None = None


class Contact(_Part):
    """Somebody who is called.

    Attributes:
        id: how checks name the entry.
        what: what they are called about (`hosting of the api`).
        name: who answers: a role, a team or a desk.
        confirmed: the day on which somebody last tried all this; kept as written, since it may be a placeholder.
    """

    id: str
    what: str | None = None
    name: str | None = None
    reach: Reach = Reach()
    support: Support = Support()
    confirmed: str | None = None

    def fields(self) -> dict[str, str]:
        """Everything that can be filled in, by its name (`what`, `reach.phone`, `support.plan`); "" where it is not."""
        plain = {"what": self.what, "name": self.name, "confirmed": self.confirmed}
        reach = {f"reach.{name}": value for name, value in self.reach}
        support = {f"support.{name}": value for name, value in self.support}
        return {name: value or "" for name, value in (plain | reach | support).items()}

    def missing(self) -> Iterator[str]:
        """The names of the fields that are empty."""
        return (name for name, value in self.fields().items() if not value)

    def placeholders(self) -> Iterator[str]:
        """The names of the fields in which a placeholder stands."""
        return (name for name, value in self.fields().items() if is_placeholder(value))

    def confirmed_on(self, today: date) -> date | None:
        """When it was last confirmed; None where that is no date, or one that has not come yet.

        `today` is in UTC, and tomorrow has come already east of it: that counts as today.
        """
        try:
            day = date.fromisoformat(self.confirmed or "")
        except ValueError:
            return None
        return min(day, today) if day <= today + timedelta(days=1) else None


def full_name(field: str) -> str | None:
    """The name of a field of a contact, also where only its last part is given (`phone`); None where there is none."""
    names = list(Contact(id="any").fields())
    return field if field in names else next((name for name in names if name.endswith(f".{field}")), None)


class Contacts(BaseModel, frozen=True, extra="forbid"):
    """All of them, each under an id of its own."""

    contacts: tuple[Contact, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _an_id_each(self) -> "Contacts":
        seen: set[str] = set()
        for contact in self.contacts:
            if contact.id in seen:
                raise ValueError(f"two contacts have the id {contact.id!r}")
            seen.add(contact.id)
        return self

    @classmethod
    def read(cls, path: Path) -> "Contacts":
        """The file at `path`; raises UsageError where it cannot be read, BookError with every mistake in it."""
        return Source.read(path).load(cls)

    def by_id(self, identity: str) -> Contact | None:
        """The entry so called."""
        return next((contact for contact in self.contacts if contact.id == identity), None)
