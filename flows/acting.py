"""Actions: looked at before, intended in writing, done, looked at after. A crash anywhere asks first."""

import asyncio

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from flows.conductor import Conductor
from tasks.action import Action, Standing, State
from tminus import events as ev
from tminus.clock import now
from tminus.errors import ActionFailed, CouldNotObserve, MissingSecret, NotConfigured
from tminus.outcome import Observation, Outcome, Verdict
from tminus.runbook import Step

_POLL = 0.2  # seconds between two looks at an action that is under way
_TRIES = 3  # of what was refused before any effect


async def carry_out(conductor: Conductor, step: Step, action: Action) -> Outcome:
    """Does an action once, whatever crashed before; the outcome is what was observed afterwards.

    What failed, or is in doubt, is not tried again by another conductor either: only people take an outcome back.
    """
    state = conductor.record.step(step.id)
    if state.outcome is not None:
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
        ended = ev.StepEnded(step=step.id, attempt=number, outcome=outcome)
        # What was changed is watched, also where the ledger has gone down meanwhile.
        await (conductor.write_or_journal if conductor.record.change_began else conductor.write)(ended)
        return outcome

    return await conductor.shown.as_task(step, attempt)


async def _converge(conductor: Conductor, step: Step, action: Action) -> Outcome:
    """Acts only where it is sure that nothing of it happened yet."""
    in_doubt = conductor.record.step(step.id).in_doubt
    standing = await (_wait_out if in_doubt else _settle)(conductor, step, action)
    if standing.state is not State.ABSENT:
        return _outcome(standing, "took effect before the conductor was lost" if in_doubt else "was so already")
    return await _act(conductor, step, action, standing)


async def _act(conductor: Conductor, step: Step, action: Action, before: Standing) -> Outcome:
    state = conductor.record.step(step.id)
    undo = None if state.undo else await action.plan_undo(conductor.estate)
    intended = ev.StepIntended(
        step=step.id,
        attempt=state.attempt + 1,
        token=conductor.token,
        deadline=now() + step.timeout,
        does=action.describe(conductor.estate),
        before=f"{before.state}: {'; '.join(map(str, before.seen.found)) or before.seen.where}",
        undo_summary=undo.summary if undo else None,
        undo=undo.data if undo else None,
    )
    await conductor.write(ev.StepStarted(step=step.id, attempt=state.attempt + 1), intended)
    conductor.journal.keep_intent(intended)
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
    standing = await _stands(conductor, step, action)
    until = asyncio.get_running_loop().time() + step.timeout.total_seconds()
    while standing.state in {State.IN_PROGRESS, State.UNKNOWN} and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(_POLL)
        standing = await _stands(conductor, step, action)
    return standing


async def _wait_out(conductor: Conductor, step: Step, action: Action) -> Standing:
    """After a crash: an orphan may still be at work, until the deadline the intent named."""
    standing = await _stands(conductor, step, action)
    intended = conductor.record.step(step.id).intended
    while standing.state in {State.IN_PROGRESS, State.UNKNOWN} and intended and now() < intended.deadline:
        await asyncio.sleep(_POLL)
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
