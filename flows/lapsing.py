"""Waivers that are over: what they accepted is not settled any more when a decision, or the first change, rests on it.

A waiver's end is no event, so it is looked for where it matters. Once a change has begun nothing but an approval looks:
what was accepted for the change is not taken back under it.
"""

from collections.abc import Sequence

from flows.by_the_ledger import LedgerStep, by_the_ledger
from flows.conductor import Conductor, logger
from flows.observing import observe_again
from flows.turns import Lapsed
from tasks.check import Check
from tminus import events as ev
from tminus.clock import now
from tminus.outcome import Outcome, Verdict
from tminus.record import Record
from tminus.runbook import Step


def refuse_lapsed(conductor: Conductor, before: Step) -> None:
    """Raises Lapsed where a blocking step before this one rests on nothing but a waiver that is over."""
    steps: list[Step] = []
    for step in conductor.frozen.runbook.steps():
        if step.id == before.id:
            break
        if step.blocking and _has_lapsed(conductor.record, step):
            steps.append(step)
    if steps:
        raise Lapsed(tuple(steps))


def _has_lapsed(record: Record, step: Step) -> bool:
    outcome = record.step(step.id).outcome
    return outcome is not None and outcome.verdict is Verdict.WAIVED and not record.is_waived(step.id, now())


async def look_again(conductor: Conductor, steps: Sequence[Step]) -> None:
    """Observes them again; where only people or an action could mend it, the failure counts again, and says why."""
    logger.info("the waivers of %s are over", ", ".join(step.id for step in steps))
    await observe_again(conductor, [(step, step.does) for step in steps if isinstance(step.does, Check)])
    for step in steps:
        if isinstance(step.does, LedgerStep):
            await by_the_ledger(conductor, step, step.does, again=True)
        elif not isinstance(step.does, Check):
            await conductor.write(_counts_again(conductor, step))


def _counts_again(conductor: Conductor, step: Step) -> ev.StepEnded:
    state, waiver = conductor.record.step(step.id), conductor.record.waivers[step.id]
    before = state.history[-1].outcome if state.history else Outcome.unknown("not observed")
    over = f"the waiver by {waiver.person} ended at {waiver.until:%Y-%m-%d %H:%M:%S} UTC" if waiver.until else ""
    outcome = before.model_copy(update={"summary": f"{before.summary}; {over}", "at": now()})
    return ev.StepEnded(step=step.id, attempt=state.attempt, outcome=outcome, again=True)
