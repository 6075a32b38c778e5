"""Rules of the language that hold for every input: what is printed reads back, and comparing is exact."""

import json
import operator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from tminus.clock import Duration, parse_duration, show_duration
from tminus.errors import UsageError
from tminus.expectation import Expectation, Measurement
from tminus.quantity import Quantity, known_units
from tminus.runbook import Spec
from tminus.runbook_source import build
from tminus.yaml_document import parse
from tminus.yaml_source import Source

SECONDS = {
    "us": Fraction(1, 1_000_000),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "min": Fraction(60),
    "m": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
}
SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12)
positive = st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**9)
units = st.sampled_from(["", *known_units(), "instances", "orders/s", "requests/min", "failed requests"])
texts = st.text(alphabet="0123456789.,_ +-eE%/<>=!()[]*^smhdkMGB\tλ٣", max_size=12) | st.text(max_size=12)


@settings(deadline=None)
@given(decimals, units)
def test_a_quantity_reads_back(value: Decimal, unit: str) -> None:
    """parse(str(q)) is q, whatever the number and the unit."""
    quantity = Quantity(value=value, unit=unit)
    assert Quantity.parse(str(quantity)) == quantity


@settings(deadline=None)
@given(st.timedeltas(min_value=timedelta(0)))
def test_a_duration_reads_back(length: timedelta) -> None:
    """parse_duration(show_duration(d)) is d, to the microsecond."""
    assert parse_duration(show_duration(length)) == length


@settings(deadline=None)
@given(
    st.sampled_from(sorted(SIGNS)),
    positive,
    st.sampled_from(sorted(SECONDS)),
    positive,
    st.sampled_from(sorted(SECONDS)),
)
def test_comparing_across_units_is_exact(sign: str, limit: Decimal, limit_unit: str, found: Decimal, unit: str) -> None:
    """`< 2 min` judges 119,999 ms as arithmetic with fractions does: nothing is rounded on the way."""
    expectation = Expectation(f"{sign} {Quantity(value=limit, unit=limit_unit)}")
    measured = Measurement(name="latency", quantity=Quantity(value=found, unit=unit))
    exact = SIGNS[sign](Fraction(found) * SECONDS[unit], Fraction(limit) * SECONDS[limit_unit])
    assert expectation.holds(measured) == exact


@settings(deadline=None)
@given(positive, st.sampled_from(sorted(SECONDS)), st.sampled_from(sorted(SECONDS)))
def test_equal_lengths_are_equal(value: Decimal, unit: str, other: str) -> None:
    """A length is `=` itself in every unit in which a decimal can write it."""
    ratio = Fraction(value) * SECONDS[unit] / SECONDS[other]
    here = Decimal(ratio.numerator) / Decimal(ratio.denominator)
    if Fraction(here) != ratio:
        return
    measured = Measurement(name="latency", quantity=Quantity(value=here, unit=other))
    assert Expectation(f"= {Quantity(value=value, unit=unit)}").holds(measured)


@settings(deadline=None)
@given(texts)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever stands in a book is a duration, a quantity, an expectation, or refused with a reason; nothing else."""
    with suppress(UsageError):
        Quantity.parse(text).same_kind("ms")
    with suppress(UsageError):
        expectation = Expectation(text)
        expectation.misfit("ms")
        assert Expectation(str(expectation)) == expectation
    with suppress(ValueError):
        assert parse_duration(text) >= timedelta(0)


class FakeCheck(Spec, frozen=True):
    """Stands for a check whose parameters can be anything a book can write."""

    verb: ClassVar[str] = "check"
    measures: ClassVar[dict[str, str]] = {"p95": "ms", "healthy": ""}
    kind: Literal["fake"] = "fake"
    text: str = ""
    number: float = 0
    count: int = 0
    within: Duration = timedelta(seconds=1)
    names: tuple[str, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)
    expect: dict[str, Expectation] = Field(min_length=1)


slugs = st.from_regex(r"[a-z][a-z0-9-]{0,6}", fullmatch=True)
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=10)
durations = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)).map(show_duration)
parameters = st.fixed_dictionaries(
    {},
    optional={
        "text": words,
        "number": st.floats(1 - 2.0**53, 2.0**53 - 1, allow_nan=False),
        "count": st.integers(1 - 2**53, 2**53 - 1),
        "within": durations,
        "names": st.lists(words, max_size=3),
        "labels": st.dictionaries(words, words, max_size=3),
    },
)
checks = st.fixed_dictionaries(
    {"check": st.just("fake"), "with": parameters, "expect": st.just({"p95": "< 200 ms", "healthy": "= all"})}
)
questions = st.fixed_dictionaries(
    {
        "approval": st.fixed_dictionaries(
            {"roles": st.dictionaries(slugs, st.integers(1, 3), min_size=1, max_size=3), "deadline": durations}
        )
    }
)
steps = st.builds(
    lambda identity, title, does: {"id": identity, "title": title, "owner": "somebody", **does},
    slugs,
    words,
    checks | questions | st.just({"follow_ups": None}),
)
books = st.builds(
    lambda late_by, found: {
        "runbook": "launch",
        "system": "tradesense",
        "phases": [{"phase": "T-0", "late_by": late_by, "steps": found}],
    },
    durations,
    st.lists(steps, min_size=1, max_size=4, unique_by=lambda step: str(step["id"])),
)


@settings(deadline=None)
@given(books)
def test_frozen_data_builds_the_same_book(data: dict[str, Any]) -> None:
    """What a launch froze in the ledger builds an equal Runbook, and freezes to the same text again."""
    # JSON is YAML; ruamel's own writer forgets the quotes of some texts.
    source = Source(Path("book.yaml"), parse(json.dumps(data, ensure_ascii=False)))
    thawed = Source.thawed("runbook", source.freeze())
    assert build(thawed, {"fake": FakeCheck}) == build(source, {"fake": FakeCheck})
    assert thawed.freeze() == source.freeze()
