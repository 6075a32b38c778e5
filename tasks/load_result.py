"""What a load test came to, whichever tool made it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from tasks.artifact_files import first_mistake
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation, Measurement

Amount = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
"""A number that a load test can come to: nothing negative, endless or beyond all measure."""

LOAD_MEASURES: Mapping[str, str] = {
    "p50": "ms",
    "p95": "ms",
    "p99": "ms",
    "rate": "requests/s",
    "errors": "%",
    "users": "",
    "ramp": "s",
    "duration": "s",
    "requests": "",
    "checks_failed": "",
    "age": "h",
}
"""Name → unit of what is measured."""


def expect_no_failed_checks(expect: dict[str, Expectation], tool: str) -> None:
    """Of k6, none of whose checks may fail unless a step says otherwise; k6 itself takes them lightly."""
    if tool == "k6":
        expect.setdefault("checks_failed", Expectation("= 0"))


class LoadResult(BaseModel, frozen=True):
    """What the tool says; None where it does not.

    Attributes:
        p50: milliseconds, as are p95 and p99.
        rate: requests a second, over the whole test.
        errors: % of the requests.
        users: the most at a time.
        ramp: seconds from the start until the most users were there.
        duration: seconds.
        checks_failed: of the tool's own checks; k6 has them.
        made: when the test ended.
    """

    requests: Amount
    errors: Amount
    rate: Amount | None = None
    p50: Amount | None = None
    p95: Amount | None = None
    p99: Amount | None = None
    users: Amount | None = None
    ramp: Amount | None = None
    duration: Amount | None = None
    checks_failed: Amount | None = None
    made: datetime | None = None

    @classmethod
    def of(cls, name: str, **numbers: float | None) -> "LoadResult":
        """The result of the file `name`; raises CouldNotObserve where a number in it is beyond all measure."""
        try:
            return cls.model_validate(numbers)
        except ValidationError as e:
            raise CouldNotObserve(f"{name} has a number that no test can come to: {first_mistake(e)}") from e

    def measurements(self) -> tuple[Measurement, ...]:
        """All that the tool says, but its age."""
        said = ((name, unit, getattr(self, name, None)) for name, unit in LOAD_MEASURES.items())
        return tuple(Measurement.number(name, value, unit) for name, unit, value in said if value is not None)
