"""What can never be judged is refused before it is: a unit for a count, a unit misspelt, two comparison signs."""

import json
from decimal import Decimal
from functools import cache
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.vocabulary import KINDS
from tminus.editor_schema import runbook_schema
from tminus.errors import UsageError
from tminus.expectation import Expectation, Measurement, misfits
from tminus.quantity import known_units

MEASURES = {"failed": "", "p95": "ms", "error_rate": "%", "rate": "requests/s", "size": "B", "encrypted": "word"}


@pytest.mark.parametrize(
    ("name", "text", "right"),
    [
        ("failed", "< 5 %", "'< 5'"),
        ("failed", "< 5 percent", "'< 5'"),
        ("failed", "< 5 mins", "'< 5'"),
        ("failed", "< 5 ms", "'< 5'"),
        ("failed", "= 0 failed", "'= 0'"),
        ("failed", "< 5 x/y", "'< 5'"),
        ("p95", "< 5 mins", "'< 5 min'"),
        ("p95", "< 5 seconds", "'< 5 s'"),
        ("p95", "< 200", "'< 200 ms'"),
        ("p95", "< 200 Ms", "'< 200 ms'"),
        ("p95", "< 200 ms/request", "'< 200 ms'"),
        ("error_rate", "< 0.1", "'< 0.1 %'"),
        ("error_rate", "< 0.1 pct", "'< 0.1 %'"),
        ("size", "> 5 mb", "'> 5 MB'"),
        ("rate", "> 5", "'> 5 requests/s'"),
        ("rate", "> 5 %/s", "'> 5 requests/s'"),
        ("rate", "> 5 orders/s", "'> 5 requests/s'"),
    ],
)
def test_a_unit_that_does_not_fit_is_refused(name: str, text: str, right: str) -> None:
    """The mistake names the nearest form that is right, which is accepted."""
    expectation = Expectation(text)
    assert misfits({name: expectation}, MEASURES)[name].endswith(f"cannot judge; write {right}")
    assert not misfits({name: Expectation(right.strip("'"))}, MEASURES)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("== enabled", "'= enabled'"),
        ("=> 3", "'>= 3'"),
        ("=< 3", "'<= 3'"),
        ("<> no", "'!= no'"),
        ("≤ 3", "'<= 3'"),
        ("<< 3", "signs are <, <=, =, !=, >=, >"),
        ("= = 3", "is no expectation"),
    ],
)
def test_a_second_comparison_sign_is_refused(text: str, right: str) -> None:
    """It would be taken as a part of the word compared with, and such a comparison can never hold."""
    with pytest.raises(UsageError) as caught:
        Expectation(text)
    assert right in str(caught.value)


@given(st.sampled_from(sorted(known_units())), st.decimals(0, 1000, places=2))
def test_no_unit_ever_judges_a_count(unit: str, value: Decimal) -> None:
    """For all units: a plain count is compared with a plain number, or not at all."""
    assert Expectation(f"< {value} {unit}").misfit("")
    assert Expectation(f"< {value}").misfit("") is None


def test_negative_limits_are_numbers() -> None:
    """What may fall below zero, as growth may, can be held to it."""
    shrunk = Measurement.number("error_growth", -5)
    assert Expectation("< -3").holds(shrunk)
    assert not Expectation(">= -3").holds(shrunk)


WRITTEN = ["< 5", "< 5 %", "< 5 ms", "< 5 mins", "= all", "< all", "= yes", "== yes", "< -5", "= 5 h", "> 5 requests/s"]


@cache
def step_rules() -> list[dict[str, Any]]:
    """What the schema for editors says of a step, by its kind."""
    rules: list[dict[str, Any]] = json.loads(json.dumps(runbook_schema(KINDS)))["$defs"]["Step"]["allOf"]
    return rules


@pytest.mark.parametrize(("kind", "measures"), [(kind, getattr(spec, "measures", {})) for kind, spec in KINDS.items()])
def test_editors_and_the_loader_agree(kind: str, measures: dict[str, str]) -> None:
    """For everything that is measured, the schema for editors accepts exactly what the loader does."""
    [rule] = [one["then"]["properties"]["expect"] for one in step_rules() if f"'{kind}'" in str(one["if"])]
    for name, unit in measures.items():
        for text in WRITTEN:
            accepted = jsonschema.Draft202012Validator(rule).is_valid({name: text})
            assert accepted is readable(text, unit), (name, unit, text)


def readable(text: str, unit: str) -> bool:
    """Whether the loader takes it."""
    try:
        return Expectation(text).misfit(unit) is None
    except UsageError:
        return False
