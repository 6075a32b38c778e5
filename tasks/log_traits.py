"""What a log line has: structure, a level, an id that ties it to others, personal data. Not what it says."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from tasks.log_signatures import fingerprint, signature
from tasks.personal_data import Sort, sorts_in
from tasks.probe import as_json

_LEVEL_KEYS = frozenset({"level", "severity", "levelname", "lvl", "loglevel"})
_DEBUG = frozenset({"trace", "debug", "verbose", "finest", "finer", "fine", "10", "20"})  # the numbers are bunyan's
_LEVELS = _DEBUG | frozenset(
    {
        *("info", "information", "informational", "notice", "warn", "warning", "error", "err", "severe"),
        *("critical", "crit", "fatal", "alert", "emergency", "emerg", "panic", "30", "40", "50", "60"),
    }
)
_CORRELATION_KEYS = frozenset(
    {
        *("correlationid", "xcorrelationid", "requestid", "xrequestid", "awsrequestid", "xamzntraceid"),
        *("traceid", "ddtraceid", "traceparent", "oteltraceid", "xb3traceid"),
    }
)
_NOTHING = re.compile(r"[0\s-]*|null|none|undefined|unknown|n/a", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s._-]+")
_SIGNED = 2000  # characters of a line that its signature is made of


@dataclass(frozen=True)
class Traits:
    """What one line has.

    Attributes:
        structured: it is a JSON object.
        correlated: it names the request or trace that it belongs to.
        level: its level in small letters; "" where it has none of those that are known.
        unmasked: the sorts of personal data that stand in it in clear.
        fingerprint: of its signature, by which lines like it are told apart from others.
    """

    structured: bool
    correlated: bool
    level: str
    unmasked: frozenset[Sort]
    fingerprint: str

    @property
    def debug(self) -> bool:
        """Whether it is for developers only."""
        return self.level in _DEBUG


def traits(line: str, wanted: Iterable[Sort]) -> Traits:
    """The traits of a line."""
    document = as_json(line.encode("utf-8", "surrogatepass"))
    fields = dict(_fields(document)) if isinstance(document, dict) else {}
    texts = list(_texts(document)) if isinstance(document, dict | list) else [line]
    return Traits(
        structured=isinstance(document, dict),
        correlated=any(key in _CORRELATION_KEYS and not _NOTHING.fullmatch(value) for key, value in fields.items()),
        level=next((value for key, value in fields.items() if key in _LEVEL_KEYS and value in _LEVELS), ""),
        unmasked=sorts_in(texts, wanted),
        fingerprint=fingerprint(signature(line[:_SIGNED])),
    )


def _fields(document: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """The plain values of an object, and of the objects in it, by their names in small letters without separators."""
    for key, value in document.items():
        if isinstance(value, dict):
            for inner, below in value.items():
                if isinstance(below, str | int):
                    yield _name(key + inner), str(below).lower()
                    yield _name(inner), str(below).lower()
        elif isinstance(value, str | int):
            yield _name(key), str(value).lower()


def _name(key: str) -> str:
    return _SEPARATORS.sub("", key).lower()


def _texts(document: JsonValue) -> Iterator[str]:
    """Every key and every value as it is meant, without JSON's escapes."""
    left = [document]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield from one
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
        elif one is not None:
            yield str(one)
