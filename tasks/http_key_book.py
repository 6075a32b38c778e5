"""What a book says of an HTTP API that makes and revokes keys: its calls, and where in its answers things stand."""

import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, JsonValue, StringConstraints, field_validator, model_validator

from tasks.checks.web_answers import Pointer

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Path = Annotated[str, StringConstraints(pattern=r"^/[!-~]*$", max_length=1000)]
IdPath = Annotated[str, StringConstraints(pattern=r"^/[!-~]*\{id\}[!-~]*$", max_length=1000)]
Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+: [!-~ ]*\{key\}[!-~ ]*$", max_length=200)]
"""How a key is sent: `Authorization: Bearer {key}`, `X-Api-Key: {key}`. In an address it would be in every log."""
MARK = "{mark}"


class _Part(BaseModel, frozen=True, extra="forbid"):
    """A part of the book."""


class Call(_Part):
    """A call about one key; `{id}` in its path is the key's id."""

    method: Method
    path: IdPath
    body: JsonValue = None


class Make(_Part):
    """The call that makes a key.

    Attributes:
        body: JSON; `{mark}` in it, in the key's name or description, is where the rotation leaves its mark.
        value: where the new key stands in the answer.
        id: where its id stands.
    """

    method: Method = "POST"
    path: Path
    body: JsonValue
    value: Pointer
    id: Pointer

    @model_validator(mode="after")
    def _marked(self) -> Self:
        """Without a mark a key that was made just before a kill could not be told from others, and would stay."""
        if MARK not in json.dumps(self.body):
            raise ValueError(f"body: {MARK} must stand in it, as the new key's name or in its description")
        return self

    def marked(self, mark: str) -> JsonValue:
        """The body, with that mark."""
        return _filled(self.body, mark)


class Listing(_Part):
    """The call that lists the keys.

    Attributes:
        keys: where the list stands in the answer.
        id: where a key's id stands in its entry.
        mark: where the text stands in its entry that `make` puts the mark into.
        next: where the path of the next page stands, in an API that answers in pages.
    """

    path: Path
    keys: Pointer
    id: Pointer
    mark: Pointer
    next: Pointer | None = None


class LastUse(_Part):
    """The call that says when a key was used last.

    Attributes:
        last: where the moment stands in the answer; null or nothing there where it never was.
    """

    path: IdPath
    last: Pointer


class Opens(_Part):
    """A request that the key must open."""

    method: Method = "GET"
    path: Path
    status: int = Field(default=200, ge=200, lt=300)


class Shut(_Part):
    """A request that the key must not open. It only reads: where it is not refused, it would do what it says."""

    method: Literal["GET", "HEAD"] = "GET"
    path: Path
    status: Literal[401, 403] = 403

    @field_validator("method", mode="before")
    @classmethod
    def _harmless(cls, method: object) -> object:
        if method not in {"GET", "HEAD"}:
            raise ValueError(
                "a request that must be refused is really sent, so it must do no harm where it is not: name one that "
                "is asked by GET or HEAD"
            )
        return method


def _filled(value: JsonValue, mark: str) -> JsonValue:
    if isinstance(value, str):
        return value.replace(MARK, mark)
    if isinstance(value, list):
        return [_filled(one, mark) for one in value]
    return {name: _filled(one, mark) for name, one in value.items()} if isinstance(value, dict) else value
