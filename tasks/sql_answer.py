"""A value that a query gave, read as what the book expects of it."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from time import time

from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement

UNITS: Mapping[str, str] = {
    "value": "",
    "seconds": "s",
    "milliseconds": "ms",
    "ratio": "%",
    "percent": "%",
    "bytes": "B",
    "word": "word",
    "age": "h",
}
"""What one value can be measured as, and its unit."""

_TIMES: Mapping[str, Decimal] = {"ratio": Decimal(100)}  # a share of 1, in the unit it is judged in
_MICROSECONDS = Decimal(1_000_000)
_LONGEST_WORD = 80
_MOST_DIGITS = 18  # of the whole part, so that with nine after the point all of it is exact in 28 digits
_AHEAD = timedelta(minutes=5)  # what clocks may differ by
_HOUR = 3600
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,2})?")
_TIME_UNITS: Mapping[str, Decimal] = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
# PostgreSQL's kB is 1024 bytes: https://www.postgresql.org/docs/current/config-setting.html
_SIZE_UNITS: Mapping[str, int] = {
    "b": 1,
    **{unit: 1024**power for power, name in enumerate("kmgt", start=1) for unit in (f"{name}b", f"{name}ib")},
}
_TIME = re.compile(rf"(\d+(?:\.\d+)?)({'|'.join(sorted(_TIME_UNITS, key=len, reverse=True))})")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?b)", re.IGNORECASE)


def measured(name: str, value: object) -> Measurement:
    """The value as the measurement `name`; raises CouldNotObserve where it is nothing of that kind."""
    if name == "word":
        return Measurement(name=name, word=_word(value))
    if name == "age":
        return Measurement.number(name, _age(value), "h")
    return Measurement.number(name, _bounded(_number(name, value)) * _TIMES.get(name, 1), UNITS[name])


def never(name: str) -> Measurement:
    """A timeout that never ends anything: the seconds since 1970, so that no limit holds."""
    ever = Decimal(round(time()))
    return Measurement.number(name, ever * 1000 if name == "milliseconds" else ever, UNITS[name])


def _number(name: str, value: object) -> Decimal:
    if isinstance(value, timedelta) and name in {"seconds", "milliseconds"}:
        return _of_seconds(name, Decimal(value // timedelta(microseconds=1)) / _MICROSECONDS)
    if isinstance(value, str):
        return _of_text(name, value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise CouldNotObserve(f"the query gives a {_kind(value)}, which is no number for {name!r}")
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _of_text(name: str, text: str) -> Decimal:
    """A setting's value (`30s`, `5m0s`, `128MB`, `0.9`)."""
    if name in {"seconds", "milliseconds"} and (parts := list(_TIME.finditer(text))):
        if "".join(part.group() for part in parts) == text:
            return _of_seconds(name, sum((Decimal(p.group(1)) * _TIME_UNITS[p.group(2)] for p in parts), Decimal(0)))
    elif name == "bytes" and (size := _SIZE.fullmatch(text)):
        return Decimal(size.group(1)) * _SIZE_UNITS[size.group(2).lower()]
    elif name in {"value", "ratio", "percent"} and _NUMBER.fullmatch(text):
        return Decimal(text)
    raise CouldNotObserve(
        f"the query gives a text that is no number for {name!r}; cast it, or expect it under a name that fits its unit"
    )


def _of_seconds(name: str, seconds: Decimal) -> Decimal:
    return seconds * 1000 if name == "milliseconds" else seconds


def _bounded(number: Decimal) -> Decimal:
    """Raises CouldNotObserve for NaN, infinity, and what is too big to be a measurement."""
    if number.is_finite() and number.adjusted() < _MOST_DIGITS:
        return round(number, 9)
    raise CouldNotObserve("the query gives NaN, infinity or a number beyond all measure; something divided by nothing?")


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        raise CouldNotObserve(f"the query gives a {_kind(value)}, which is no word")
    if len(value) > _LONGEST_WORD or not value.isprintable():
        raise CouldNotObserve(f"the query gives a text of {len(value)} characters, and a word has {_LONGEST_WORD}")
    return value


def _age(value: object) -> Decimal:
    """Hours since then; a time without a zone is one in UTC."""
    if not isinstance(value, date):
        raise CouldNotObserve(f"the query gives a {_kind(value)}, which is no time that has an age")
    then = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    age = now() - (then if then.tzinfo else then.replace(tzinfo=UTC))
    if age < -_AHEAD:
        raise CouldNotObserve(
            f"the query gives a time {-age.total_seconds() / _HOUR:.1f} h ahead; whose clock is wrong?"
        )
    return round(max(Decimal(age // timedelta(seconds=1)), Decimal(0)) / _HOUR, 6)


def _kind(value: object) -> str:
    return {"str": "text", "NoneType": "NULL", "bool": "truth value"}.get(type(value).__name__, type(value).__name__)
