"""The number that an alert's expression compares with, where its PromQL says one; where it cannot be told, nothing.

https://prometheus.io/docs/prometheus/latest/querying/operators/ has the operators and how they bind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal, DecimalException
from typing import Literal

from tasks.prometheus_duration import read_duration
from tasks.prometheus_tokens import Token, Unreadable, tokens

_COMPARISONS = {"==", "!=", "<", "<=", ">", ">="}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_TRUE_OF_BOOL = {("==", Decimal(1)), ("!=", Decimal(0)), (">", Decimal(0)), (">=", Decimal(1))}
_BETWEEN = Decimal("1e-30"), Decimal("1e30")  # a limit beyond these is none that anybody set
_EXACT = Context(prec=28)

Fires = Literal["above", "below", "at", "off"]
_FIRES: dict[str, Fires] = {">": "above", ">=": "above", "<": "below", "<=": "below", "==": "at", "!=": "off"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an expression compares.

    Attributes:
        measured: the side that is measured, as written.
        sign: as if the number stood on the right.
        number: what it is compared with.
        always: whether the alert fires whatever is measured, since `bool` turns the comparison into 0 or 1.
        also: what must hold besides (`and …`) or must not (`unless …`), as written.
    """

    measured: str
    sign: str
    number: Decimal
    always: bool = False
    also: tuple[str, ...] = ()

    @property
    def fires(self) -> Fires:
        """On which side of the number the alert fires."""
        return _FIRES[self.sign]


def comparison(expression: str) -> Comparison | None:
    """The outermost comparison with a number; None where there is none, or more than one that it could be."""
    try:
        return _Reading(expression).comparison(tokens(expression))
    except Unreadable:
        return None


class _Reading:
    """One expression being read; parts of it are runs of its tokens."""

    def __init__(self, text: str) -> None:
        self._text = text

    def comparison(self, part: Sequence[Token]) -> Comparison | None:
        part = unwrapped(part)
        branches = _split(part, {"or"})
        if len(branches) > 1:  # `… > 1 or absent(…)` still compares with one number
            others = [
                branch for branch in branches if not branch or branch[0].word not in {"absent", "absent_over_time"}
            ]
            return self.comparison(others[0]) if len(others) == 1 else None
        first, *also = _split(part, {"and", "unless"})
        if also:
            found = self.comparison(first)
            return replace(found, also=(*found.also, *(self._written(one) for one in also))) if found else None
        return self._compared(part)

    def _compared(self, part: Sequence[Token]) -> Comparison | None:
        at = [n for n, token in enumerate(part) if token.text in _COMPARISONS and token.depth == part[0].depth]
        if len(at) != 1:
            return None
        left, sign, right = part[: at[0]], part[at[0]].text, part[at[0] + 1 :]
        always = bool(right) and right[0].word == "bool"
        if always:
            right = right[1:]
        number, measured = _constant(right), left
        if number is None:
            number, measured, sign = _constant(left), right, _MIRRORED.get(sign, sign)
        if number is None or not measured or _constant(measured) is not None:
            return None
        if any(token.text in _COMPARISONS and token.grouped for token in measured):
            inner = self.comparison(measured)
            told = inner is not None and inner.always and (sign, number) in _TRUE_OF_BOOL and not always
            return replace(inner, always=False) if inner is not None and told else None
        return Comparison(self._written(measured), sign, number, always)

    def _written(self, part: Sequence[Token]) -> str:
        return self._text[part[0].start : part[-1].end] if part else ""


def unwrapped(part: Sequence[Token]) -> Sequence[Token]:
    """Without brackets around the whole."""
    while part and part[0].text == "(":
        closing = next(n for n in range(1, len(part)) if part[n].depth == part[0].depth)
        if closing != len(part) - 1:
            break
        part = part[1:-1]
    return part


def _split(part: Sequence[Token], words: set[str]) -> list[Sequence[Token]]:
    """The parts between these words, in no brackets of their own."""
    found: list[Sequence[Token]] = []
    begin = 0
    for n, token in enumerate(part):
        if token.word in words and token.depth == part[0].depth:
            found.append(part[begin:n])
            begin = n + 1
    return [*found, part[begin:]]


def _constant(part: Sequence[Token]) -> Decimal | None:
    """The value of arithmetic on numbers alone; None for anything else."""
    if not part:
        return None
    try:
        value = _Arithmetic(part).whole()
    except (Unreadable, DecimalException):
        return None
    low, high = _BETWEEN
    return value if value == 0 or low <= abs(value) <= high else None


class _Arithmetic:
    """Works out `14.4 * (1 - 0.999)` as PromQL does: ^ binds first and to the right, then a sign, then * / %, + -."""

    def __init__(self, part: Sequence[Token]) -> None:
        self._left = list(part)

    def whole(self) -> Decimal:
        value = self._sum()
        if self._left:
            raise Unreadable("more than numbers")
        return value

    def _next(self, *marks: str) -> str:
        if self._left and self._left[0].text in marks:
            return self._left.pop(0).text
        return ""

    def _sum(self) -> Decimal:
        value = self._product()
        while sign := self._next("+", "-"):
            other = self._product()
            value = _EXACT.add(value, other) if sign == "+" else _EXACT.subtract(value, other)
        return value

    def _product(self) -> Decimal:
        value = self._signed()
        while sign := self._next("*", "/", "%"):
            other = self._signed()
            work = {"*": _EXACT.multiply, "/": _EXACT.divide, "%": _EXACT.remainder}[sign]
            value = work(value, other)
        return value

    def _signed(self) -> Decimal:
        minus = False
        while sign := self._next("+", "-"):
            minus ^= sign == "-"
        value = self._power()
        return -value if minus else value

    def _power(self) -> Decimal:
        value = self._atom()
        return _EXACT.power(value, self._signed()) if self._next("^") else value

    def _atom(self) -> Decimal:
        if self._next("("):
            value = self._sum()
            if not self._next(")"):
                raise Unreadable("no closing bracket")
            return value
        if not self._left or self._left[0].kind != "number":
            raise Unreadable("no number")
        return _number(self._left.pop(0).text)


def _number(text: str) -> Decimal:
    """A number as PromQL writes it; a duration is its seconds."""
    if text[:2].lower() == "0x":
        return Decimal(int(text, 16))
    if text[-1] in "smhdwy":
        try:
            return Decimal(round(read_duration(text).total_seconds() * 1000)) / 1000
        except ValueError as e:
            raise Unreadable(str(e)) from e
    return Decimal(text.replace("_", ""))
