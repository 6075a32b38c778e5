"""How soon the watch finds a bad release, and how seldom it accuses a good one: seeded Monte Carlo of whole watches.

``python -m bench.watch [--runs 10000] [--seed 1] [--sabotage sequential]`` ends with one JSON line per figure and exits
with 1 if a figure does not hold. Good releases take all the runs, bad ones a tenth of them.

What is measured is the product: ``WatchTests`` with the limits, tolerances, alpha and minimum of the shipped book's
watch, a baseline described as it is before a watch, and a burst of probes before a breach is believed.
Each run draws its own baseline of the old version, then one watch: per sample the requests served, how many failed,
how many took longer than the p95 limit and than the old version's own p95, and what the old version's probes showed.
``--sabotage sequential`` puts fixed-sample z-tests of the same alpha, judged at every sample, in the place of the
always-valid tests: the false rollbacks must rise.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from bench.watch_sabotage import sabotage
from bench.watch_scenarios import BAD, CLEAN, OUTSIDE, UNPROMISED, Scenario
from bench.watch_traffic import BOUNDS_MS, Version, best_power, draw, requests_needed, slower
from tasks.checks.watch import ReleaseWatch
from tasks.old_version import described
from tasks.sampler import BURST
from tasks.totals import Totals
from tasks.vocabulary import KINDS
from tminus import events as ev
from tminus.binomial import Tally, upper_bound
from tminus.runbook_source import build
from tminus.watch_tests import Limits, OldVersion, WatchTests
from tminus.yaml_source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

BOOK = Path(__file__).parents[1] / "runbooks" / "tradesense" / "launch.yaml"
SAMPLES, WITHIN = 40, 10
CHUNK = 250
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


@cache
def shipped() -> ReleaseWatch:
    """The watch of the shipped book."""
    return next(step.does for step in build(Source.read(BOOK), KINDS).steps() if isinstance(step.does, ReleaseWatch))


def armed(rng: Random, scenario: Scenario, *, sabotaged: bool) -> tuple[WatchTests, OldVersion]:
    """Draw a baseline and return the tests that start from it."""
    n, old = scenario.baseline, scenario.old
    counts = slower(rng, n, old, BOUNDS_MS)
    bounds = [(bound / 1000, n - count) for bound, count in zip(BOUNDS_MS, counts, strict=True)]
    before = described(Totals(n, draw(rng, n, old.error_rate), (*bounds, (math.inf, n))))
    tests = WatchTests(shipped().limits(), before)
    if sabotaged:
        sabotage(tests, shipped().alpha)
    return tests, before


class Drawn:
    """Samples of one watch."""

    def __init__(self, rng: Random, scenario: Scenario, limits: Limits, before: OldVersion) -> None:
        """Draw with this generator."""
        self.rng, self.scenario, self.phase = rng, scenario, rng.randrange(12)
        self.slow_ms, self.before_ms = round((limits.slow_over or 0) * 1000), round(before.slower_than * 1000)
        self.bounds = sorted({self.slow_ms, self.before_ms})

    def counts(self, n: int, version: Version) -> tuple[int, int, int]:
        """How many of n requests fail, exceed the limit, and exceed the old version's p95."""
        burst = self.scenario.burst
        failed = min(n, burst * draw(self.rng, n, version.error_rate / burst))
        over = dict(zip(self.bounds, slower(self.rng, n, version, self.bounds), strict=True))
        return failed, over[self.slow_ms], over[self.before_ms]

    def sample(self, number: int, requests: int, probes: int) -> ev.Sample:
        """What the new version and the old one's probes show in one interval."""
        one = self.scenario
        bad = number >= one.onset
        version = self._swung(one.new if bad else one.old, number)
        failed, slow, slower_than_before = self.counts(requests, version)
        gone, late, later = self.counts(probes, one.outside or one.old if bad else one.old)
        return ev.Sample(
            at=NOON,
            requests=requests,
            failed=failed,
            slow=slow,
            slower_than_before=slower_than_before,
            probes=probes,
            probes_failed=gone,
            probes_slow=late,
            probes_slower_than_before=later,
        )

    def _swung(self, version: Version, number: int) -> Version:
        swing = self.scenario.swing
        if not any(swing):
            return version
        wave = round(math.sin(math.tau * (number // 5 + self.phase) / 12), 3)
        rate = round(version.error_rate * (1 + swing[0] * wave), 6)
        return Version(rate, version.median_ms * (1 + swing[1] * wave))


def one_watch(rng: Random, scenario: Scenario, *, sabotaged: bool) -> int:
    """Play one watch; return the sample at which it was rolled back, less than 0 if held then, 0 if neither."""
    tests, before = armed(rng, scenario, sabotaged=sabotaged)
    drawn = Drawn(rng, scenario, shipped().limits(), before)
    for number in range(1, SAMPLES + 1):
        sample = drawn.sample(number, rng.randint(*scenario.requests), shipped().probes)
        if tests.feed([sample]).breaches:
            return -number if tests.feed([drawn.sample(number, 0, BURST)]).old_is_bad else number
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
        """Return what ``one_watch`` says of each."""
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


def false_rollbacks(monte: Monte, runs: int) -> Iterable[Figure]:
    """Play good releases and say how many were accused, held or rolled back."""
    print(f"good releases: {SAMPLES} samples of 50-200 requests, baseline of 3000; accused at any sample")
    for scenario, promised in [(one, True) for one in CLEAN] + [(one, False) for one in UNPROMISED]:
        count = runs if promised else max(1, runs // 10)
        accused = sum(first != 0 for first in monte.play(scenario, count))
        bound = upper_bound(Tally(count, accused), 0.01)
        note = "" if promised else "   outside the promise: for information"
        print(
            f"  {scenario.name:34} {accused:5} of {count:6} = {accused / count:7.3%}  (99 % sure: < {bound:.3%}){note}"
        )
        if promised:
            share = accused / count
            yield Figure(f"watch.false_rollbacks.{scenario.name}", share, "share of watches", "<= 0.01", share <= 0.01)


def detections(monte: Monte, runs: int) -> Iterable[Figure]:
    """Play bad releases beside a sound old version and say after how many samples they were rolled back."""
    print("bad releases: samples from the onset until the way back; one that is held was not found")
    for scenario in BAD:
        firsts = [first for first in monte.play(scenario, runs) if first <= 0 or first >= scenario.onset]
        delays = sorted(first - scenario.onset + 1 if first > 0 else SAMPLES + 1 for first in firsts)
        median, p99 = delays[len(delays) // 2], delays[math.ceil(0.99 * len(delays)) - 1]
        within = sum(delay <= WITHIN for delay in delays) / len(delays)
        print(
            f"  {scenario.name:34} {scenario.requests[0]:3}-{scenario.requests[1]} a sample, baseline "
            f"{scenario.baseline}: median {median}, p99 {p99}, max {delays[-1]}, within {WITHIN}: {within:.2%}"
        )
        name = f"watch.detection.{scenario.name}"
        yield Figure(f"{name}.p99", p99, "samples", f"<= {WITHIN}", p99 <= WITHIN)
        yield Figure(f"{name}.within_{WITHIN}", within, "share of watches", ">= 0.99", within >= 0.99)


def outside_causes(monte: Monte, runs: int) -> Iterable[Figure]:
    """Play what strikes both versions alike and say how often the release was not blamed for it."""
    print(f"outside causes, from sample 10 on: held, and not rolled back, by the probes since and a burst of {BURST}")
    for scenario, goal in OUTSIDE:
        found = [first for first in monte.play(scenario, runs) if first]
        held = sum(first < 0 for first in found) / max(len(found), 1)
        print(f"  {scenario.name:34} {held:7.2%} of {len(found)} breaches")
        yield Figure(f"watch.outside_cause.{scenario.name}", held, "share of breaches", f">= {goal}", held >= goal)


def reach(monte: Monte, runs: int) -> None:
    """Print from which old error rate on a fivefold one can be found in 10 samples: by this watch, and by anyone."""
    print(f"errors x5 found within {WITHIN} samples, baseline of 6000 (anyone: told both rates, one look at the end,")
    print("1 % false alarms; needed: requests below which nobody reaches 99 %)")
    print("  a sample   old rate    this watch   anyone at most   needed   given")
    for size in (45, 150, 400, 1000):
        for old in (0.0002, 0.0005, 0.001):
            new, given = 5 * old, WITHIN * size
            scenario = Scenario(f"reach_{size}_{old}", Version(old), Version(new), 1, (size, size), 6000)
            found = sum(0 < first <= WITHIN for first in monte.play(scenario, runs)) / runs
            best = best_power(given, old, new, shipped().alpha)
            needed = requests_needed(old, new, 1 - shipped().alpha, shipped().alpha)
            print(f"  {size:8} {old:10.2%} {found:12.1%} {best:15.1%} {needed:9.0f} {given:7}")


def main() -> int:
    """Run everything and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.watch", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="watches per scenario")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--sabotage", choices=["sequential"], help="switch the always-valid tests off")
    options = parser.parse_args()
    with ProcessPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        monte = Monte(pool, options.seed, sabotaged=options.sabotage == "sequential")
        tenth = max(1, options.runs // 10)
        figures = [*false_rollbacks(monte, options.runs), *detections(monte, tenth)]
        if not monte.sabotaged:
            figures += outside_causes(monte, tenth)
            reach(monte, max(1, options.runs // 25))
    for figure in figures:
        print(figure.line())
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
