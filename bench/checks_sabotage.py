"""Checks that cannot fail, for the negative control of bench.checks."""

from collections.abc import Callable, Iterable, Mapping

import bench.proofs.playing
import tasks.check
import tminus.readiness.baseline
from tasks.checks.watch import ReleaseWatch
from tminus.events import Sample
from tminus.expectation import Expected
from tminus.outcome import Observation, Outcome, Verdict
from tminus.watch_tests import Verdict as Judged
from tminus.watch_tests import WatchTests


def _judgement() -> None:
    """Whatever was seen is judged to be as expected."""

    def passes(expect: Expected, seen: Observation) -> Outcome:
        return Outcome(verdict=Verdict.PASS, summary="as expected", expected=expect, found=seen.found)

    tasks.check.judge = passes  # type: ignore[attr-defined]  # the name under which checks call it
    tminus.readiness.baseline.judge = passes  # type: ignore[attr-defined]  # and under which goals do
    feed = WatchTests.feed

    def finds_nothing(tests: WatchTests, samples: Iterable[Sample]) -> Judged:
        feed(tests, samples)
        return Judged((), None, old_is_bad=False)

    WatchTests.feed = finds_nothing  # type: ignore[method-assign,assignment]  # that is the sabotage


def _observation() -> None:
    """No check looks at anything: each says that all is well, also where nobody answers."""

    async def observe(check: tasks.check.Check, _estate: object) -> Outcome:
        return Outcome(verdict=Verdict.PASS, summary="as expected", expected=check.expect)

    async def watched(_estate: object, spec: ReleaseWatch) -> Outcome:
        return Outcome(verdict=Verdict.PASS, summary="as expected", expected=spec.expect)

    tasks.check.Check.observe = observe  # type: ignore[method-assign,assignment]  # that is the sabotage
    bench.proofs.playing.watched = watched  # type: ignore[attr-defined,assignment]  # the name under which it is called there


SABOTAGES: Mapping[str, Callable[[], None]] = {"judgement": _judgement, "observation": _observation}
