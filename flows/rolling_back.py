"""The way back: undo in reverse, prove it by the same checks, and stop where it makes things worse."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from httpx import HTTPError
from prefect.exceptions import PrefectException

from flows.conductor import Conductor, logger
from flows.looking import look_once
from flows.turns import Lost, TurnBack
from tasks.action import Action, Standing, State, Undo
from tasks.check import Check
from tminus import events as ev
from tminus.clock import now
from tminus.errors import ActionFailed, CouldNotObserve, MissingSecret, NotConfigured
from tminus.outcome import Outcome, Verdict
from tminus.record import StepState
from tminus.runbook import Step

# A step, the name under which it is shown, and how it came out.
Shown = tuple[Step, str, Outcome]
_POLL = 0.2  # seconds between two looks at an undo that is under way
_AFTERMATH = 15.0  # seconds that a proven way back waits to learn when the last bad answer was given
_HARMLESS = 15.0  # seconds that each thing which ends by itself is given to be taken back
_PROOF_TRIES = 5
_PROOF_PAUSE = 1.0  # seconds; the old version needs a moment to take the traffic again


async def roll_back(conductor: Conductor, turn: TurnBack) -> bool:
    """Takes everything back that has a way back; True when that is proven.

    Never waits for the ledger, for Slack, PagerDuty or Prefect; Prefect is shown afterwards what was done.
    """
    if conductor.record.rollback is None:
        await conductor.write_or_journal(ev.RollbackBegan(why=str(turn), by=turn.by))
    done: list[Shown] = []
    proven = await _go_back(conductor, done)
    for shown in done:
        await _show(conductor, shown)
    return proven


async def _go_back(conductor: Conductor, done: list[Shown]) -> bool:
    proven = await _go_back_proven(conductor, done)
    for state in conductor.record.to_undo():
        if not state.changed:
            await _take_back(conductor, state, done, _HARMLESS)
    return proven


async def _go_back_proven(conductor: Conductor, done: list[Shown]) -> bool:
    for state in conductor.record.to_undo():
        if state.changed and not await _take_back(conductor, state, done):
            said = f"{state.step} could not be taken back: {state.undone.summary if state.undone else 'not tried'}"
            await conductor.write_or_journal(ev.RollbackEnded(proven=False, said=said))
            return False
    proven, said = await _prove(conductor, done)
    last_bad = await _last_bad(conductor)
    await conductor.write_or_journal(ev.RollbackEnded(proven=proven, said=said, last_bad=last_bad))
    return proven


async def tidy_up(conductor: Conductor) -> None:
    """Before a launch ends early: takes back what is harmless if left and was not tried; what fails is a follow-up."""
    done: list[Shown] = []
    for state in conductor.record.to_undo():
        if not state.changed and state.undone is None:
            await _take_back(conductor, state, done, _HARMLESS)
    for shown in done:
        await _show(conductor, shown)


async def _last_bad(conductor: Conductor) -> datetime | None:
    """None too where the new version goes on answering badly: somebody still reaches it, and the end does not wait."""
    if conductor.aftermath is None:
        return None
    try:
        return await asyncio.wait_for(conductor.aftermath, _AFTERMATH)
    except TimeoutError:
        logger.warning("the new version still answers badly, %g s after it was taken back", _AFTERMATH)
        return None


async def _take_back(conductor: Conductor, state: StepState, done: list[Shown], within: float | None = None) -> bool:
    step = conductor.frozen.runbook.step(state.step)
    if step is None or state.undo is None or not isinstance(step.does, Action):
        return True
    undo = Undo(summary=state.undo.undo_summary or "", data=state.undo.undo or {})
    await conductor.write_or_journal(ev.UndoIntended(step=step.id, token=conductor.token))
    try:
        outcome = await asyncio.wait_for(_undo(conductor, step, step.does, undo), within)
    except TimeoutError:
        outcome = Outcome.unknown(f"no end within {within} s").model_copy(update={"at": now()})
    await conductor.write_or_journal(ev.UndoEnded(step=step.id, outcome=outcome))
    done.append((step, f"undo {step.id}", outcome))
    return outcome.verdict is Verdict.PASS


async def _undo(conductor: Conductor, step: Step, action: Action, undo: Undo) -> Outcome:
    try:
        standing = await _at_rest(conductor, step, action, undo)
        async with asyncio.timeout(step.timeout.total_seconds()):
            if standing.state is not State.DONE or not await action.proven_undone(conductor.estate, undo):
                await action.undo(conductor.estate, undo, conductor.token)
                standing = await _settled(conductor, action, undo)
    except (ActionFailed, CouldNotObserve, MissingSecret, NotConfigured) as e:
        return Outcome.failed(str(e)).model_copy(update={"at": now()})
    except TimeoutError:
        return Outcome.unknown(f"no end within {step.timeout.total_seconds():g} s").model_copy(update={"at": now()})
    if standing.state is not State.DONE:
        return Outcome.failed(f"undone, and yet {standing.state}: {undo.summary}").model_copy(update={"at": now()})
    return Outcome.passed(undo.summary).model_copy(update={"at": now()})


async def _at_rest(conductor: Conductor, step: Step, action: Action, undo: Undo) -> Standing:
    """What is still being done, by an orphan of a lost conductor, is waited for: an undo beside it would be lost."""
    until = now() + step.timeout
    while True:
        async with asyncio.timeout(step.timeout.total_seconds()):
            standing = await action.undone(conductor.estate, undo)
        if standing.state is not State.IN_PROGRESS or now() >= until:
            return standing
        await asyncio.sleep(_POLL)


async def _settled(conductor: Conductor, action: Action, undo: Undo) -> Standing:
    """Looks until it is taken back or not; an undo may be under way for a while after it was ordered."""
    while (standing := await action.undone(conductor.estate, undo)).state in {State.IN_PROGRESS, State.UNKNOWN}:
        await asyncio.sleep(_POLL)
    return standing


async def _prove(conductor: Conductor, done: list[Shown]) -> tuple[bool, str]:
    """The same checks that proved the launch, asked about the version that should serve again."""
    proofs = _proofs(conductor)
    outcomes: Sequence[tuple[Step, Outcome]] = []
    for _ in range(_PROOF_TRIES):
        outcomes = [(step, await look_once(conductor.estate, check, step.timeout)) for step, check in proofs]
        if all(outcome.verdict is Verdict.PASS for _, outcome in outcomes):
            break
        await asyncio.sleep(_PROOF_PAUSE)
    done.extend((step, f"proof {step.id}", outcome) for step, outcome in outcomes)
    broken = [f"{step.id}: {outcome.summary}" for step, outcome in outcomes if outcome.verdict is not Verdict.PASS]
    if not proofs:
        return False, "no check of this book can prove the way back"
    if broken:
        return False, "the way back is not proven: " + "; ".join(broken)
    return True, f"the old version serves again, proven by {', '.join(step.id for step, _ in outcomes)}"


def _proofs(conductor: Conductor) -> list[tuple[Step, Check]]:
    return [
        (step, check)
        for step in conductor.frozen.runbook.steps()
        if isinstance(step.does, Check) and (check := step.does.after_rollback()) is not None
    ]


async def _show(conductor: Conductor, shown: Shown) -> None:
    step, name, outcome = shown

    async def body(_last: bool) -> Outcome:
        return outcome

    try:
        await asyncio.wait_for(conductor.shown.as_task(step, body, name=name), timeout=5)
    except (OSError, TimeoutError, RuntimeError, HTTPError, PrefectException, Lost) as e:
        logger.warning("%s is not shown in Prefect: %s", name, type(e).__name__)
