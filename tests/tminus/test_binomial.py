"""Counts, and the confidence bound of the rate behind them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tminus.binomial import Tally, at_least_chance, at_most_chance, upper_bound


def test_upper_bounds_from_the_textbook() -> None:
    """No event in n: 1 - alpha^(1/n). One in ten at 95 %: 39.4 %. Nothing known: 1."""
    assert upper_bound(Tally(100, 0), 0.05) == pytest.approx(1 - 0.05**0.01, rel=1e-5)
    assert upper_bound(Tally(10, 1), 0.05) == pytest.approx(0.3942, abs=1e-4)
    assert upper_bound(Tally(0, 0), 0.05) == upper_bound(Tally(5, 5), 0.05) == 1


@given(requests=st.integers(0, 400), share=st.floats(0, 1), alpha=st.floats(1e-6, 0.3))
def test_an_upper_bound_keeps_its_level(requests: int, share: float, alpha: float) -> None:
    """At the bound, so few events have a chance of at most alpha; a hair below it, of more."""
    old = Tally(requests, int(share * requests))
    bound = upper_bound(old, alpha)
    if bound < 1:
        assert at_most_chance(old, bound) <= alpha
        assert at_most_chance(old, bound * (1 - 1e-5)) > alpha


def test_the_chance_of_few_events_is_the_binomial_sum() -> None:
    """Against the sum written out."""
    written_out = sum(math.comb(40, k) * 0.3**k * 0.7 ** (40 - k) for k in range(6))
    assert at_most_chance(Tally(40, 5), 0.3) == pytest.approx(written_out)


@pytest.mark.parametrize(("requests", "events", "rate"), [(50, 1, 0.001), (50, 8, 0.05), (7, 7, 0.3), (92, 3, 0.0087)])
def test_the_chance_of_many_events_is_the_binomial_sum(requests: int, events: int, rate: float) -> None:
    """Against the sum written out."""
    terms = (math.comb(requests, k) * rate**k * (1 - rate) ** (requests - k) for k in range(events, requests + 1))
    assert at_least_chance(Tally(requests, events), rate) == pytest.approx(sum(terms))


def test_no_more_events_than_expected_are_no_surprise() -> None:
    """None, a rate of one, nobody asked: certain."""
    assert at_least_chance(Tally(50, 0), 0.001) == 1
    assert at_least_chance(Tally(50, 50), 1.0) == 1
    assert at_least_chance(Tally(0, 0), 0.001) == 1


def test_tallies_add_up() -> None:
    """Requests and events each."""
    assert Tally(50, 1) + Tally(30, 2) == Tally(80, 3)


@pytest.mark.parametrize(("requests", "events"), [(3, 4), (-1, -1), (5, -1)])
def test_counts_that_cannot_be_are_refused(requests: int, events: int) -> None:
    """The error names both counts."""
    with pytest.raises(ValueError, match=f"{events} events in {requests} requests"):
        Tally(requests, events)
