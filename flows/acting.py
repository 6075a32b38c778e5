"""Actions: looked at before, intended in writing, done, looked at after. A crash anywhere asks first."""

import asyncio
from collections.abc import Collection
from datetime import datetime

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from flows.blocking import clear_to_proceed
from flows.conductor import Conductor
from flows.lapsing import refuse_lapsed
from flows.renewing import renew
from flows.turns import Lost
from tasks.action import Action, Fence, Standing, State
from tminus import events as ev
from tminus.clock import now
from tminus.errors import ActionFailed, CouldNotObserve, MissingSecret, MovedOn, NotConfigured
from tminus.lease import known_dead
from tminus.outcome import Observation, Outcome, Verdict
from tminus.runbook import Step

_POLL = 0.2  # seconds between two looks at an action that is under way
_TRIES = 3  # of what was refused before any effect


async def carry_out(conductor: Conductor, step: Step, action: Action, again: bool = False) -> Outcome:
    """Does an action once, whatever crashed before; the outcome is what was observed afterwards.

    What failed, or is in doubt, is not tried again by another conductor either: only people take an outcome back.
    With `again` it is done anew where it is no longer so: see flows.renewing.
    """
    state = conductor.record.step(step.id)
    if state.outcome is not None and not again:
        return state.outcome

    async def attempt(_last: bool) -> Outcome:
        try:
            outcome = await _converge(conductor, step, action)
        except NotConfigured as e:
            outcome = Outcome.skipped(str(e))
        except (CouldNotObserve, MissingSecret) as e:
            outcome = Outcome.unknown(str(e))
        except ActionFailed as e:
            outcome = Outcome.failed(str(e)) if not e.began else Outcome.unknown(f"in doubt: {e}")
        number = conductor.record.step(step.id).attempt
        await conductor.write_what_was_seen(ev.StepEnded(step=step.id, attempt=number, outcome=outcome))
        return outcome

    return await conductor.shown.as_task(step, attempt)


async def _converge(conductor: Conductor, step: Step, action: Action) -> Outcome:
    """Acts only where it is sure that nothing of it happened yet, and that nobody said a word since it looked."""
    while True:
        await renew(conductor, action, carry_out)
        in_doubt = conductor.record.step(step.id).in_doubt
        standing = await (_wait_out if in_doubt else _settle)(conductor, step, action)
        if standing.state is not State.ABSENT:
            return _outcome(standing, "took effect before the conductor was lost" if in_doubt else "was so already")
        try:
            intended = await _intend(conductor, step, action, standing)
        except MovedOn:
            await clear_to_proceed(conductor)
        else:
            return await _act(conductor, step, action, intended)


async def _intend(conductor: Conductor, step: Step, action: Action, before: Standing) -> ev.StepIntended:
    """Writes down what will be done. Raises MovedOn where anything was ordered, or written at all, meanwhile.

    Raises Lapsed where it would be the first change, and a waiver that it rests on is over.
    """
    await conductor.refresh()
    conductor.stop_if_turned()
    state, seen = conductor.record.step(step.id), conductor.record.seq
    if conductor.record.held is not None:
        raise MovedOn(f"{step.id}: the launch is held")
    planned = state.undo is not None and not action.harmless_if_left  # that one's plan says when it ends by itself
    undo = None if planned else await action.plan_undo(conductor.estate)
    if undo is not None and not (action.harmless_if_left or conductor.record.change_began):
        refuse_lapsed(conductor, step)
    intended = ev.StepIntended(
        step=step.id,
        attempt=state.attempt + 1,
        token=conductor.token,
        deadline=now() + step.timeout,
        does=action.describe(conductor.estate),
        before=f"{before.state}: {'; '.join(map(str, before.seen.found)) or before.seen.where}",
        undo_summary=undo.summary if undo else None,
        undo=undo.data if undo else None,
        harmless_if_left=action.harmless_if_left,
    )
    await conductor.write(ev.StepStarted(step=step.id, attempt=state.attempt + 1), intended, after=seen)
    conductor.keep_ways_back()
    return intended


async def _act(conductor: Conductor, step: Step, action: Action, intended: ev.StepIntended) -> Outcome:
    if now() - intended.at > conductor.frozen.environment.lease:
        raise Lost(f"{step.id}: this process was stopped before it acted, and another may conduct; it does not act now")
    await _do(conductor, step, action)
    after = await _settle(conductor, step, action)
    return _outcome(after, "")


async def _do(conductor: Conductor, step: Step, action: Action) -> None:
    patient = AsyncRetrying(
        retry=retry_if_exception(lambda e: isinstance(e, ActionFailed) and not e.began),
        stop=stop_after_attempt(_TRIES),
        wait=wait_exponential(multiplier=0.2, max=5),
        reraise=True,
    )
    async for one in patient:
        with one:
            try:
                await asyncio.wait_for(action.act(conductor.estate, conductor.token), step.timeout.total_seconds())
            except TimeoutError as e:
                raise ActionFailed(f"no end within {step.timeout.total_seconds():g} s; it may have begun") from e


async def _stands(conductor: Conductor, step: Step, action: Action) -> Standing:
    """One look, within the step's timeout; too slow means that it cannot be told."""
    try:
        return await asyncio.wait_for(action.state(conductor.estate), step.timeout.total_seconds())
    except TimeoutError:
        said = f"no answer within {step.timeout.total_seconds():g} s"
        return Standing(state=State.UNKNOWN, seen=Observation(where=said))


async def _settle(conductor: Conductor, step: Step, action: Action) -> Standing:
    """Looks until the action is done, or no longer under way, or its time is up."""
    return await _look_until(conductor, step, action, now() + step.timeout, {State.IN_PROGRESS, State.UNKNOWN})


async def _wait_out(conductor: Conductor, step: Step, action: Action) -> Standing:
    """After a crash: an orphan may still be at work, until the deadline the intent named.

    Where nothing in the world fences an action, and whoever intended it may still live on another machine, not seeing
    it is no proof that it does not come.
    """
    intended = conductor.record.step(step.id).intended
    if intended is None:
        return await _settle(conductor, step, action)
    waits = {State.IN_PROGRESS, State.UNKNOWN}
    if action.fence_of(conductor.estate) is Fence.NONE and not _has_ended(conductor, step, intended):
        waits.add(State.ABSENT)
    return await _look_until(conductor, step, action, intended.deadline, waits)


def _has_ended(conductor: Conductor, step: Step, intended: ev.StepIntended) -> bool:
    """Whether nobody can still be doing it: its end was seen, or its conductor, a process of this machine, is dead."""
    if any(ended.attempt == intended.attempt for ended in conductor.record.step(step.id).history):
        return True
    events = conductor.record.events
    started = [one for one in events if isinstance(one, ev.PhaseStarted) and one.token == intended.token]
    return bool(started) and known_dead(started[-1].holder)


async def _look_until(
    conductor: Conductor, step: Step, action: Action, until: datetime, waits: Collection[State]
) -> Standing:
    """Looks until it is none of `waits` or the time is up; people may turn the launch meanwhile."""
    standing = await _stands(conductor, step, action)
    while standing.state in waits and now() < until:
        await asyncio.sleep(_POLL)
        await conductor.catch_up()
        conductor.stop_if_turned()
        standing = await _stands(conductor, step, action)
    return standing


def _outcome(standing: Standing, how: str) -> Outcome:
    seen = standing.seen
    said = ", ".join(map(str, seen.found)) or seen.where
    verdict = {State.DONE: Verdict.PASS, State.ABSENT: Verdict.FAIL}.get(standing.state, Verdict.UNKNOWN)
    words = {State.DONE: "done", State.ABSENT: "it had no effect", State.IN_PROGRESS: "it is still under way"}
    how = how if standing.state is State.DONE else ""
    summary = ": ".join(part for part in (words.get(standing.state, "it cannot be told"), how, said) if part)
    return Outcome(verdict=verdict, summary=summary, found=seen.found, where=seen.where, details=seen.details, at=now())
