"""How a launch ends, and what is written down outside at the end of each phase."""

import asyncio
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from flows.conductor import Conductor, logger
from flows.following_up import follow_ups_of
from flows.turns import OutOfTime
from tasks.anchoring import write_anchor
from tminus import events as ev
from tminus.clock import now
from tminus.errors import CouldNotObserve, LedgerUnreachable
from tminus.record import Record
from tminus.runbook import Phase
from tminus.sentence import closing_sentence, evidence_rows

_LEDGER_PAUSE = 1.0  # seconds between two tries to write the end down
_LEDGER_TRIES = 120
_LOOK = 1.0  # seconds between two looks at the clock while people are waited for


async def anchor(conductor: Conductor, phase: Phase) -> None:
    """Writes the chain's head down outside, since a chain cannot see its own cut tail, and shows the phase's table."""
    head = await asyncio.to_thread(conductor.book.store.head, conductor.launch)
    if head is None:
        return
    for where in conductor.frozen.environment.anchors:
        try:
            place = await write_anchor(conductor.estate, where, head, phase.slug)
        except CouldNotObserve as e:
            logger.warning("the head is not anchored in %s: %s", where, e)
            continue
        await conductor.write(ev.HeadAnchored(seq=head.seq, hash=head.hash, where=place))
    rows = evidence_rows(conductor.frozen, conductor.record, phase)
    await conductor.shown.table(f"{phase.slug}-evidence", rows, f"{conductor.launch} {phase.phase}")


def is_over(record: Record, one: Phase) -> bool:
    """Whether a phase was ended, and nothing that blocks was taken back since: by a recycle, or observed again."""
    settled = all(record.step(step.id).settled for step in one.steps if step.blocking)
    return one.phase in record.phases_ended and settled


async def close_if_over(conductor: Conductor) -> None:
    """After the last phase, the launch is launched, if every blocking step is settled."""
    over = all(is_over(conductor.record, one) for one in conductor.frozen.runbook.phases)
    if over and conductor.record.closed is None:
        await close_as(conductor, "launched", "every blocking step passed or was waived")


async def close_as(conductor: Conductor, result: ev.Result, why: str) -> None:
    """Writes the follow-ups and the end, frees the environment, and calls off the phases still to come.

    What the ledger did not take before goes first: nobody conducts a launch that is closed, so nobody would merge it.
    """
    sentence = closing_sentence(conductor.frozen, conductor.record, result, why)
    for _ in range(_LEDGER_TRIES):
        try:
            await conductor.merge_journal()
            await conductor.refresh()
            await conductor.write(*follow_ups_of(conductor.frozen, conductor.record))
            closing = ev.LaunchClosed(result=result, sentence=sentence)
            await conductor.close(closing)
            break
        except LedgerUnreachable as e:
            logger.warning("the end is not written down yet: %s", e)
            await asyncio.sleep(_LEDGER_PAUSE)
    await _anchor_the_end(conductor)
    await _call_off_the_rest(conductor, sentence)


async def _anchor_the_end(conductor: Conductor) -> None:
    """The closing head, outside; in the chain itself nothing comes after its end."""
    if conductor.record.closed is None or "s3" not in conductor.frozen.environment.anchors:
        return
    try:
        head = await asyncio.to_thread(conductor.book.store.head, conductor.launch)
        if head is not None:
            await write_anchor(conductor.estate, "s3", head, "closed")
    except (CouldNotObserve, LedgerUnreachable) as e:
        logger.warning("the closing head is not anchored: %s", e)


async def _call_off_the_rest(conductor: Conductor, sentence: str) -> None:
    if conductor.run is None:
        return  # what still starts finds the launch closed, and ends at once
    started = set(conductor.record.phases_started)
    runs = [one.run for phase, one in conductor.record.scheduled.items() if phase not in started and one.run]
    async with get_client() as client:
        for run in runs:
            try:
                await client.set_flow_run_state(UUID(run), Cancelled(message=sentence), force=True)
            except ObjectNotFound:
                logger.warning("the run %s that was to be called off is gone", run)


async def wait_for_the_end(conductor: Conductor) -> bool:
    """After a way back that is not proven: leaves it to people until the launch's end; nothing goes on by itself.

    True when they order the way back again, False when they take it from there; raises OutOfTime.
    """
    while (left := (conductor.end() - now()).total_seconds()) > 0:
        if conductor.record.rolled_back is None:
            return True
        if conductor.record.held is None:
            return False
        try:
            await conductor.merge_journal()
            await conductor.news(min(left, _LOOK))
        except LedgerUnreachable as e:
            logger.warning("nobody can be heard: %s", e)
            await asyncio.sleep(min(left, _LOOK))
    raise OutOfTime("nobody took it from there")
