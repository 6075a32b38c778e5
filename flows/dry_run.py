"""A launch on paper: what can be looked at is looked at, what would be done is printed, nothing is changed."""

from collections.abc import AsyncIterator

from flows.looking import look_once
from tasks.action import Action
from tasks.check import Check
from tasks.estate import Estate
from tminus.environment import Impact
from tminus.errors import ActionFailed, CouldNotObserve, MissingSecret, NotConfigured
from tminus.frozen import Frozen
from tminus.outcome import Verdict
from tminus.runbook import Attestation, Quorum, Step

_READ_ONLY = {Impact.NONE, Impact.PROBE}


async def dry_run(frozen: Frozen) -> AsyncIterator[tuple[Step, Verdict | None, str]]:
    """Goes through the book in order; yields each step, how it came out where it was looked at, and words."""
    async with Estate(frozen.environment, frozen.release, frozen.created.launch, frozen.base) as estate:
        for step in frozen.runbook.steps():
            match step.does:
                case Check() as check if check.impact in _READ_ONLY:
                    outcome = await look_once(estate, check, step.timeout)
                    yield step, outcome.verdict, outcome.summary
                case Check() as check:
                    yield step, None, f"would be observed; its impact is {check.impact}, so not in a dry run"
                case Action() as action:
                    yield step, None, await _described(estate, action)
                case Quorum() as question:
                    yield step, None, f"would ask {', '.join(question.roles)}"
                case Attestation() as question:
                    yield step, None, f"would ask {question.role} to state: {question.statement}"
                case _:
                    yield step, None, f"would do {step.does.kind}"


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
    """Whether a launch started now would be stopped by this step."""
    return step.blocking and verdict is not None and verdict is not Verdict.PASS
