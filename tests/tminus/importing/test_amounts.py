"""Numbers with their units are read as people write them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tminus.expectation import Expectation
from tminus.importing.amounts import PointsTheOtherWay, amounts, has_decimal_comma


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<200ms p95", ["< 200 ms"]),
        ("Log retention (30 days)", ["? 30 d"]),
        ("30-day retention", ["? 30 d"]),
        ("at least 80 percent", [">= 80 %"]),
        ("replication factor = 3", ["= 3"]),
        ("3+ nodes", [">= 3"]),
        ("≥ 3 replicas", [">= 3"]),
        ("no more than 5 minutes", ["<= 5 min"]),
        ("not above 1%", ["<= 1 %"]),
        ("must never be allowed to rise above 1%", ["<= 1 %"]),
        ("doesn't exceed 1%", ["<= 1 %"]),
        ("doesn\u2019t fall below 80%", [">= 80 %"]),
        ("no fewer than 3 nodes", [">= 3"]),
        ("not <80%", [">= 80 %"]),
        ("not exactly 3", ["!= 3"]),
        ("notable above 1%", ["> 1 %"]),
        ("p99 <10ms with 1,000 users", ["< 10 ms", "? 1000"]),
        ("99.9% (43.8 min a month)", ["? 99.9 %", "? 43.8 min"]),
        ("kept for 2 weeks", ["? 14 d"]),
        ("1 year", ["? 365 d"]),
        ("max 2MB", ["<= 2 MB"]),
        ("T-4 hours, v2.0.1, p99, S3", []),
        ("3-5 nodes", []),
        ("0,1 %", []),
    ],
)
def test_a_number_is_read_with_its_sign_and_unit(text: str, expected: list[str]) -> None:
    """`?` stands where the line has no sign; versions, ranges and decimal commas are no numbers."""
    assert [f"{'>=' if one.at_least else one.sign or '?'} {one.said}" for one in amounts(text)] == expected


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("10,000 orders/sec", [("10000", "orders", "s")]),
        ("100 req/min per user", [("100", "requests", "min")]),
        ("10k rps", [("10000", "requests", "s")]),
        ("5/min login, 3/min register", [("5", "", "min"), ("3", "", "min")]),
        ("100 requests per minute", [("100", "requests", "min")]),
        ("10M users", [("10", "million", "")]),
    ],
)
def test_a_rate_is_read_with_what_it_counts(text: str, rates: list[tuple[str, str, str]]) -> None:
    """Number, what is counted, and in what time; a million is no minute."""
    assert [(one.number, one.unit, one.per) for one in amounts(text)] == rates


@given(st.text(max_size=200), st.sampled_from(["<", "<=", ">", ">=", "="]))
def test_every_number_makes_an_expectation_or_points_the_other_way(text: str, good: str) -> None:
    """Whatever stands in a line, what is read of it can be expected, in the good direction."""
    for one in amounts(text):
        assert 0 <= one.start < one.end <= len(text)
        with suppress(PointsTheOtherWay):
            expectation = Expectation(one.expected(good))
            assert good == "=" or expectation.sign[0] in {good[0], "="}


@pytest.mark.parametrize(
    ("text", "comma"), [("0,1 %", True), ("1,5 s", True), ("10,000 orders", False), ("1, 2", False)]
)
def test_a_decimal_comma_is_told_from_thousands(text: str, comma: bool) -> None:
    """`0,1` may mean a tenth, so it is asked about."""
    assert has_decimal_comma(text) is comma
