"""Alertmanager's routing tree: where an alert with some labels goes, and how often it is repeated.

https://prometheus.io/docs/alerting/latest/configuration/#route says how the tree is walked and what is inherited.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic

import regex  # type: ignore[import-untyped]  # it ships no types; what is used of it is `fullmatch` and `error`
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent

from tasks.prometheus_duration import read_duration

_LARGEST = 1024 * 1024  # characters
_MATCHER = re.compile(
    r'\s*("(?:\\.|[^"\\])*"|[^\s"=!~{},]+)\s*(=~|!~|!=|=)\s*("(?:\\.|[^"\\])*"|[^"{},]*?)\s*', re.DOTALL
)
_WITHIN = 2.0  # seconds for all patterns of one walk
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}
_GROUP_WAIT, _REPEAT = timedelta(seconds=30), timedelta(hours=4)  # where the configuration says nothing


class Unreadable(Exception):
    """A configuration that is none, or that we cannot read; the message says what, without the text of secrets."""


class RouteNode(BaseModel, frozen=True):
    """One node of the tree, as configured."""

    receiver: str | None = None
    match: dict[str, str] = Field(default_factory=dict)
    match_re: dict[str, str] = Field(default_factory=dict)
    matchers: tuple[str, ...] = ()
    goes_on: bool = Field(alias="continue", default=False)
    routes: tuple["RouteNode", ...] = ()
    group_wait: str | None = None
    repeat_interval: str | None = None
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str], until: float) -> bool:
        """Whether all of its matchers hold; raises Unreadable for one that is no matcher, or takes too long.

        Args:
            labels: the alert's.
            until: when patterns are given up, by the monotonic clock.
        """
        plain = [(name, "=", value) for name, value in self.match.items()]
        patterns = [(name, "=~", value) for name, value in self.match_re.items()]
        return all(_holds(labels, *one, until) for one in (*plain, *patterns, *map(_matcher, self.matchers)))


class Receiver(BaseModel):
    """A receiver; whatever ends with `_configs` in it is a list of integrations of one sort."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    def integrations(self) -> dict[str, int]:
        """How many there are of each sort (`pagerduty`, `slack`, `webhook`)."""
        sorts = (self.model_extra or {}).items()
        return {
            sort.removesuffix("_configs"): len(some)
            for sort, some in sorts
            if sort.endswith("_configs") and isinstance(some, list) and some
        }


class Configuration(BaseModel, frozen=True):
    """What routing needs of it."""

    route: RouteNode
    receivers: tuple[Receiver, ...]

    def receiver(self, name: str) -> Receiver:
        """The one of that name; one without integrations where there is none."""
        return next((one for one in self.receivers if one.name == name), Receiver(name=name))


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where an alert arrives.

    Attributes:
        waits: before the first notification of a new group.
        repeats: between two notifications of what still fires.
        muted: the time intervals in which nothing is sent, or outside of which nothing is.
    """

    receiver: str
    waits: timedelta = _GROUP_WAIT
    repeats: timedelta = _REPEAT
    muted: tuple[str, ...] = ()


def configuration(text: str) -> Configuration:
    """Reads the configuration that Alertmanager says is in force; raises Unreadable, pydantic's ValidationError."""
    if len(text) > _LARGEST:
        raise Unreadable(f"its configuration has {len(text)} characters, more than {_LARGEST}")
    try:
        # An alias may stand for aliases, and so on: a few lines that are billions of nodes once they are read.
        if any(isinstance(event, AliasEvent) for event in YAML(typ="safe").parse(text)):
            raise Unreadable("its configuration has aliases, which Alertmanager itself does not write")
        plain: JsonValue = YAML(typ="safe").load(text)
        read = TypeAdapter(Configuration).validate_python(plain)
    except YAMLError as e:
        raise Unreadable(f"its configuration is no YAML ({type(e).__name__})") from e
    except RecursionError as e:
        raise Unreadable("its configuration is nested too deeply to read") from e
    if not read.route.receiver:
        raise Unreadable("its configuration names no receiver at the root, which Alertmanager would refuse")
    return read


def arrivals(root: RouteNode, labels: Mapping[str, str]) -> list[Arrival]:
    """Every place where an alert with these labels arrives, in the order of the tree; raises Unreadable."""
    return _below(root, labels, Arrival(receiver=""), monotonic() + _WITHIN)


def _below(node: RouteNode, labels: Mapping[str, str], inherited: Arrival, until: float) -> list[Arrival]:
    here = replace(
        inherited,
        receiver=node.receiver or inherited.receiver,
        waits=_duration(node.group_wait, inherited.waits),
        repeats=_duration(node.repeat_interval, inherited.repeats),
        muted=(*node.mute_time_intervals, *(f"all but {one}" for one in node.active_time_intervals)),
    )
    found: list[Arrival] = []
    for child in node.routes:
        if not child.matches(labels, until):
            continue
        found += _below(child, labels, here, until)
        if not child.goes_on:
            break
    return found or [here]


def _duration(text: str | None, inherited: timedelta) -> timedelta:
    if text is None:
        return inherited
    try:
        return read_duration(text)
    except ValueError as e:
        raise Unreadable(str(e)) from e


def _matcher(text: str) -> tuple[str, str, str]:
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise Unreadable(f"the matcher {text[:60]!r} is not understood")
    return _unquoted(found[1]), found[2], _unquoted(found[3])


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), text[1:-1], flags=re.DOTALL)


def _holds(labels: Mapping[str, str], name: str, sign: str, value: str, until: float) -> bool:
    """A label that is missing is empty, and a pattern must match the whole value."""
    has = labels.get(name, "")
    if "~" not in sign:
        return (has == value) == (sign == "=")
    left = until - monotonic()
    try:
        if left > 0:
            return (regex.fullmatch(value, has, timeout=left) is not None) == (sign == "=~")
    except regex.error as e:
        raise Unreadable(f"the pattern of {name[:60]!r} is not understood ({e})") from e
    except TimeoutError:  # Alertmanager's patterns never take long; those of Python may
        pass
    raise Unreadable(f"its patterns could not be tried within {_WITHIN:.0f} s, up to that of {name[:60]!r}")
