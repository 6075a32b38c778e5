"""The watch after the switch: sample, judge, and say good, breach, outside cause, or no data."""

import asyncio
from datetime import timedelta

from flows.conductor import Conductor
from flows.turns import TurnBack
from tasks.checks.watch import ReleaseWatch
from tasks.instances import discover
from tasks.old_version import old_version
from tasks.sampler import Sampler
from tminus import events as ev
from tminus.clock import now
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.expectation import Measurement
from tminus.outcome import Outcome, Verdict
from tminus.runbook import Step
from tminus.watch_tests import Limits, OldVersion, WatchTests
from tminus.watch_tests import Verdict as Judged
from tminus.watched_time import WatchedTime

_BATCH = timedelta(seconds=5)  # samples are written down at least this often


async def watch(conductor: Conductor, step: Step, spec: ReleaseWatch) -> Outcome:
    """Watches until the time is up or a verdict is reached; a breach turns the launch back.

    A conductor that takes over in the middle replays the recorded samples and goes on; the time in which nobody watched
    comes on top.
    """
    state = conductor.record.step(step.id)
    if state.outcome is not None:
        return _turned_back(state.outcome)

    ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    showing = asyncio.create_task(conductor.shown.as_task(step, lambda _last: ended))
    try:
        outcome = await _watched(conductor, step, spec)
        ended.set_result(outcome)
    finally:
        ended.cancel()  # where it has no result, nothing is left to be shown
    _turned_back(outcome)  # Prefect is shown the rest while the way back has begun
    await showing
    return outcome


def _turned_back(outcome: Outcome) -> Outcome:
    if outcome.verdict is Verdict.FAIL:
        raise TurnBack(outcome.summary)
    return outcome


async def _watched(conductor: Conductor, step: Step, spec: ReleaseWatch) -> Outcome:
    pending: list[ev.Sample] = []
    try:
        decided = await _watch(conductor, step, spec, pending)
    except (CouldNotObserve, NotConfigured) as e:
        decided = ev.WatchDecided(step=step.id, verdict="no data", why=str(e), decided_on=now())
    finally:
        await _keep(conductor, step, pending)
    outcome = _outcome(decided, spec)
    attempt = conductor.record.step(step.id).attempt
    ended = ev.StepEnded(step=step.id, attempt=attempt, outcome=outcome)
    # In one transaction: a verdict without its outcome would be followed by a second watch.
    await conductor.write_or_journal(decided, ended)
    return outcome


async def _keep(conductor: Conductor, step: Step, pending: list[ev.Sample]) -> None:
    """Writes samples down before anything is made of them."""
    if pending:
        await conductor.write_or_journal(ev.WatchSampled(step=step.id, samples=tuple(pending)))
        pending.clear()


async def _watch(conductor: Conductor, step: Step, spec: ReleaseWatch, pending: list[ev.Sample]) -> ev.WatchDecided:
    began = await _begin(conductor, step, spec)
    limits, old = Limits.model_validate_json(began.limits), OldVersion.model_validate_json(began.baseline)
    tests, time = WatchTests(limits, old), WatchedTime(began.at, began.until, spec.every * spec.missing_after)
    recorded = conductor.record.samples[conductor.record.watched_from :]
    tests.feed(recorded)
    time.feed(recorded)
    sampler = Sampler(conductor.estate, spec, limits, old, began.pool)
    await sampler.sample()
    decided = None
    while decided is None:
        await asyncio.sleep(spec.every.total_seconds())
        sample = await sampler.sample()
        pending.append(sample)
        time.feed([sample])
        judged = tests.feed([sample])
        if judged.breaches:
            decided = await _breached(step, sampler, tests, judged, pending)
        elif tests.missing_in_a_row >= spec.missing_after:
            decided = _gone(step, tests, sample)
        elif sample.at >= time.until and not sample.missing:
            decided = _at_the_end(step, tests, spec, sample)
        if decided is None and sample.at - pending[0].at >= _BATCH:
            await _keep(conductor, step, pending)
        await _listen(conductor)
    if decided.verdict == "breach":
        conductor.aftermath = asyncio.create_task(sampler.last_bad())
    return decided


async def _begin(conductor: Conductor, step: Step, spec: ReleaseWatch) -> ev.WatchBegan:
    if conductor.record.watch is not None and conductor.record.watch_decided is None:
        return conductor.record.watch
    before = conductor.record.watch
    # A watch that is tried again keeps its baseline: since the switch the old version has answered probes alone.
    baseline = before.baseline if before else (await old_version(conductor.estate, spec)).model_dump_json()
    pool = before.pool if before else await _serving_pool(conductor, spec)
    began = ev.WatchBegan(
        step=step.id,
        until=now() + conductor.real(spec.lasts),
        baseline=baseline,
        limits=spec.limits().model_dump_json(),
        pool=pool,
    )
    attempt = conductor.record.step(step.id).attempt + 1
    await conductor.write_or_journal(ev.StepStarted(step=step.id, attempt=attempt), began)
    return began


async def _serving_pool(conductor: Conductor, spec: ReleaseWatch) -> str:
    return (await discover(conductor.estate.service(spec.service).nginx)).pool


async def _breached(
    step: Step, sampler: Sampler, tests: WatchTests, judged: Judged, pending: list[ev.Sample]
) -> ev.WatchDecided:
    """The old version is asked before it is believed: where it is bad too, the cause lies outside."""
    decided_on = pending[-1].at
    pending.append(await sampler.burst())
    why = tests.why(judged.breaches)
    onset = judged.onset.at if judged.onset else None
    if tests.feed(pending[-1:]).old_is_bad:
        why = f"the old version breaches too, so the cause lies outside the release: {why}"
        return ev.WatchDecided(step=step.id, verdict="outside cause", why=why, onset=onset, decided_on=decided_on)
    why += tests.caveats
    return ev.WatchDecided(step=step.id, verdict="breach", why=why, onset=onset, decided_on=decided_on)


def _gone(step: Step, tests: WatchTests, sample: ev.Sample) -> ev.WatchDecided:
    count = f"{tests.missing_in_a_row} samples in a row could not be taken"
    why = f"{count}; missing data is neither good nor bad; the last: {sample.why_missing}"
    return ev.WatchDecided(step=step.id, verdict="no data", why=why, decided_on=sample.at)


def _at_the_end(step: Step, tests: WatchTests, spec: ReleaseWatch, sample: ev.Sample) -> ev.WatchDecided:
    said = f"{tests.failed} of {tests.requests} requests failed"
    if tests.requests < spec.min_requests:
        why = f"{said}: fewer than the {spec.min_requests} that a verdict wants"
        return ev.WatchDecided(step=step.id, verdict="no data", why=why, decided_on=sample.at)
    why = f"{said}, within the limits{tests.caveats}"
    return ev.WatchDecided(step=step.id, verdict="good", why=why, decided_on=sample.at)


async def _listen(conductor: Conductor) -> None:
    """People may turn the launch back at any sample; a ledger that is down does not stop the watch."""
    await conductor.refresh_if_answered()
    conductor.stop_if_turned()


def _outcome(decided: ev.WatchDecided, spec: ReleaseWatch) -> Outcome:
    verdicts = {"good": Verdict.PASS, "breach": Verdict.FAIL}
    found = (Measurement(name="watch", word=decided.verdict),)
    verdict = verdicts.get(decided.verdict, Verdict.UNKNOWN)
    return Outcome(verdict=verdict, summary=decided.why, expected=spec.expect, found=found, at=now())
