"""A launch on paper: what can be looked at is looked at, what would be done is printed, nothing is changed."""

from collections.abc import AsyncIterator

from flows.looking import look_once
from tasks.action import Action
from tasks.check import Check
from tasks.estate import Estate
from tminus.environment import Impact
from tminus.errors import ActionFailed, CouldNotObserve, MissingSecret, NotConfigured
from tminus.frozen import Frozen
from tminus.outcome import Outcome, Verdict
from tminus.runbook import Attestation, Quorum, Step

_READ_ONLY = {Impact.NONE, Impact.PROBE}


async def dry_run(frozen: Frozen) -> AsyncIterator[tuple[Step, Verdict | None, str]]:
    """Goes through the book in order; yields each step, how it came out where that counts, and words.

    A check that comes after the first change is read as well, and does not count: it is of what is not there yet.
    """
    change: Step | None = None
    async with Estate(frozen.environment, frozen.release, frozen.created.launch, frozen.base) as estate:
        for step in frozen.runbook.steps():
            match step.does:
                case Check() as check if check.impact in _READ_ONLY:
                    outcome = await look_once(estate, check, step.timeout)
                    if change is None:
                        yield step, outcome.verdict, outcome.summary
                    else:
                        yield step, None, _as_read(change, outcome)
                case Check() as check:
                    yield step, None, f"would be observed; its impact is {check.impact}, so not in a dry run"
                case Action() as action:
                    yield step, None, await _described(estate, action)
                    change = change or (None if action.harmless_if_left else step)
                case Quorum() as question:
                    yield step, None, f"would ask {', '.join(question.roles)}"
                case Attestation() as question:
                    yield step, None, f"would ask {question.role} to state: {question.statement}"
                case _:
                    yield step, None, f"would do {step.does.kind}"


def _as_read(change: Step, outcome: Outcome) -> str:
    return f"after the change, which begins with {change.id}, so not counted; as it is now: {outcome.verdict}, " + (
        outcome.summary
    )


async def _described(estate: Estate, action: Action) -> str:
    try:
        standing = await action.state(estate)
        undo = await action.plan_undo(estate)
        does = action.describe(estate)
    except (ActionFailed, CouldNotObserve, MissingSecret, NotConfigured) as e:
        return f"cannot be told: {e}"
    back = f"the way back: {undo.summary}" if undo else "no way back is needed"
    return f"now {standing.state}; would do:\n{does}\n{back}; fence: {action.fence_of(estate)}"


def blocks(step: Step, verdict: Verdict | None) -> bool:
    """Whether a launch started now would be stopped by this step, before it changes anything."""
    return step.blocking and verdict is not None and verdict is not Verdict.PASS
