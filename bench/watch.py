"""How soon the watch finds a bad release, and how seldom it accuses a good one: seeded Monte Carlo of whole watches.

``python -m bench.watch [--runs 10000] [--seed 1] [--sabotage sequential]`` ends with one JSON line per figure and exits
with 1 if a figure does not hold. Good releases take all the runs, bad ones a tenth of them.

Each run draws its own baseline of the old version, then one watch: per sample the requests served, how many failed,
how many took longer than 200 ms, and how many longer than the old version's own p95 (the lowest histogram bound that
at most 5 % of the baseline exceeded). ``--sabotage sequential`` puts fixed-sample z-tests of the same alpha, judged at
every sample, in the place of the always-valid tests: the false rollbacks must rise.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from bench.watch_traffic import BOUNDS_MS, Version, best_power, draw, requests_needed, slower
from tminus.binomial import Tally, upper_bound
from tminus.sequential import AtMost, Baseline, NoWorseThan, Watch

if TYPE_CHECKING:
    from collections.abc import Iterable

ALPHA, MINIMUM, SAMPLES, WITHIN = 0.01, 30, 60, 10
SLOW_MS = 200
CHUNK = 250


@dataclass(frozen=True)
class Scenario:
    """One kind of watch. The new version answers like the old one until sample ``onset``, then like ``new``."""

    name: str
    old: Version
    new: Version
    onset: int = 1
    requests: tuple[int, int] = (50, 200)  # per sample, uniform, both ends included
    baseline: int = 3000  # requests to the old version before the switch
    limits: tuple[float, float] = (0.001, 0.05)  # failures; slower than 200 ms
    tolerance: tuple[float, float] = (0.0, 0.0)  # failures; slower than the old p95
    swing: tuple[float, float] = (0.0, 0.0)  # failures, median latency: amplitude of a slow wave, relative
    burst: int = 1  # each failure comes as so many


class PeekedAtMost(AtMost):
    """The sabotaged test: a one-sided z-test for a sample fixed in advance, read after every sample."""

    def add(self, tally: Tally) -> float:
        """Take one sample in and return -ln(p-value) of all so far."""
        self.seen += tally
        n, limit = self.seen.requests, self.limit
        if n:
            self.judge((self.seen.events - n * limit) / math.sqrt(n * limit * (1 - limit)))
        return self.log_evidence

    def judge(self, z: float) -> None:
        """Breach where z is unlikely enough."""
        self.log_evidence = -math.log(max(0.5 * math.erfc(z / math.sqrt(2)), 1e-300))
        self.breached |= self.seen.requests >= self.minimum and self.log_evidence >= self.log_threshold


class PeekedNoWorseThan(PeekedAtMost):
    """The sabotaged comparison: a pooled two-proportion z-test, read after every sample."""

    def __init__(self, test: NoWorseThan, alpha: float) -> None:
        """Compare with the same baseline and tolerance at the same alpha."""
        super().__init__(test.limit, alpha, test.minimum)
        self.old, self.tolerance = test.baseline, test.tolerance

    def add(self, tally: Tally) -> float:
        """Take one sample in and return -ln(p-value) of all so far."""
        self.seen += tally
        both = self.old + self.seen
        pooled = both.events / both.requests
        if self.seen.requests and 0 < pooled < 1:
            gap = self.seen.events / self.seen.requests - self.old.events / self.old.requests - self.tolerance
            spread = pooled * (1 - pooled) * (1 / self.seen.requests + 1 / self.old.requests)
            self.judge(gap / math.sqrt(spread))
        return self.log_evidence


def armed(rng: Random, scenario: Scenario, *, sabotaged: bool) -> tuple[Watch, int]:
    """Draw a baseline and return the watch that starts from it, with the old p95's bound in milliseconds."""
    n, old = scenario.baseline, scenario.old
    errors = Tally(n, draw(rng, n, old.error_rate))
    counts = slower(rng, n, old, BOUNDS_MS)
    chosen = next(i for i, count in enumerate(counts) if count <= 0.05 * n)
    slow = Baseline(Tally(n, counts[chosen]), scenario.tolerance[1], choices=len(BOUNDS_MS))
    watch = Watch(
        {"errors": scenario.limits[0], "over_200ms": scenario.limits[1]},
        {"errors": Baseline(errors, scenario.tolerance[0]), "over_old_p95": slow},
        alpha=ALPHA,
        minimum=MINIMUM,
    )
    if sabotaged:
        share = ALPHA / len(watch.tests)
        for key, test in watch.tests.items():
            naive = PeekedNoWorseThan(test, share) if isinstance(test, NoWorseThan) else None
            watch.tests[key] = naive or PeekedAtMost(test.limit, share, test.minimum)
    return watch, BOUNDS_MS[chosen]


def one_watch(rng: Random, scenario: Scenario, *, sabotaged: bool) -> int:
    """Play one watch; return the sample at which it breached, 0 if it never did."""
    watch, p95_ms = armed(rng, scenario, sabotaged=sabotaged)
    bounds = sorted({SLOW_MS, p95_ms})
    phase = rng.randrange(12)
    for sample in range(1, SAMPLES + 1):
        version = scenario.old if sample < scenario.onset else scenario.new
        if any(scenario.swing):
            wave = round(math.sin(math.tau * (sample // 5 + phase) / 12), 3)
            version = Version(
                round(version.error_rate * (1 + scenario.swing[0] * wave), 6),
                version.median_ms * (1 + scenario.swing[1] * wave),
            )
        n = rng.randint(*scenario.requests)
        failed = min(n, scenario.burst * draw(rng, n, version.error_rate / scenario.burst))
        counts = dict(zip(bounds, slower(rng, n, version, bounds), strict=True))
        if watch.add(
            {
                "errors": Tally(n, failed),
                "over_200ms": Tally(n, counts[SLOW_MS]),
                "over_old_p95": Tally(n, counts[p95_ms]),
            }
        ):
            return sample
    return 0


def chunk(job: tuple[Scenario, int, int, str, bool]) -> list[int]:
    """Play some watches from a seed of their own."""
    scenario, runs, part, seed, sabotaged = job
    rng = Random(f"{seed}/{scenario.name}/{part}")
    return [one_watch(rng, scenario, sabotaged=sabotaged) for _ in range(runs)]


class Monte:
    """Plays scenarios on every core, with results that depend on the seed alone."""

    def __init__(self, pool: ProcessPoolExecutor, seed: str, *, sabotaged: bool) -> None:
        """Use these workers."""
        self.pool, self.seed, self.sabotaged = pool, seed, sabotaged

    def play(self, scenario: Scenario, runs: int) -> list[int]:
        """Return for each watch the sample at which it breached, 0 if never."""
        sizes = [min(CHUNK, runs - start) for start in range(0, runs, CHUNK)]
        jobs = [(scenario, size, part, self.seed, self.sabotaged) for part, size in enumerate(sizes)]
        return [first for part in self.pool.map(chunk, jobs) for first in part]


@dataclass(frozen=True)
class Figure:
    """One measured number and what it has to be."""

    figure: str
    value: float
    unit: str
    goal: str
    holds: bool

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(vars(self))


GOOD = Version(0.0003)
CLEAN = (
    Scenario("clean", GOOD, GOOD),
    Scenario("clean_at_limit", Version(0.001, 40 * 200 / 150), Version(0.001, 40 * 200 / 150)),
    Scenario("clean_drift", Version(0.0006), Version(0.0006), swing=(0.5, 0.1), tolerance=(0.0003, 0.02)),
)
UNPROMISED = (
    replace(CLEAN[2], name="drift_without_tolerance", tolerance=(0.0, 0.0)),
    replace(CLEAN[0], name="failures_in_bursts_of_ten", burst=10),
)
REHEARSAL = Scenario("rehearsal", GOOD, GOOD, requests=(30, 60), baseline=600)
BAD = (
    replace(REHEARSAL, name="bad_release_20pct_errors", new=Version(0.2)),
    replace(REHEARSAL, name="slow_release_5x_latency", new=Version(0.0003, 200.0)),
    replace(REHEARSAL, name="late_20pct_errors_from_sample_30", new=Version(0.2), onset=30),
    replace(REHEARSAL, name="late_5x_latency_from_sample_30", new=Version(0.0003, 200.0), onset=30),
    replace(REHEARSAL, name="errors_5x_4pct_to_20pct", old=Version(0.04), new=Version(0.2), limits=(0.06, 0.05)),
    Scenario("errors_5x_0.5pct_to_2.5pct", Version(0.005), Version(0.025), 1, (200, 400), 6000, (0.01, 0.05)),
)


def false_rollbacks(monte: Monte, runs: int) -> Iterable[Figure]:
    """Play good releases and say how many were rolled back."""
    print(f"good releases: {SAMPLES} samples of 50-200 requests, baseline of 3000; rolled back at any sample")
    for scenario, promised in [(one, True) for one in CLEAN] + [(one, False) for one in UNPROMISED]:
        count = runs if promised else max(1, runs // 10)
        accused = sum(first > 0 for first in monte.play(scenario, count))
        bound = upper_bound(Tally(count, accused), 0.01)
        note = "" if promised else "   outside the promise: for information"
        print(
            f"  {scenario.name:34} {accused:5} of {count:6} = {accused / count:7.3%}  (99 % sure: < {bound:.3%}){note}"
        )
        if promised:
            share = accused / count
            yield Figure(f"watch.false_rollbacks.{scenario.name}", share, "share of watches", "<= 0.01", share <= ALPHA)


def detections(monte: Monte, runs: int) -> Iterable[Figure]:
    """Play bad releases and say after how many samples they were found."""
    print("bad releases: samples from the onset until the breach")
    for scenario in BAD:
        firsts = [first for first in monte.play(scenario, runs) if first == 0 or first >= scenario.onset]
        delays = sorted(first - scenario.onset + 1 if first else SAMPLES + 1 for first in firsts)
        median, p99 = delays[len(delays) // 2], delays[math.ceil(0.99 * len(delays)) - 1]
        within = sum(delay <= WITHIN for delay in delays) / len(delays)
        print(
            f"  {scenario.name:34} {scenario.requests[0]:3}-{scenario.requests[1]} a sample, baseline "
            f"{scenario.baseline}: median {median}, p99 {p99}, max {delays[-1]}, within {WITHIN}: {within:.2%}"
        )
        name = f"watch.detection.{scenario.name}"
        yield Figure(f"{name}.p99", p99, "samples", f"<= {WITHIN}", p99 <= WITHIN)
        yield Figure(f"{name}.within_{WITHIN}", within, "share of watches", ">= 0.99", within >= 1 - ALPHA)


def reach(monte: Monte, runs: int) -> None:
    """Print from which old error rate on a fivefold one can be found in 10 samples: by this watch, and by anyone."""
    print(f"errors x5 found within {WITHIN} samples, old against new alone, baseline of 6000 (anyone: told both rates,")
    print("one look at the end, 1 % false alarms; needed: requests below which nobody reaches 99 %)")
    print("  a sample   old rate    this watch   anyone at most   needed   given")
    for size in (45, 150, 600):
        for old in (0.001, 0.005, 0.01, 0.02, 0.04):
            new, given = 5 * old, WITHIN * size
            scenario = Scenario(
                f"reach_{size}_{old}", Version(old), Version(new), 1, (size, size), 6000, (0.999, 0.999)
            )
            found = sum(0 < first <= WITHIN for first in monte.play(scenario, runs)) / runs
            best = best_power(given, old, new, ALPHA)
            needed = requests_needed(old, new, 1 - ALPHA, ALPHA)
            print(f"  {size:8} {old:10.1%} {found:12.1%} {best:15.1%} {needed:9.0f} {given:7}")


def main() -> int:
    """Run everything and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.watch", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="watches per scenario")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--sabotage", choices=["sequential"], help="switch the always-valid tests off")
    options = parser.parse_args()
    with ProcessPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        monte = Monte(pool, options.seed, sabotaged=options.sabotage == "sequential")
        figures = [*false_rollbacks(monte, options.runs), *detections(monte, max(1, options.runs // 10))]
        if not monte.sabotaged:
            reach(monte, max(1, options.runs // 25))
    for figure in figures:
        print(figure.line())
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
