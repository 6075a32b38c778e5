"""The roll-call: asked as every question is, and over in time whoever answers; it holds nothing up."""

from datetime import datetime, timedelta

from flows.asking import ask
from flows.conductor import Conductor
from flows.following_up import follow_ups_of
from tminus import events as ev
from tminus.clock import now
from tminus.outcome import Outcome
from tminus.runbook import RollCall, Step


async def call_roll(conductor: Conductor, step: Step, question: RollCall) -> Outcome:
    """Passes once those who answered could give every later approval; else names the silent, and a follow-up does.

    It is over by when the next phase is due: where that is now, after a recycle or a late start, nobody is asked.
    """
    state = conductor.record.step(step.id)
    if state.outcome is not None:
        outcome = state.outcome
    elif conductor.record.ask_for(step.id) is None and (due := _next_due(conductor, step)) <= now():
        outcome = await _not_asked(conductor, step, due)
    else:
        outcome = await ask(conductor, step, _in_time(conductor, step, question))
    fresh = [one for one in follow_ups_of(conductor.frozen, conductor.record) if one.source == step.id]
    if fresh:
        await conductor.write(*fresh)
    return outcome


def _in_time(conductor: Conductor, step: Step, question: RollCall) -> RollCall:
    """The question, open no longer than until the next phase is due."""
    left = (_next_due(conductor, step) - now()) * (timedelta(hours=1) / conductor.real(timedelta(hours=1)))
    return question.model_copy(update={"deadline": max(min(question.deadline, left), timedelta(0))})


def _next_due(conductor: Conductor, step: Step) -> datetime:
    """When the phase after this step's is due."""
    phases = conductor.frozen.runbook.phases
    own = next(number for number, phase in enumerate(phases) if step in phase.steps)
    return conductor.due(phases[own + 1])  # there is one: an approval comes later, or in this phase


async def _not_asked(conductor: Conductor, step: Step, due: datetime) -> Outcome:
    why = f"nobody was asked: the next phase was due at {due:%H:%M:%S} UTC"
    outcome = Outcome.unknown(why).model_copy(update={"at": now()})

    async def attempt(_last: bool) -> Outcome:
        number = conductor.record.step(step.id).attempt + 1
        started = ev.StepStarted(step=step.id, attempt=number)
        await conductor.write(started, ev.StepEnded(step=step.id, attempt=number, outcome=outcome))
        return outcome

    return await conductor.shown.as_task(step, attempt)
