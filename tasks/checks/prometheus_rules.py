"""Is an alert loaded into Prometheus, and does it fire where the book says?"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field, JsonValue, model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.prometheus_api import AlertRule, PrometheusApi
from tasks.prometheus_defaults import without_defaults
from tasks.prometheus_expression import Comparison, comparison
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # rules in the details
_TEXT = 200  # characters of an expression there
_UNITS = {"seconds": "s", "milliseconds": "ms", "ratio": "%", "percent": "%", "bytes": "B"}
_TIMES = {"ratio": 100}  # a share of 1, in the unit it is judged in


class Rules(Check, frozen=True):
    """Whether an alert is loaded, at which number it fires, for how long that must last, and whether it can see.

    `threshold` is the number that the alert's expression compares with, read from its outermost comparison:
    1 of `100 * errors / requests > 1`, 0.0144 of `burn > 14.4 * 0.001 and burn_1h > 14.4 * 0.001`. Of several
    conditions joined by `and` or `unless` the first counts, as it is what the alert reports. The number has no unit of
    its own, so the name under which it is expected says what it is: `seconds`, `milliseconds`, `ratio` (a share of 1,
    judged in %), `percent` or `bytes`. Where there is no such comparison, or more than one it could be (`a > 1 or
    b > 2`, `a > b`), or where `bool` makes a number of the comparison so that the alert fires whatever is measured
    (`a > bool 1`), no number is measured and the outcome is unknown. `fires` is `above`, `below`, `at` or `off` (not
    at) that number.

    `for` is how long it must hold before the alert fires. `severity` is that label, `none` without it. `health` is
    `ok`, `err` (the last evaluation failed), `unknown` (not evaluated yet) or `none`. `measured` is `yes` where the
    side that is compared has a number now: an alert on a metric that nobody sends never fires. A default that makes it
    a number whatever is there, such as `or vector(0)`, is left out for that. Where several rules
    have the name, the most lenient number and the longest `for` count, and every severity and health is named.

    That it is `loaded` is always expected: `>= 1` where the book does not say otherwise.

    Attributes:
        alert: the alert's name.
        labels: labels of the rule, to tell several of that name apart.
    """

    kind: Literal["prometheus.rules"] = "prometheus.rules"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "loaded": "",
        "threshold": "",
        **_UNITS,
        "fires": "word",
        "for": "s",
        "severity": "word",
        "health": "word",
        "measured": "word",
    }

    alert: str = Field(min_length=1)
    labels: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _is_loaded(cls, given: JsonValue) -> JsonValue:
        """A rule that is gone has no number: only its count can say that this is wrong."""
        expect = given.get("expect") if isinstance(given, dict) else None
        if isinstance(given, dict) and isinstance(expect, dict) and expect:
            return {**given, "expect": {"loaded": ">= 1", **expect}}
        return given

    async def look(self, estate: Estate) -> Observation:
        """Reads the rules, and asks for what the alert measures where the book wants to know."""
        prometheus = PrometheusApi(estate.api("prometheus"))
        rules = [
            rule
            for rule in await prometheus.alerts()
            if rule.name == self.alert and self.labels.items() <= rule.labels.items()
        ]
        found = [Measurement.number("loaded", len(rules)), *_said(rules)]
        compared = [comparison(rule.query) for rule in rules]
        limit = _most_lenient(compared)
        if limit is not None:
            found += self._limit(limit)
        if "measured" in self.expect and None not in compared:
            asked = [without_defaults(one.measured) for one in compared if one is not None]
            sees = [bool(query) and await prometheus.numbers(query) > 0 for query in asked]
            found.append(Measurement(name="measured", word="yes" if sees and all(sees) else "no"))
        return Observation(
            found=tuple(found),
            where=prometheus.where,
            details=tuple(_details(rules, compared)),
            because=self._because(limit, compared) if rules else f"no alert {self.alert} is loaded",
        )

    def _limit(self, limit: Comparison) -> list[Measurement]:
        named = [name for name in self.expect if name in _UNITS]
        return [
            Measurement.number("threshold", limit.number),
            *(Measurement.number(name, limit.number * _TIMES.get(name, 1), _UNITS[name]) for name in named),
            Measurement(name="fires", word=limit.fires),
        ]

    def _because(self, limit: Comparison | None, compared: Sequence[Comparison | None]) -> str:
        if limit is not None:
            return f"{self.alert} compares with {limit.sign} {limit.number:f}"
        always = any(one is not None and one.always for one in compared)
        return f"{self.alert} fires whatever is measured, by its `bool`" if always else self.alert


def _said(rules: Sequence[AlertRule]) -> list[Measurement]:
    """What the rules say besides their expressions."""
    severities = sorted({rule.labels.get("severity", "none") for rule in rules}) or ["none"]
    health = sorted({rule.health for rule in rules}) or ["none"]
    found = [
        Measurement(name="severity", word=", ".join(severities)[:_TEXT]),
        Measurement(name="health", word=", ".join(health)[:_TEXT]),
    ]
    if rules:
        found.append(Measurement.number("for", Decimal(repr(max(rule.seconds for rule in rules))), "s"))
    return found


def _most_lenient(compared: Sequence[Comparison | None]) -> Comparison | None:
    """The comparison that is the last to let an alert fire; None where that cannot be told."""
    told = [one for one in compared if one is not None and not one.always]
    if not told or len(told) < len(compared):
        return None
    sides = {one.fires for one in told}
    if sides == {"above"}:
        return max(told, key=lambda one: one.number)
    if sides == {"below"}:
        return min(told, key=lambda one: one.number)
    return told[0] if len({(one.sign, one.number) for one in told}) == 1 else None


def _details(rules: Sequence[AlertRule], compared: Sequence[Comparison | None]) -> list[str]:
    lines = [f"{len(rules)} rules have this name; the most lenient counts"] if len(rules) > 1 else []
    for rule, one in zip(rules, compared, strict=True):
        lines.append(f"{rule.query[:_TEXT]}: {_read(one)}")
        if rule.error:
            lines.append(f"its last evaluation failed: {rule.error[:_TEXT]}")
    return lines[:_SHOWN]


def _read(one: Comparison | None) -> str:
    if one is None:
        return "it cannot be told which number it compares with"
    said = f"{one.sign} {one.number:f}"
    if one.always:
        said += ", but with `bool` it fires whatever the value"
    if one.also:
        said += f", and only where also {'; '.join(one.also)[:_TEXT]}"
    return said
