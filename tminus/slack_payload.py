"""What a press on a button looks like, as Slack sends it."""

import json
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, Field, ValidationError

_SLACK = (".slack.com", ".slack-gov.com")
_ID = Field(min_length=1, max_length=100)


class Malformed(ValueError):
    """No block_actions payload; what was sent is not repeated."""


class User(BaseModel):
    """Who pressed."""

    id: str = _ID


class Action(BaseModel):
    """A button, and what it carries."""

    action_id: str = Field(max_length=255)
    value: str = Field(max_length=2000)


class Pressed(BaseModel):
    """The parts of Slack's block_actions payload that say who pressed what, and where to answer."""

    user: User
    actions: list[Action] = Field(min_length=1, max_length=10)
    response_url: str = ""

    @classmethod
    def read(cls, body: bytes) -> "Pressed":
        """Reads a request's form; raises Malformed."""
        try:
            return cls.model_validate(json.loads(parse_qs(body.decode())["payload"][0]))
        except (KeyError, ValueError, ValidationError, RecursionError):
            raise Malformed("no block_actions payload") from None


def is_slacks(url: str, api: str) -> bool:
    """Whether an answer may be sent there: to Slack over TLS, or to the server that the environment calls Slack."""
    try:
        there, ours = urlsplit(url), urlsplit(api)
    except ValueError:
        return False
    if there.scheme == "https" and (there.hostname or "").endswith(_SLACK):
        return True
    return (there.scheme, there.netloc) == (ours.scheme, ours.netloc)
