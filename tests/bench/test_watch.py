"""The bench of the watch measures what it says: its draws, its bound on anyone, its negative control."""

from __future__ import annotations

from random import Random

import pytest

from bench.watch import BOOK, chunk, shipped
from bench.watch_scenarios import BAD, CLEAN, OUTSIDE
from bench.watch_traffic import Version, best_power, draw, requests_needed, slower

SEED = "t"


def test_with_the_mechanism_switched_off_good_releases_are_accused() -> None:
    """The negative control: tests for a fixed sample, peeked at, accuse clearly more than 1 %; ours do not."""
    at_limit = CLEAN[1]
    naive = chunk((at_limit, 100, 0, SEED, True))
    ours = chunk((at_limit, 100, 0, SEED, False))
    assert sum(first > 0 for first in naive) >= 5
    assert sum(first > 0 for first in ours) <= 1


def test_the_figures_are_those_of_the_shipped_watch() -> None:
    """Limits, tolerances, minimum and probes are read from the book, not chosen here."""
    text = BOOK.read_text("utf-8")
    assert 'expect: {error_rate: "< 0.1 %", p95: "< 200 ms"}' in text
    limits = shipped().limits()
    assert (limits.error_rate, limits.slow_over, limits.min_requests) == (0.001, 0.2, 100)
    assert (limits.tolerate_errors, limits.tolerate_slow, limits.alpha) == (0.005, 0.15, 0.01)


def test_a_bad_release_is_rolled_back_and_an_outside_cause_is_held() -> None:
    """More than 0 is a rollback at that sample, less than 0 a hold."""
    assert all(first > 0 for first in chunk((BAD[0], 20, 0, SEED, False)))
    (both,) = [scenario for scenario, _ in OUTSIDE if scenario.name == "both_20pct_errors"]
    assert sum(first < 0 for first in chunk((both, 20, 0, SEED, False))) >= 18


def test_what_nobody_can_find() -> None:
    """0.1 % → 0.5 %: KL is 0.005·ln 5 + 0.995·ln(0.995/0.999) = 0.004055 nats a request, kl(0.99, 0.01) 4.503."""
    assert requests_needed(0.001, 0.005, 0.99, 0.01) == pytest.approx(4.503 / 0.004055, rel=1e-3)
    assert best_power(450, 0.001, 0.005, 0.01) < 0.5
    assert best_power(450, 0.04, 0.2, 0.01) > 0.999


@pytest.mark.parametrize(("n", "rate"), [(45, 0.001), (200, 0.05), (3000, 0.127), (6000, 0.5)])
def test_draws_have_the_mean_and_spread_of_a_binomial(n: int, rate: float) -> None:
    """4,000 draws: mean within five standard errors, variance within a fifth."""
    rng = Random(3)  # noqa: S311 - a simulation, which must be repeatable
    counts = [draw(rng, n, rate) for _ in range(4000)]
    mean, variance = n * rate, n * rate * (1 - rate)
    found = sum(counts) / len(counts)
    assert found == pytest.approx(mean, abs=5 * (variance / 4000) ** 0.5)
    assert sum((count - found) ** 2 for count in counts) / 4000 == pytest.approx(variance, rel=0.2)


def test_five_times_the_latency_moves_the_share_above_each_bound() -> None:
    """5 % exceed 150 ms at a median of 40 ms; counts fall along rising bounds."""
    assert Version(0.0).slower_than(150) == pytest.approx(0.05)
    assert Version(0.0, 200.0).slower_than(200) == pytest.approx(0.5)
    counts = slower(Random(1), 1000, Version(0.0, 200.0), (100, 150, 200, 500))  # noqa: S311 - a simulation
    assert counts == sorted(counts, reverse=True)
    assert 400 < counts[2] < 600
