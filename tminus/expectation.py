"""What a step expects of what it measures: `p95: "< 200 ms"`, `healthy: "= all"`."""

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from tminus.errors import UsageError
from tminus.foreign_text import Printable
from tminus.quantity import Quantity, unit_meant
from tminus.wording import nearest

_COMPARE: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
_FORM = re.compile(r"^\s*([<>=!≤≥≠]+)\s*([^\s<>=!≤≥≠].*?)\s*$")
_OTHER_SIGNS: Mapping[str, str] = {"==": "=", "=>": ">=", "=<": "<=", "<>": "!=", "≤": "<=", "≥": ">=", "≠": "!="}
_NUMBER = re.compile(r"[+-]?\d")


class Measurement(BaseModel, frozen=True):
    """One thing found: a quantity, how many there were in all where that matters, or a word."""

    name: str
    quantity: Quantity | None = None
    of: int | None = None
    word: Printable | None = None

    @classmethod
    def number(cls, name: str, value: float | Decimal, unit: str = "", of: int | None = None) -> "Measurement":
        """A measured number; floats are rounded to nine digits, so that evidence stays readable."""
        exact = value if isinstance(value, Decimal) else Decimal(repr(round(value, 9)))
        return cls(name=name, quantity=Quantity(value=exact, unit=unit), of=of)

    def __str__(self) -> str:
        if self.quantity is None:
            return f"{self.name} {self.word}"
        of = "" if self.of is None else f" of {self.of}"
        return f"{self.name} {self.quantity.shown()}{of}"


class Expectation:
    """A comparison with a limit. Written `< 200 ms`, `= 0`, `>= 3`, `= all` or `= enabled`."""

    def __init__(self, text: str) -> None:
        match = _FORM.match(str(text))
        if not match:
            raise UsageError(f"{text!r} is no expectation; write one such as '< 200 ms', '= 0', '>= 3' or '= all'")
        self.sign, self.limit_text = match.groups()
        if self.sign not in _COMPARE:
            meant = _OTHER_SIGNS.get(self.sign)
            right = f"write {f'{meant} {self.limit_text}'!r}" if meant else f"signs are {', '.join(_COMPARE)}"
            raise UsageError(f"{text!r}: {self.sign!r} is no comparison; {right}")
        self.limit = Quantity.parse(self.limit_text) if _NUMBER.match(self.limit_text) else None
        if self.limit is None and self.sign not in {"=", "!="}:
            raise UsageError(f"{text!r} compares a word; only '=' and '!=' can")

    def __str__(self) -> str:
        return f"{self.sign} {self.limit_text}"

    def __repr__(self) -> str:
        return f"Expectation({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expectation) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def holds(self, found: Measurement) -> bool:
        """Whether what was found is as expected; raises UsageError where the two cannot be compared."""
        if self.limit_text == "all":
            if found.of is None or found.quantity is None:
                raise UsageError(f"{found.name} is not counted out of a whole, so 'all' means nothing for it")
            return (found.quantity.value == found.of and found.of > 0) == (self.sign == "=")
        if self.limit is None:
            return ((found.word or "") == self.limit_text) == (self.sign == "=")
        if found.quantity is None:
            raise UsageError(f"{found.name} is the word {found.word!r}, not a number to compare with {self.limit}")
        return _COMPARE[self.sign](Fraction(found.quantity.value), self.limit.exactly(found.quantity.unit))

    def misfit(self, measured_in: str) -> str | None:
        """Why this could never judge what is measured in that unit ("" for a plain count, "word" for a word).

        A bare number for a share is refused, since "0.1" may mean 0.1 % or a tenth; a unit for a count, since
        "5 %" of a count is not what is counted.
        """
        said = f"is measured {f'in {measured_in}' if measured_in else 'as a count'}, which {str(self)!r} cannot judge"
        if self.limit_text == "all":
            return said if measured_in else None
        if measured_in == "word":
            return None if self.limit is None else "is measured as a word, which a number cannot judge"
        if self.limit is None:
            return said
        if self.limit.fits(measured_in):
            return None
        right = self.limit.model_copy(update={"unit": unit_meant(self.limit.unit, measured_in) if measured_in else ""})
        return f"{said}; write {f'{self.sign} {right}'!r}"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        pattern = r"^\s*(<=|>=|!=|<|>|=)\s*[^\s<>=!≤≥≠].*"
        return {"type": "string", "pattern": pattern, "examples": ["< 200 ms", "= all", "= 0"]}

    @classmethod
    def _read(cls, value: object) -> "Expectation":
        if isinstance(value, Expectation):
            return value
        try:
            return cls(str(value))
        except UsageError as e:
            raise ValueError(str(e)) from e


def misfits(expect: Mapping[str, Expectation], measures: Mapping[str, str]) -> dict[str, str]:
    """What `measures` (measurement → unit) gives nothing to judge by: name → what is wrong, and what would be right."""
    found = {}
    for name, expectation in expect.items():
        if name not in measures:
            found[name] = f"{name!r} is not measured here{nearest(name, list(measures))}"
        elif reason := expectation.misfit(measures[name]):
            found[name] = f"{name} {reason}"
    return found


Expected = Annotated[Mapping[str, Expectation], "name of the measurement → what it must be"]
