"""What every event has: the moment at which it was written down."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, PlainSerializer

from tminus.clock import now


def _in_utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _fixed(at: datetime) -> str:
    return _in_utc(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# A moment, whatever zone it was said in: in UTC, and written with fixed digits, so that its text is always the same.
Time = Annotated[AwareDatetime, AfterValidator(_in_utc), PlainSerializer(_fixed, return_type=str)]


class Happening(BaseModel, frozen=True, extra="forbid"):
    """Something that happened, and when, by the clock of whoever wrote it down."""

    at: Time = Field(default_factory=now)
