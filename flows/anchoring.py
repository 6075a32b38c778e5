"""A chain's head is written down outside, since a chain cannot see its own cut tail; nothing waits long for that."""

import asyncio
from collections.abc import Sequence

from flows.conductor import Conductor, logger
from tasks.anchoring import write_anchor
from tminus import events as ev
from tminus.errors import CouldNotObserve, LedgerError
from tminus.ledger.chain import Head
from tminus.record import Record
from tminus.runbook import Phase
from tminus.sentence import evidence_rows

_PATIENCE = 10.0  # seconds for one place; people are not heard meanwhile


async def end_phase(conductor: Conductor, phase: Phase) -> None:
    """Writes a phase's end down, in the ledger and outside, and shows its table."""
    await conductor.write(ev.PhaseEnded(phase=phase.phase))
    await _anchor(conductor, phase, conductor.frozen.environment.anchors)
    rows = evidence_rows(conductor.frozen, conductor.record, phase)
    await conductor.shown.table(f"{phase.slug}-evidence", rows, f"{conductor.launch} {phase.phase}")


async def anchor_what_was_missed(conductor: Conductor) -> None:
    """Where a place did not take the last phase's end, the next conductor tries it again; never on the way back."""
    record = conductor.record
    if record.closed is not None or record.must_roll_back or record.scrubbed is not None or not record.phases_ended:
        return
    last = next(reversed(record.phases_ended))
    end = record.seq_of(record.phases_ended[last])
    missed = [where for where in conductor.frozen.environment.anchors if _anchored(record, where) < end]
    await _anchor(conductor, conductor.frozen.runbook.phase(last), missed)


def _anchored(record: Record, where: str) -> int:
    """The latest event that is anchored in a place; an event names an object in S3 by its whole address."""
    return max((one.seq for one in record.anchors if one.where.partition(":")[0] == where), default=0)


async def _anchor(conductor: Conductor, phase: Phase, places: Sequence[str]) -> None:
    if not places or (head := await asyncio.to_thread(conductor.book.store.head, conductor.launch)) is None:
        return
    for where in places:
        if place := await _written(conductor, where, head, phase.slug):
            await conductor.write(ev.HeadAnchored(seq=head.seq, hash=head.hash, where=place))


async def _written(conductor: Conductor, where: str, head: Head, slug: str) -> str:
    try:
        return await asyncio.wait_for(write_anchor(conductor.estate, where, head, slug), _PATIENCE)
    except (CouldNotObserve, TimeoutError) as e:
        logger.warning("the head is not anchored in %s: %s", where, str(e) or f"no answer within {_PATIENCE:g} s")
        return ""


async def anchor_the_end(conductor: Conductor) -> None:
    """The closing head, outside: in the chain itself the launch says nothing after its end."""
    if "s3" not in conductor.frozen.environment.anchors:
        return
    try:
        head = await asyncio.to_thread(conductor.book.store.head, conductor.launch)
    except LedgerError as e:
        logger.warning("the closing head is not anchored: %s", e)
        return
    if head is not None:
        await _written(conductor, "s3", head, "closed")
