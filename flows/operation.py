"""An operation carried out: looked at before, intended in writing, done, looked at after; and one that broke off."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from tasks.action import Action, Standing, State
from tasks.estate import Estate
from tasks.vocabulary import KINDS
from tminus import events as ev
from tminus.clock import now
from tminus.errors import ActionFailed, CouldNotObserve, LedgerError, MissingSecret, NotConfigured, Refused
from tminus.lease import Heartbeat, take
from tminus.ledger.opening import open_ledger
from tminus.ledger.store import Entry, Store
from tminus.operation_files import Operated
from tminus.operations import close_operation, open_operation, read_operation, require_open
from tminus.outcome import Outcome, Verdict
from tminus.runbook import Step

_POLL = 0.2  # seconds between two looks at what is under way
_STANDS = {State.DONE: Verdict.PASS, State.ABSENT: Verdict.FAIL}
_SAID = {State.DONE: "done", State.ABSENT: "it had no effect", State.IN_PROGRESS: "it is still under way"}


@dataclass(frozen=True)
class _Came:
    """What it came to; `runs` where something that it began still runs, so that the environment is not to be freed."""

    outcome: Outcome
    runs: bool = False


async def operate(
    store: Store, found: Operated, step: Step, action: Action, began: ev.OperationBegan, said: ev.OperationApproved
) -> Outcome:
    """Does what was approved, once; the environment is free again when this returns, unless it is still under way.

    Raises Refused where the approval does not count, something else is under way there, or somebody settled it before
    it began, and LedgerError. Where the process dies, or what it began outlives its time, the environment stays held
    until `settle` looked how it ended.
    """
    await asyncio.to_thread(open_operation, store, began, said)
    lease = found.environment.lease.total_seconds()
    token = await asyncio.to_thread(take, store, began.operation, lease)
    with Heartbeat(open_ledger(found.environment.ledger), began.operation, token, lease):
        await asyncio.to_thread(require_open, store, began)
        async with Estate(found.environment, found.release, began.operation, found.base) as estate:
            came = await _act(store, estate, step, action, began, token)
        if came.runs:
            return _held(came.outcome, began)
        await asyncio.to_thread(close_operation, store, began, token, *_ending(began, step.id, came.outcome))
    return came.outcome


async def settle(store: Store, found: Operated, chain: str) -> Outcome:
    """Looks how an operation that broke off ended, writes that down, and frees the environment; does nothing again.

    Raises Refused where it is still carried out, where what it began still runs, and where it is settled; LedgerError.
    """
    lease = found.environment.lease.total_seconds()
    token = await asyncio.to_thread(take, store, chain, lease)
    with Heartbeat(open_ledger(found.environment.ledger), chain, token, lease):
        began, events = await asyncio.to_thread(read_operation, store, chain)
        await asyncio.to_thread(require_open, store, began)
        intended = next((event for event in events if isinstance(event, ev.StepIntended)), None)
        came = await _how_it_stands(found, began, intended)
        if came.runs:
            raise Refused(f"{chain}: {_held(came.outcome, began).summary}")
        await asyncio.to_thread(close_operation, store, began, token, *_ending(began, began.step, came.outcome))
    return came.outcome


async def _how_it_stands(found: Operated, began: ev.OperationBegan, intended: ev.StepIntended | None) -> _Came:
    if intended is None:
        return _Came(_dated(Outcome.failed("it broke off before anything was done")))
    action = KINDS[began.kind].model_validate_json(began.action)
    if not isinstance(action, Action):
        raise LedgerError(f"{began.operation}: {began.step} is no action")
    async with Estate(found.environment, found.release, began.operation, found.base) as estate:
        return _came(await _settled(action, estate, intended.deadline), "it broke off")


async def _act(store: Store, estate: Estate, step: Step, action: Action, began: ev.OperationBegan, token: int) -> _Came:
    before = await _stands(action, estate, step.timeout.total_seconds())
    if before.state is not State.ABSENT:
        return _came(before, "nothing was done")
    deadline = now() + step.timeout
    intended = ev.StepIntended(
        step=step.id,
        attempt=1,
        token=token,
        deadline=deadline,
        does=began.does,
        before=f"{before.state}: {'; '.join(before.seen.details) or before.seen.where}",
    )
    await asyncio.to_thread(store.append, Entry(began.operation, ev.write(intended), token))
    try:
        await asyncio.wait_for(action.act(estate, token), step.timeout.total_seconds())
    except TimeoutError:
        how = f"no end within {step.timeout.total_seconds():g} s"
    except (ActionFailed, NotConfigured, CouldNotObserve, MissingSecret) as e:
        how = str(e)
    else:
        how = ""
    return _came(await _settled(action, estate, deadline), how)


async def _settled(action: Action, estate: Estate, until: datetime) -> Standing:
    """Looks until it is no longer under way, or the time is up; once at least."""
    standing = await _stands(action, estate, _patience(until))
    while standing.state is State.IN_PROGRESS and now() < until:
        await asyncio.sleep(_POLL)
        standing = await _stands(action, estate, _patience(until))
    return standing


def _patience(until: datetime) -> float:
    return max((until - now()).total_seconds(), 30.0)


async def _stands(action: Action, estate: Estate, within: float) -> Standing:
    try:
        return await asyncio.wait_for(action.state(estate), within)
    except TimeoutError:
        return Standing(state=State.UNKNOWN)


def _came(standing: Standing, how: str) -> _Came:
    seen = standing.seen
    what = ", ".join(map(str, seen.found)) or "; ".join(seen.details) or seen.where
    parts = (_SAID.get(standing.state, "it cannot be told"), how, what)
    outcome = Outcome(
        verdict=_STANDS.get(standing.state, Verdict.UNKNOWN),
        summary=": ".join(dict.fromkeys(part for part in parts if part)),
        found=seen.found,
        where=seen.where,
        details=seen.details,
        at=now(),
    )
    return _Came(outcome, runs=standing.state is State.IN_PROGRESS)


def _held(outcome: Outcome, began: ev.OperationBegan) -> Outcome:
    settle = "`tminus operate backup --settle --runbook FILE --people FILE --environment FILE`"
    what_next = f"once that has ended, {settle} frees it"
    said = f"{outcome.summary}; {began.environment_name} stays held; {what_next}"
    return outcome.model_copy(update={"summary": said})


def _dated(outcome: Outcome) -> Outcome:
    return outcome.model_copy(update={"at": now()})


def _ending(began: ev.OperationBegan, step: str, outcome: Outcome) -> tuple[ev.Event, ev.Event]:
    done = outcome.verdict is Verdict.PASS
    said = f"{began.what} of {began.system} in {began.environment_name}: {outcome.summary}"
    return ev.StepEnded(step=step, attempt=1, outcome=outcome), ev.OperationEnded(done=done, sentence=said)
