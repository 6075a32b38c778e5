"""Label selectors, quantities and shares: what Kubernetes documents of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tasks.kubernetes_parts import CountOrShare, Selector, of_whole, quantity

KEYS = st.sampled_from(["app", "tier", "version"])
VALUES = st.sampled_from(["orders", "risk", ""])
LABELS = st.dictionaries(KEYS, VALUES)


def selects(labels: dict[str, str], operator: str, key: str, values: list[str] | None = None) -> bool:
    """Whether a selector of one expression selects labels."""
    expression = {"key": key, "operator": operator, "values": values}
    return Selector.model_validate({"matchExpressions": [expression]}).selects(labels)


@given(LABELS, KEYS, st.lists(VALUES, min_size=1))
def test_not_in_is_the_contrary_of_in(labels: dict[str, str], key: str, values: list[str]) -> None:
    """NotIn selects exactly what In does not, and so what lacks the label."""
    assert selects(labels, "NotIn", key, values) != selects(labels, "In", key, values)
    assert key in labels or selects(labels, "NotIn", key, values)


@given(LABELS, KEYS)
def test_does_not_exist_is_the_contrary_of_exists(labels: dict[str, str], key: str) -> None:
    """A label that is there and empty exists."""
    assert selects(labels, "Exists", key) == (key in labels)
    assert selects(labels, "DoesNotExist", key) == (key not in labels)


@given(LABELS)
def test_an_empty_selector_selects_everything(labels: dict[str, str]) -> None:
    """However the emptiness is written."""
    for empty in ({}, {"matchLabels": {}}, {"matchLabels": None, "matchExpressions": []}):
        selector = Selector.model_validate(empty)
        assert selector.empty
        assert selector.selects(labels)


@given(LABELS, LABELS)
def test_labels_and_expressions_must_all_hold(labels: dict[str, str], wanted: dict[str, str]) -> None:
    """A label to match is an In for each label, joined by and."""
    by_labels = Selector.model_validate({"matchLabels": wanted})
    expressions = [{"key": key, "operator": "In", "values": [value]} for key, value in wanted.items()]
    by_expressions = Selector.model_validate({"matchExpressions": expressions})
    assert by_labels.selects(labels) == by_expressions.selects(labels) == (wanted.items() <= labels.items())


def test_an_unknown_operator_is_no_selector() -> None:
    """A selector that cannot be read must not select by what is left of it."""
    with pytest.raises(ValidationError):
        Selector.model_validate({"matchExpressions": [{"key": "app", "operator": "Gt", "values": ["1"]}]})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", "0.5"),
        ("2", "2"),
        ("0", "0"),
        (".5", "0.5"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("1k", "1000"),
        ("2E", "2e18"),
        ("1e3", "1000"),
        ("5E-1", "0.5"),
        ("100n", "1e-7"),
    ],
)
def test_quantities(text: str, value: str) -> None:
    """Decimal and binary suffixes and exponents, without rounding."""
    assert quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "m", "1 Gi", "1gi", "NaN", "inf", "1e99999", "-", "\u0661", "1" * 50, "0x10"])
def test_what_is_no_quantity(text: str) -> None:
    """Anything else is refused, rather than taken for a number."""
    with pytest.raises(ValueError, match="no quantity"):
        quantity(text)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_a_share_is_rounded_up(percent: int, whole: int) -> None:
    """A percentage of a whole is the smallest count that is not less than it."""
    count = of_whole(f"{percent}%", whole)
    assert count * 100 >= percent * whole
    assert (count - 1) * 100 < percent * whole


@pytest.mark.parametrize("text", ["half", "50", "5.5%", "%", "-1%", True, [], None])
def test_what_is_neither_count_nor_share(text: object) -> None:
    """A count that is text, and a share that is none, are refused."""
    with pytest.raises(ValidationError):
        TypeAdapter(CountOrShare).validate_python(text)
