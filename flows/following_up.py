"""Follow-ups: every hold, failure, waiver and breach gets an owner, in the ledger."""

from flows.conductor import Conductor
from tminus import events as ev
from tminus.clock import now
from tminus.frozen import Frozen
from tminus.outcome import Outcome, Verdict
from tminus.record import Record
from tminus.runbook import Step


async def follow_up(conductor: Conductor, step: Step) -> Outcome:
    """The book's own step: writes down the follow-ups so far."""
    state = conductor.record.step(step.id)
    if state.settled and state.outcome is not None:
        return state.outcome

    async def attempt(_last: bool) -> Outcome:
        fresh = follow_ups_of(conductor.frozen, conductor.record)
        count = len(conductor.record.follow_ups) + len(fresh)
        outcome = Outcome.passed(f"{count} follow-ups, each with an owner").model_copy(update={"at": now()})
        started = ev.StepStarted(step=step.id, attempt=state.attempt + 1)
        await conductor.write(started, *fresh, ev.StepEnded(step=step.id, attempt=state.attempt + 1, outcome=outcome))
        return outcome

    return await conductor.shown.as_task(step, attempt)


def follow_ups_of(frozen: Frozen, record: Record) -> list[ev.FollowUp]:
    """The follow-ups that are not written down yet, from what happened."""
    found = [
        *_of_holds(frozen, record),
        *_of_steps(frozen, record),
        *_left(frozen, record),
        *_of_waivers(frozen, record),
    ]
    known = {(one.source, one.what) for one in record.follow_ups}
    fresh: dict[tuple[str, str], ev.FollowUp] = {(one.source, one.what): one for one in found}
    return [one for key, one in fresh.items() if key not in known]


def _owner(frozen: Frozen, step: str) -> str:
    found = frozen.runbook.step(step)
    return found.owner if found else _launch_owner(frozen)


def _launch_owner(frozen: Frozen) -> str:
    return next(frozen.runbook.steps()).owner


def _of_holds(frozen: Frozen, record: Record) -> list[ev.FollowUp]:
    found = []
    for hold in record.holds:
        if isinstance(hold, ev.Held) and not hold.step:
            found.append(ev.FollowUp(what=f"held: {hold.why}", owner=_launch_owner(frozen), source="hold"))
        elif isinstance(hold, ev.Ordered):
            said = f"held by {hold.person}: {hold.reason or 'no reason given'}"
            found.append(ev.FollowUp(what=said, owner=_launch_owner(frozen), source="hold"))
    return found


def _of_steps(frozen: Frozen, record: Record) -> list[ev.FollowUp]:
    return [
        ev.FollowUp(
            what=f"{state.step} {ended.outcome.verdict}: {ended.outcome.summary}",
            owner=_owner(frozen, state.step),
            source=state.step,
        )
        for state in record.steps.values()
        for ended in state.history
        if ended.outcome.verdict in {Verdict.FAIL, Verdict.UNKNOWN, Verdict.SKIPPED}
    ]


def _left(frozen: Frozen, record: Record) -> list[ev.FollowUp]:
    """What could not be taken back and is harmless; what is not so holds the launch."""
    return [
        ev.FollowUp(
            what=f"{state.step} could not be taken back, and ends by itself: {state.undone.summary}",
            owner=_owner(frozen, state.step),
            source=state.step,
        )
        for state in record.to_undo()
        if not state.changed and state.undone is not None
    ]


def _of_waivers(frozen: Frozen, record: Record) -> list[ev.FollowUp]:
    return [
        ev.FollowUp(
            what=f"{step} was waived by {waiver.person} until {waiver.until:%Y-%m-%d}: {waiver.reason}",
            owner=_owner(frozen, step),
            source=step,
        )
        for step, waiver in record.waivers.items()
    ]
