"""Which number an alert's expression compares with."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.prometheus_expression import Comparison, comparison

ERRORS = 'sum(rate(http_requests_total{status=~"5..", path!="/a>1"}[5m])) / sum(rate(http_requests_total[5m]))'


@pytest.mark.parametrize(
    ("expression", "measured", "sign", "number"),
    [
        ("latency > 0.2", "latency", ">", "0.2"),
        ("latency>=200e-3", "latency", ">=", "0.2"),
        ("0.01 < errors", "errors", ">", "0.01"),
        ("1e3 >= up", "up", "<=", "1000"),
        ("0 == up", "up", "==", "0"),
        ("up != 1", "up", "!=", "1"),
        (f"({ERRORS}) * 100 > 1", f"({ERRORS}) * 100", ">", "1"),
        (f"(({ERRORS} > 0.01))", ERRORS, ">", "0.01"),
        ("count(up == 0) > 2", "count(up == 0)", ">", "2"),
        ("sum by (job) (x > 5) > 1", "sum by (job) (x > 5)", ">", "1"),
        ("(sum(x) or vector(0)) > 5", "(sum(x) or vector(0))", ">", "5"),
        ("x offset -5m > 1h30m", "x offset -5m", ">", "5400"),
        ("avg_over_time(x[1h:1m] @ end()) > 500ms", "avg_over_time(x[1h:1m] @ end())", ">", "0.5"),
        ("x > 14.4 * (1 - 0.999)", "x", ">", "0.0144"),
        ("x < -2 ^ 2 ^ 0", "x", "<", "-2"),
        ("x > 7 % 4 / 2", "x", ">", "1.5"),
        ("x > 0x1F", "x", ">", "31"),
        ("x > 10_000", "x", ">", "10000"),
        ("x # > 5\n > 1", "x", ">", "1"),
        ("x{a='>', b=`==`} > 1", "x{a='>', b=`==`}", ">", "1"),
        ("größe > 1", "größe", ">", "1"),
        ("x == 1 or absent(x)", "x", "==", "1"),
        ("(x > bool 0.01) == 1", "x", ">", "0.01"),
        ("(0.01 < bool x) > 0", "x", ">", "0.01"),
    ],
)
def test_the_outermost_comparison_says_the_number(expression: str, measured: str, sign: str, number: str) -> None:
    """Whatever is compared inside of calls, selectors, text and remarks is not what the alert compares with."""
    assert comparison(expression) == Comparison(measured, sign, Decimal(number))


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "up",
        "absent(up)",
        "sum(x > 5)",
        "a > b",
        "a > on (job) group_left b",
        "a > scalar(b)",
        "a > 1 or b > 2",
        "a > 5 or vector(0)",
        "a > 1 < 5",
        "(a > 5) > 1",
        "(a > 5) * 2 > 1",
        "(a and b > 10) > 0.01",
        "(x > bool 0.01) == 0",
        "(x > bool 0.01) > 0.5",
        "up and x > 1",
        "1 > 0",
        "x > Inf",
        "x > NaN",
        "x > 1 / 0",
        "x > 10 ^ 1e9",
        "x > 1e400",
        "x > 1e-400",
        "x >",
        "> 1",
        "x > 1)",
        "(x > 1",
        "x[5m) > 1]",
        "x > 1 ☃",
        "x > 'text'",
        "x > 1 2",
        "x > (1",
        "(" * 60 + "x > 1" + ")" * 60,
        "x > " + "1" * 20_000,
        "x + " * 4_000 + "x > 1",
    ],
)
def test_where_it_cannot_be_told_there_is_none(expression: str) -> None:
    """No comparison, no number, more than one that it could be, or no expression at all."""
    assert comparison(expression) is None


def test_of_conditions_joined_by_and_the_first_counts() -> None:
    """It is what the alert reports; the others are named as they stand."""
    found = comparison("errors > 0.01 and on (job) (traffic > 10) unless maintenance == 1")
    assert found == Comparison("errors", ">", Decimal("0.01"), also=("on (job) (traffic > 10)", "maintenance == 1"))


def test_bool_lets_an_alert_fire_whatever_the_value() -> None:
    """The comparison gives 0 or 1, and both are a series."""
    found = comparison("errors > bool 0.01")
    assert found is not None
    assert (found.number, found.always) == (Decimal("0.01"), True)


_NUMBERS = st.decimals(min_value=Decimal("0.000001"), max_value=10**9, allow_nan=False, places=6)
_SIGNS = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
_MEASURED = st.sampled_from(["x", 'x{a="b > 1"}', "sum by (j) (rate(x[5m]))", "(a / b) * 100", "max(x > 3)", "-x"])
_MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}


@given(
    measured=_MEASURED, sign=_SIGNS, number=_NUMBERS, depth=st.integers(0, 5), space=st.sampled_from(["", " ", "\n "])
)
def test_brackets_spaces_and_sides_change_nothing(
    measured: str, sign: str, number: Decimal, depth: int, space: str
) -> None:
    """The same comparison, however it is written, is the same number."""
    plain = f"{'(' * depth}{measured}{space}{sign}{space}{number:f}{')' * depth}"
    turned = f"{'(' * depth}{number:f}{space}{_MIRROR[sign]}{space}{measured}{')' * depth}"

    assert comparison(plain) == comparison(turned) == Comparison(measured, sign, number)


@given(st.text(alphabet="x10.e<>=!~(){}[]\"'`\\#+-*/%^@, \nandorunlessbool_:m", max_size=60))
def test_no_text_breaks_the_reading(text: str) -> None:
    """Whatever Prometheus sends is read or left alone, and what is measured is part of it."""
    found = comparison(text)
    assert found is None or (found.measured in text and found.number.is_finite())
