"""Numbers with units, exact: what is stored and compared is decimal, never a float."""

import re
from decimal import Decimal, InvalidOperation
from functools import cache

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
_NUMBER = re.compile(r"^\s*([+-]?\d[\d_,]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(.*?)\s*$")


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
    parts = [part.strip() for part in _words(unit).split("/")]
    known = [part if part in _registry() else "count" for part in parts]
    return _registry().Unit(" / ".join(known))


class Quantity(BaseModel, frozen=True):
    """A decimal number and its unit: `200 ms`, `0.1 %`, `3`, `10000 orders/s`."""

    value: Decimal
    unit: str = ""

    @classmethod
    def parse(cls, text: str) -> "Quantity":
        """Reads `"200 ms"`; raises UsageError where no number leads, or the unit is unknown."""
        match = _NUMBER.match(text)
        if not match:
            raise UsageError(f"{text!r} is not a number with a unit, such as '200 ms', '0.1 %' or '3'")
        number, unit = match.groups()
        try:
            value = Decimal(number.replace(",", "").replace("_", ""))
        except InvalidOperation as e:
            raise UsageError(f"{number!r} is not a number") from e
        return cls(value=value, unit=unit)

    def __str__(self) -> str:
        value = f"{self.value.normalize():f}"
        return f"{value} {self.unit}".strip()

    def same_kind(self, unit: str) -> bool:
        """Whether this can be compared with something measured in `unit`."""
        return bool(_unit(self.unit).dimensionality == _unit(unit).dimensionality)

    def within(self, unit: str) -> Decimal:
        """The value in `unit`; raises UsageError where the two measure different things."""
        if not self.same_kind(unit):
            raise UsageError(f"{self} cannot be compared with a value in {unit or 'plain numbers'!r}")
        here = _registry().Quantity(self.value, _unit(self.unit))
        return Decimal(here.to(_unit(unit)).magnitude)

    def shown(self) -> str:
        """For people's eyes: three significant digits at most after the point."""
        rounded = self.value if self.value == self.value.to_integral_value() else round(self.value, 3)
        return str(Quantity(value=rounded, unit=self.unit))


def known_units() -> tuple[str, ...]:
    """The units a book may use, for error messages."""
    return ("s", "B", "%", *(name for name in _DERIVED if name != "percent"))
