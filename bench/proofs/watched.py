"""A launch's watch, played for some seconds: what the book's own limits make of a new version, good or bad."""

import asyncio
from time import monotonic

from tasks.checks.watch import ReleaseWatch
from tasks.estate import Estate
from tasks.instances import discover
from tasks.old_version import old_version
from tasks.sampler import Sampler
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.outcome import Outcome, Verdict
from tminus.watch_tests import WatchTests

_LONGEST = 15.0  # seconds; what a book wants to be watched takes hours


async def watched(estate: Estate, spec: ReleaseWatch) -> Outcome:
    """Samples and tests as a launch does, until enough requests were counted to call the new version good or bad."""
    try:
        return await _watched(estate, spec)
    except (CouldNotObserve, NotConfigured) as e:
        return Outcome.unknown(str(e))


async def _watched(estate: Estate, spec: ReleaseWatch) -> Outcome:
    old, limits = await old_version(estate, spec), spec.limits()
    pool = (await discover(estate.service(spec.service).nginx)).pool
    sampler, tests = Sampler(estate, spec, limits, old, pool), WatchTests(limits, old)
    await sampler.sample()
    until = monotonic() + _LONGEST
    while monotonic() < until:
        await asyncio.sleep(spec.every.total_seconds())
        judged = tests.feed([await sampler.sample()])
        if judged.breaches:
            why = tests.why(judged.breaches)
            if tests.feed([await sampler.burst()]).old_is_bad:
                return Outcome.unknown(f"the old version is bad too: {why}")
            return Outcome(verdict=Verdict.FAIL, summary=why, expected=spec.expect)
        if tests.missing_in_a_row >= spec.missing_after:
            return Outcome.unknown("samples could not be taken")
        if tests.requests >= 2 * spec.min_requests:
            said = f"{tests.failed} of {tests.requests} requests failed"
            return Outcome(verdict=Verdict.PASS, summary=said, expected=spec.expect)
    return Outcome.unknown(f"{tests.requests} requests in {_LONGEST:g} s are too few for a verdict")
