"""Checks that cannot fail, for the negative control of bench.checks."""

from collections.abc import Callable, Mapping

import tasks.check
from tminus.expectation import Expected
from tminus.outcome import Observation, Outcome, Verdict


def _judgement() -> None:
    """Whatever was seen is judged to be as expected."""

    def passes(expect: Expected, seen: Observation) -> Outcome:
        return Outcome(verdict=Verdict.PASS, summary="as expected", expected=expect, found=seen.found)

    tasks.check.judge = passes  # type: ignore[attr-defined]  # the name under which checks call it


def _observation() -> None:
    """No check looks at anything: each says that all is well, also where nobody answers."""

    async def observe(check: tasks.check.Check, _estate: object) -> Outcome:
        return Outcome(verdict=Verdict.PASS, summary="as expected", expected=check.expect)

    tasks.check.Check.observe = observe  # type: ignore[method-assign,assignment]  # that is the sabotage


SABOTAGES: Mapping[str, Callable[[], None]] = {"judgement": _judgement, "observation": _observation}
