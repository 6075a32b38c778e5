"""The tests of the watch: exact where small cases can be counted out, by hand where a number can be known."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tminus.binomial import Tally, upper_bound
from tminus.sequential import ODDS_RATIOS, RUNGS, AtMost, Baseline, Breach, NoWorseThan, Watch

RATES = st.floats(0.0005, 0.6)


@st.composite
def tallies(draw_from: st.DrawFn, most: int = 300) -> Tally:
    """Any sample, an empty one too."""
    requests = draw_from(st.integers(0, most))
    return Tally(requests, draw_from(st.integers(0, requests)))


@st.composite
def either_test(draw_from: st.DrawFn, minimum: int = 0) -> AtMost:
    """Either test, with any parameters."""
    alpha = draw_from(st.floats(0.0005, 0.2))
    if draw_from(st.booleans()):
        return AtMost(draw_from(RATES), alpha, minimum)
    old = draw_from(tallies(5000))
    return NoWorseThan(old, alpha, draw_from(st.floats(0, 0.1)), choices=draw_from(st.integers(1, 12)), minimum=minimum)


def twin(test: AtMost) -> AtMost:
    """The same test, as new."""
    alpha = math.exp(-test.log_threshold)
    if isinstance(test, NoWorseThan):
        return NoWorseThan(test.baseline, alpha, test.tolerance, choices=test.choices, minimum=test.minimum)
    return AtMost(test.limit, alpha, test.minimum)


def chance(tally: Tally, rate: float) -> float:
    """P(X = events) for X binomial(requests, rate)."""
    n, k = tally.requests, tally.events
    return math.comb(n, k) * rate**k * (1 - rate) ** (n - k)


def every_stream(sizes: tuple[int, ...]) -> list[tuple[Tally, ...]]:
    """All outcomes that samples of these sizes can have."""
    return [
        tuple(Tally(n, k) for n, k in zip(sizes, counts, strict=True))
        for counts in product(*(range(n + 1) for n in sizes))
    ]


# --- what is promised: no more than alpha -----------------------------------------------------------------------------


@given(limit=RATES, share=st.floats(0, 1), sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_evidence_against_a_good_version_has_a_mean_of_at_most_one(
    limit: float, share: float, sizes: list[int]
) -> None:
    """Counted out over every stream: the mean e-value is 1 at the limit itself and at most 1 below it."""
    for rate, exact in ((limit, True), (limit * share, False)):
        mean = 0.0
        for stream in every_stream(tuple(sizes)):
            test = AtMost(limit, 0.01)
            for tally in stream:
                test.add(tally)
            mean += math.exp(test.log_evidence) * math.prod(chance(tally, rate) for tally in stream)
        assert mean <= 1 + 1e-9
        assert not exact or mean == pytest.approx(1)


@pytest.mark.parametrize("old_rate", [0.001, 0.02, 0.1, 0.3, 0.7])
@pytest.mark.parametrize("tolerance", [0.0, 0.1])
def test_evidence_of_being_worse_allows_for_the_baselines_own_noise(old_rate: float, tolerance: float) -> None:
    """Counted out over every baseline of 12 requests and every stream: the mean e-value is at most 1."""
    new_rate, mean = min(1.0, old_rate + tolerance), 0.0
    for events in range(13):
        old = Tally(12, events)
        for stream in every_stream((2, 3, 3)):
            test = NoWorseThan(old, 0.05, tolerance)
            for tally in stream:
                test.add(tally)
            weight = chance(old, old_rate) * math.prod(chance(tally, new_rate) for tally in stream)
            mean += math.exp(test.log_evidence) * weight
    assert mean <= 1 + 1e-9


@pytest.mark.parametrize("kind", ["limit", "baseline"])
def test_a_good_stream_is_seldom_accused_at_any_sample(kind: str) -> None:
    """300 whole watches exactly at the limit, read at every sample: about 5 % may breach, not more."""
    rng, accused = Random(7), 0  # noqa: S311 - a simulation, which must be repeatable

    def drawn(requests: int) -> Tally:
        return Tally(requests, sum(rng.random() < 0.05 for _ in range(requests)))

    for _ in range(300):
        test = AtMost(0.05, 0.05) if kind == "limit" else NoWorseThan(drawn(1000), 0.05)
        for _ in range(60):
            test.add(drawn(50))
        accused += test.breached
    assert accused <= 24  # 99 % sure to hold for a true 5 %


# --- known values -----------------------------------------------------------------------------------------------------


def test_the_first_two_samples_by_hand() -> None:
    """At a limit of 1/2, odds r make an event worth 2r/(1+r), its absence 2/(1+r); half the capital bets at once."""
    odds = [Fraction(ratio) for ratio in ODDS_RATIOS]
    event, quiet = [2 * r / (1 + r) for r in odds], [2 / (1 + r) for r in odds]
    test = AtMost(0.5, 0.01)
    first = [x / 2 / len(odds) for x in event]
    assert test.add(Tally(1, 1)) == pytest.approx(math.log(sum(first) + Fraction(1, 2)))
    second = [(held + Fraction(1, 4) / len(odds)) * y * y * x for held, x, y in zip(first, event, quiet, strict=True)]
    assert test.add(Tally(3, 1)) == pytest.approx(math.log(sum(second) + Fraction(1, 4)))


# --- how it behaves ---------------------------------------------------------------------------------------------------


@given(test=either_test())
def test_a_twin_is_the_same_test(test: AtMost) -> None:
    """The tests below compare a test with its twin, so they must begin alike."""
    other = twin(test)
    assert other.limit == pytest.approx(test.limit)
    assert other.log_evidence == pytest.approx(test.log_evidence)


@given(test=either_test(), samples=st.lists(tallies(), max_size=12))
def test_replaying_the_recorded_samples_gives_the_same_state(test: AtMost, samples: list[Tally]) -> None:
    """After a crash a new test fed with the recorded tallies says what the old one said."""
    live, replayed = twin(test), twin(test)
    said = [live.add(tally) for tally in samples]
    assert [replayed.add(tally) for tally in samples] == said
    assert (replayed.seen, replayed.breached) == (live.seen, live.breached)


@given(test=either_test(minimum=500), samples=st.lists(tallies(), max_size=12))
def test_no_verdict_below_the_minimum(test: AtMost, samples: list[Tally]) -> None:
    """However bad it looks, fewer requests than the minimum never breach; once breached, it stays so."""
    breached = False
    for tally in samples:
        test.add(tally)
        assert test.seen.requests >= 500 or not test.breached
        assert test.breached or not breached
        breached = test.breached


@given(test=either_test(), samples=st.lists(tallies(), min_size=1, max_size=8), data=st.data())
def test_one_more_event_is_never_less_evidence(test: AtMost, samples: list[Tally], data: st.DataObject) -> None:
    """Turning a good request into an event, anywhere in the stream, lowers the evidence at no sample after it."""
    at = data.draw(st.integers(0, len(samples) - 1))
    tally = samples[at]
    worse = [*samples]
    worse[at] = Tally(tally.requests, min(tally.requests, tally.events + 1))
    milder, harsher = twin(test), twin(test)
    for before, after in zip(samples, worse, strict=True):
        assert milder.add(before) <= harsher.add(after) + 1e-9


@given(test=either_test(), samples=st.lists(tallies(), max_size=6))
def test_a_sample_without_requests_says_nothing(test: AtMost, samples: list[Tally]) -> None:
    """Samples of zero requests between the others change no figure."""
    other = twin(test)
    plain = twin(test)
    for tally in samples:
        plain.add(tally)
        other.add(tally)
        other.add(Tally(0, 0))
    assert other.log_evidence == plain.log_evidence
    assert other.breached == plain.breached


def test_a_service_that_is_down_is_found_in_one_sample_and_the_numbers_stay_finite() -> None:
    """Forty failures of forty breach at once; a million more overflow nothing, and the verdict stays."""
    test = AtMost(0.001, 0.0025, minimum=30)
    test.add(Tally(40, 40))
    assert test.breached
    for _ in range(5):
        assert math.isfinite(test.add(Tally(1_000_000, 1_000_000)))
    assert math.isfinite(test.add(Tally(1_000_000, 0)))
    assert test.breached


@pytest.mark.parametrize("kind", ["limit", "baseline"])
def test_a_long_good_start_does_not_hide_a_late_fault(kind: str) -> None:
    """After 500 clean samples of 100 requests, 20 % errors are found within three samples."""
    test = AtMost(0.001, 0.0025) if kind == "limit" else NoWorseThan(Tally(3000, 1), 0.0025)
    for _ in range(500):
        test.add(Tally(100, 0))
    assert not test.breached
    for _ in range(3):
        test.add(Tally(45, 9))
    assert test.breached


def test_a_baseline_that_saw_nothing_accuses_nobody() -> None:
    """With no request before the switch there is nothing to be worse than."""
    test = NoWorseThan(Tally(0, 0), 0.01)
    for _ in range(20):
        test.add(Tally(100, 100))
    assert not test.breached
    assert test.log_evidence == pytest.approx(-math.log(RUNGS + 1))


def test_a_latency_bound_chosen_by_its_baseline_is_allowed_for() -> None:
    """Chosen among 13, the old rate's bound is taken at a thirteenth of its level, so it lies higher."""
    old = Tally(3000, 140)
    chosen, fixed = NoWorseThan(old, 0.01, choices=13), NoWorseThan(old, 0.01)
    assert chosen.limit == pytest.approx(upper_bound(old, 0.01 / (RUNGS + 1) / 13), rel=1e-5)
    assert fixed.limit == pytest.approx(upper_bound(old, 0.01 / (RUNGS + 1)), rel=1e-5)
    assert chosen.limit > fixed.limit


def test_a_tolerance_is_room() -> None:
    """3 % against an old 1 % breaches; with two and a half points of tolerance it does not."""
    strict, lenient = NoWorseThan(Tally(20_000, 200), 0.0025), NoWorseThan(Tally(20_000, 200), 0.0025, 0.025)
    for _ in range(20):
        strict.add(Tally(200, 6))
        lenient.add(Tally(200, 6))
    assert strict.breached
    assert not lenient.breached


# --- a whole watch ----------------------------------------------------------------------------------------------------


def a_watch() -> Watch:
    """Failures against limit and baseline, slow requests against the limit."""
    return Watch({"errors": 0.001, "slow": 0.05}, {"errors": Baseline(Tally(3000, 2))}, alpha=0.01, minimum=30)


def test_alpha_is_shared_by_all_tests_of_the_watch() -> None:
    """Three tests, a third of alpha each."""
    thresholds = [math.exp(-test.log_threshold) for test in a_watch().tests.values()]
    assert thresholds == pytest.approx([0.01 / 3] * 3)


def test_a_breach_names_the_metric_and_what_it_was_held_against() -> None:
    """Slow answers breach their limit alone, with the numbers of the deciding sample."""
    watch = a_watch()
    assert not watch.add({"errors": Tally(50, 0), "slow": Tally(50, 2)})
    (breach,) = watch.add({"errors": Tally(50, 0), "slow": Tally(50, 40)})
    assert isinstance(breach, Breach)
    assert (breach.metric, breach.against, breach.limit, breach.seen) == ("slow", "limit", 0.05, Tally(100, 42))
    assert breach.log_evidence >= breach.log_threshold


def test_a_metric_missing_from_a_sample_is_neither_good_nor_bad() -> None:
    """Only what was measured moves."""
    watch = a_watch()
    watch.add({"slow": Tally(50, 1)})
    assert watch.tests["errors", "limit"].seen == Tally(0, 0)
    assert watch.tests["errors", "limit"].log_evidence == 0
    assert watch.tests["slow", "limit"].seen == Tally(50, 1)


def test_a_strange_metric_is_refused_before_anything_is_taken_in() -> None:
    """A misspelt metric names itself and the known ones, and changes nothing."""
    watch = a_watch()
    with pytest.raises(ValueError, match="latncy is not watched here: expected among errors, slow"):
        watch.add({"errors": Tally(50, 50), "latncy": Tally(1, 1)})
    assert watch.tests["errors", "limit"].seen == Tally(0, 0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: AtMost(0.0, 0.01), "limit 0.0"),
        (lambda: AtMost(1.1, 0.01), "limit 1.1"),
        (lambda: AtMost(0.1, 0.0), "alpha 0.0"),
        (lambda: AtMost(0.1, 0.01, -1), "minimum -1"),
        (lambda: NoWorseThan(Tally(10, 1), 2.0), "alpha 2.0"),
        (lambda: NoWorseThan(Tally(10, 1), 0.01, -0.1), "tolerance -0.1"),
        (lambda: NoWorseThan(Tally(10, 1), 0.01, choices=0), "0 choices"),
        (lambda: Watch({}, {}), "nothing to watch"),
        (lambda: Watch({"a": 0.1, "b": 0.1}, {}, alpha=1.5), "alpha 1.5"),
    ],
)
def test_numbers_that_cannot_be_are_refused(make: object, says: str) -> None:
    """The error names the number and what was expected."""
    assert callable(make)
    with pytest.raises(ValueError, match=says):
        make()
