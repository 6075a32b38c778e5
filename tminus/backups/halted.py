"""What shows that nobody trades while live data are switched to a restored copy."""

from pydantic import BaseModel, Field, JsonValue

from tminus.expectation import Expectation


class Halted(BaseModel, frozen=True, extra="forbid"):
    """A check, as a launch book has it. It is looked at before anything is done, and right before the switch.

    Attributes:
        check: its kind.
        parameters: what stands under `with`.
        expect: measurement → what it must be.
    """

    check: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict, alias="with")
    expect: dict[str, Expectation] = Field(min_length=1)
