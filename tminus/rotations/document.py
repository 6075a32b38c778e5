"""A secret's value as it lies in Secrets Manager: a JSON object, or one plain text. It shows nothing of itself."""

import json
from collections.abc import Mapping

from pydantic import SecretStr

from tminus.errors import CouldNotObserve

_Field = str | int | float | bool | None


class Document:
    """A secret's value.

    Args:
        text: as it lies there.
        of: what it is called in errors (`tradesense/database (AWSCURRENT)`).
    """

    def __init__(self, text: SecretStr, of: str) -> None:
        self.text = text
        self.of = of

    @classmethod
    def nothing(cls, of: str) -> "Document":
        """Of a version that is not there any more: every field is missing."""
        return cls(SecretStr("{}"), of)

    def __repr__(self) -> str:
        return f"Document(of={self.of!r})"

    def name(self, key: str) -> str:
        """A field that is no secret, such as `username`; raises CouldNotObserve where it is not there, or no text."""
        value = self._fields().get(key)
        if not isinstance(value, str) or not value:
            raise CouldNotObserve(f"{self.of} has no {key!r} that is a text; put it there as the page on rotation says")
        return value

    def secret(self, key: str) -> SecretStr:
        """A field that nobody may see; raises CouldNotObserve as `name` does."""
        return SecretStr(self.name(key))

    def has(self, key: str) -> bool:
        """Whether there is such a field, and something in it. False too where the value is one plain text."""
        return not self.plain and self._fields().get(key) not in {None, ""}

    @property
    def plain(self) -> bool:
        """Whether the value is one text, and no JSON object."""
        return not self.text.get_secret_value().lstrip().startswith("{")

    def changed(self, of: str, changes: Mapping[str, _Field | SecretStr]) -> "Document":
        """The same with other fields; those that are not named stay as they are."""
        plain = {
            key: value.get_secret_value() if isinstance(value, SecretStr) else value for key, value in changes.items()
        }
        return Document(SecretStr(json.dumps({**self._fields(), **plain})), of)

    def same_as(self, other: "Document") -> bool:
        """Whether both hold the same, to the byte."""
        return self.text.get_secret_value() == other.text.get_secret_value()

    def agrees(self, other: "Document", key: str) -> bool:
        """Whether both have the same in a field; True too where either has none, since nobody can tell then."""
        return not (self.has(key) and other.has(key)) or self.name(key) == other.name(key)

    def _fields(self) -> dict[str, object]:
        try:
            read = json.loads(self.text.get_secret_value())
        except ValueError:  # its text would be shown with the error it came from
            raise CouldNotObserve(f"{self.of} is no JSON; put an object with its fields there") from None
        if not isinstance(read, dict):
            raise CouldNotObserve(f"{self.of} is JSON, but no object with fields")
        return read
