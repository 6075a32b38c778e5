"""Numbers with units, exact: what is stored and compared is decimal, never a float."""

import re
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from math import prod

import pint
from pydantic import BaseModel

from tminus.errors import UsageError

# Only what checklists speak of. A private registry keeps "m" a minute and loads in milliseconds.
_BASES = ("second = [time] = s", "byte = [information] = B", "count = []")
_DERIVED = {
    "us": "0.000001 second",
    "ms": "0.001 second",
    "min": "60 second",
    "m": "60 second",
    "h": "3600 second",
    "d": "86400 second",
    "kB": "1000 byte",
    "MB": "1000000 byte",
    "GB": "1000000000 byte",
    "KiB": "1024 byte",
    "MiB": "1048576 byte",
    "GiB": "1073741824 byte",
    "percent": "0.01 count",
}
_SPOKEN = {
    "microseconds": "us",
    "milliseconds": "ms",
    "msec": "ms",
    "sec": "s",
    "seconds": "s",
    "minutes": "min",
    "hours": "h",
    "hrs": "h",
    "days": "d",
    "bytes": "B",
    "pct": "%",
    "percent": "%",
}
_UNITS = {"s", "B", "count", *_DERIVED}
# A comma may only set thousands apart: who writes "0,1 %" means a tenth, not one. The exponent is bounded, since to
# work out the exact value of 1e400000 takes seconds.
NUMBER = r"(?:[1-9][0-9]{0,2}(?:[,_][0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?"
"""How a number without a sign is written."""
_UNIT = r"(?:%|[^\W\d_]+)(?:[ -][^\W\d_]+)*(?:/[^\W\d_]+)?"
_QUANTITY = re.compile(rf"^\s*([+-]?{NUMBER})\s*({_UNIT})?\s*$")


@cache
def _registry() -> "pint.UnitRegistry[Decimal]":
    registry: pint.UnitRegistry[Decimal] = pint.UnitRegistry(None, non_int_type=Decimal)
    for line in _BASES:
        registry.define(line)
    for name, meaning in _DERIVED.items():
        registry.define(f"{name} = {meaning}")
    return registry


def _words(unit: str) -> str:
    return unit.replace("%", "percent").strip() or "count"


@cache
def _unit(unit: str) -> pint.Unit:
    """The unit named, where a word that is no unit (`requests/s`, `instances`) counts things."""
    return _registry().Unit(" / ".join(_parts(unit)))


def _parts(unit: str) -> list[str]:
    return [part if part in _UNITS else "count" for part in _words(unit).split("/")]


@cache
def _factor(unit: str) -> Fraction:
    """How many base units (seconds, bytes, counts) one of `unit` is."""
    one = (_registry().Quantity(Decimal(1), part).to_base_units() for part in _parts(unit))
    above, *below = (Fraction(each.magnitude) for each in one)
    return above / prod(below)


class Quantity(BaseModel, frozen=True):
    """A decimal number and its unit: `200 ms`, `0.1 %`, `3`, `10000 orders/s`."""

    value: Decimal
    unit: str = ""

    @classmethod
    def parse(cls, text: str) -> "Quantity":
        """Reads `"200 ms"`; raises UsageError where it is no number and at most one unit.

        A word that is no unit counts things (`3 instances`), so what judges a quantity compares kinds first.
        """
        match = _QUANTITY.match(text)
        if not match:
            raise UsageError(f"{text!r} is not a number with a unit, such as '200 ms', '0.1 %' or '3'")
        number, unit = match.group(1), match.group(2) or ""
        try:
            value = Decimal(number.replace(",", "").replace("_", ""))
        except InvalidOperation as e:
            raise UsageError(f"{number!r} is not a number") from e
        return cls(value=value, unit=unit)

    def __str__(self) -> str:
        value = f"{self.value:f}"
        if "." in value:
            value = value.rstrip("0").rstrip(".")
        return f"{value} {self.unit}".strip()

    def fits(self, unit: str) -> bool:
        """Whether this may judge what is measured in `unit`: same dimension, and a word that is no unit is the same.

        A plain count (`unit` is "") has neither unit nor word: `5 %` of it, `5 mins` and `5 pcs` are mistakes.
        """
        if not unit or not self.unit:
            return self.unit == unit
        ours, theirs = _words(self.unit).split("/"), _words(unit).split("/")
        alike = (our == their or {our, their} <= _UNITS for our, their in zip(ours, theirs, strict=False))
        return len(ours) == len(theirs) and self.same_kind(unit) and all(alike)

    def same_kind(self, unit: str) -> bool:
        """Whether this can be compared with something measured in `unit`."""
        return bool(_unit(self.unit).dimensionality == _unit(unit).dimensionality)

    def exactly(self, unit: str) -> Fraction:
        """The value in `unit`, nothing rounded; raises UsageError where the two measure different things."""
        if not self.same_kind(unit):
            raise UsageError(f"{self} cannot be compared with a value in {unit or 'plain numbers'!r}")
        return Fraction(self.value) * _factor(self.unit) / _factor(unit)

    def within(self, unit: str) -> Decimal:
        """The value in `unit`, to 28 digits; raises UsageError where the two measure different things."""
        exact = self.exactly(unit)
        return Decimal(exact.numerator) / Decimal(exact.denominator)

    def shown(self) -> str:
        """For people's eyes: three significant digits at most after the point."""
        rounded = self.value if self.value == self.value.to_integral_value() else round(self.value, 3)
        return str(Quantity(value=rounded, unit=self.unit))


def unit_meant(word: str, measured_in: str) -> str:
    """The unit that `word` (`mins`, `seconds`) may stand for among those that judge `measured_in`; else that itself."""
    spoken = {**{unit.lower(): unit for unit in known_units()}, **_SPOKEN}
    fitting = {said: unit for said, unit in spoken.items() if Quantity(value=Decimal(1), unit=unit).fits(measured_in)}
    close = get_close_matches(word.lower(), fitting, n=1, cutoff=0.7)
    return fitting[close[0]] if close else measured_in


def known_units() -> tuple[str, ...]:
    """The units a book may use, for error messages."""
    return ("s", "B", "%", *(name for name in _DERIVED if name != "percent"))
