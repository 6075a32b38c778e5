"""One value of a foreign document, taken as what a book expects: a number, a length of time, a size, a word."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from pydantic import JsonValue

from tasks.artifact_ages import read_epoch, read_time, settled
from tasks.artifact_files import shown
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement

VALUE_MEASURES: Mapping[str, str] = {
    "value": "",
    "word": "word",
    "seconds": "s",
    "milliseconds": "ms",
    "hours": "h",
    "days": "d",
    "bytes": "B",
    "percent": "%",
    "ratio": "%",
    "count": "",
    "age": "h",
}
"""Name → unit of all that a value can be taken as."""

_LARGEST = Decimal(10) ** 18  # beyond it a number is a mistake or an attack; exabytes and nanoseconds are within
_DIGITS = 60
_BITS = 200
_EPOCH_BEGINS = 100_000_000  # 1973; a smaller number, such as 20261122, may be a date
_NUMBER = r"[+-]?(?:[0-9][0-9_]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?"
_PLAIN = re.compile(_NUMBER)
_AMOUNT = re.compile(rf"({_NUMBER})\s*([A-Za-zµ%]*)")
_ISO = re.compile(r"P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d+)?)S)?)?")
_SECONDS = {
    **dict.fromkeys(("ns",), Decimal("1e-9")),
    **dict.fromkeys(("us", "µs"), Decimal("1e-6")),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), Decimal("1e-3")),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), Decimal(1)),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), Decimal(60)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), Decimal(3600)),
    **dict.fromkeys(("d", "day", "days"), Decimal(86400)),
    **dict.fromkeys(("w", "week", "weeks"), Decimal(604800)),
    **dict.fromkeys(("y", "year", "years"), Decimal(31536000)),  # 365 days, as Prometheus counts
}
_ISO_SECONDS = (604800, 86400, 3600, 60, 1)
# Kubernetes' and Prometheus' suffixes: with an i they are powers of 1024; "k" and "K" alone are 1000, as SI has it.
_POWERS = {letter: power for power, letter in enumerate("kmgtpe", start=1)}
_SIZE = re.compile(r"([kmgtpe])?(i)?b?", re.IGNORECASE)


def measured(name: str, value: JsonValue, where: str) -> Measurement:
    """The value as the measurement `name`; raises CouldNotObserve where it is nothing of that kind."""
    if name == "word":
        return Measurement(name=name, word=word_of(value, where))
    return Measurement.number(name, _TAKEN[name](value, where), VALUE_MEASURES[name])


def number_of(value: JsonValue, where: str) -> Decimal:
    """A number, also one that is written as text; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise CouldNotObserve(f"{where} is {_kind(value)}, no number")
    text = _written(value, where)
    if not _PLAIN.fullmatch(text):
        raise CouldNotObserve(f"{where} is {_said(value)}, no number")
    return _exact(text, where)


def word_of(value: JsonValue, where: str) -> str:
    """A word: text as it stands, a number as it is written, `true`, `false` or `null`."""
    if isinstance(value, dict | list):
        raise CouldNotObserve(f"{where} is {_kind(value)}, no word")
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return shown(_written(value, where))


def _seconds(value: JsonValue, where: str) -> Decimal:
    """A bare number counts seconds."""
    return _time(value, where, Decimal(1))


def _milliseconds(value: JsonValue, where: str) -> Decimal:
    return _time(value, where, Decimal("1e-3")) * 1000


def _hours(value: JsonValue, where: str) -> Decimal:
    return _time(value, where, Decimal(3600)) / 3600


def _days(value: JsonValue, where: str) -> Decimal:
    return _time(value, where, Decimal(86400)) / 86400


def _time(value: JsonValue, where: str, bare: Decimal) -> Decimal:
    """A length of time in seconds: `15d`, `1h30m`, `500 ms`, `7 days`, ISO 8601's `PT15M`; a bare number is `bare`s."""
    text = _written(value, where)
    if _PLAIN.fullmatch(text):
        return _exact(text, where) * bare
    if (iso := _ISO.fullmatch(text)) and any(iso.groups()):
        each = zip(iso.groups(), _ISO_SECONDS, strict=True)
        return sum((Decimal(part) * seconds for part, seconds in each if part), Decimal(0))
    parts = _AMOUNT.findall(text)
    rest = _AMOUNT.sub("", text).strip(" ,")
    if not parts or rest or any(unit.lower() not in _SECONDS for _, unit in parts):
        raise CouldNotObserve(f"{where} is {_said(value)}, no length of time such as 15d or 1h30m")
    sign = -1 if text.startswith("-") else 1  # it holds for the whole, as in -1h30m
    return sign * sum((abs(_exact(number, where)) * _SECONDS[unit.lower()] for number, unit in parts), Decimal(0))


def _bytes(value: JsonValue, where: str) -> Decimal:
    """A size: `1Mi`, `512KiB`, `10MB`, `64k`; a bare number counts bytes."""
    text = _written(value, where)
    amount = _AMOUNT.fullmatch(text)
    size = _SIZE.fullmatch(amount[2]) if amount else None
    if amount is None or size is None or (size[2] and not size[1]):
        raise CouldNotObserve(f"{where} is {_said(value)}, no size such as 1Mi or 10MB")
    each = (1024 if size[2] else 1000) ** _POWERS[size[1].lower()] if size[1] else 1
    return _exact(amount[1], where) * each


def _percent(value: JsonValue, where: str) -> Decimal:
    """Of a hundred; a percent sign may stand behind it."""
    text = _written(value, where).removesuffix("%").rstrip()
    return number_of(text, where)


def _ratio(value: JsonValue, where: str) -> Decimal:
    """Of one, unless a percent sign stands behind it."""
    return _percent(value, where) * (1 if _written(value, where).endswith("%") else 100)


def _count(value: JsonValue, where: str) -> Decimal:
    if not isinstance(value, list | dict):
        raise CouldNotObserve(f"{where} is {_kind(value)}, no list or object to count")
    return Decimal(len(value))


def _age(value: JsonValue, where: str) -> Decimal:
    """Hours since a time: ISO 8601 (without a zone it is UTC), or seconds or milliseconds since 1970."""
    text = _written(value, where)
    number = _exact(text, where) if _PLAIN.fullmatch(text) else Decimal(0)
    at = read_epoch(float(number)) if number >= _EPOCH_BEGINS else read_time(text)
    if at is None:
        raise CouldNotObserve(f"{where} is {_said(value)}, no time")
    passed = (now() - settled(at, where)).total_seconds()
    return round(Decimal(max(0.0, passed)) / 3600, 6)


def _written(value: JsonValue, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise CouldNotObserve(f"{where} is {_kind(value)}")
    if isinstance(value, int) and value.bit_length() > _BITS:  # Python refuses to write out the largest
        raise CouldNotObserve(f"{where} is a number beyond what is read")
    return str(value).strip()


def _exact(text: str, where: str) -> Decimal:
    number = Decimal(text.replace("_", "")) if len(text) <= _DIGITS else _LARGEST + 1
    if abs(number) > _LARGEST:
        raise CouldNotObserve(f"{where} is a number beyond what is read")
    return number


def _said(value: JsonValue) -> str:
    """How long it is; never what it says, since it may be a secret."""
    return f"text of {len(value)} characters" if isinstance(value, str) else _kind(value)


def _kind(value: JsonValue) -> str:
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    return "null" if value is None else f"{str(value).lower()}" if isinstance(value, bool) else "text or a number"


_TAKEN: Mapping[str, Callable[[JsonValue, str], Decimal]] = {
    "value": number_of,
    "seconds": _seconds,
    "milliseconds": _milliseconds,
    "hours": _hours,
    "days": _days,
    "bytes": _bytes,
    "percent": _percent,
    "ratio": _ratio,
    "count": _count,
    "age": _age,
}
