"""How a launch ends, and what is written down outside at the end of each phase."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from flows.anchoring import anchor_the_end
from flows.blocking import clear_to_proceed
from flows.conductor import Conductor, logger
from flows.following_up import follow_ups_of
from flows.turns import OutOfTime
from tminus import events as ev
from tminus.clock import now
from tminus.errors import LedgerError, LedgerUnreachable, MovedOn
from tminus.ledger.chain import Stored
from tminus.record import Record
from tminus.runbook import Phase
from tminus.sentence import closing_sentence

_LEDGER_PAUSE = 1.0  # seconds between two tries to write the end down
_LEDGER_TRIES = 120
_LOOK = 1.0  # seconds between two looks at the clock while people are waited for


def _told(record: Record) -> Iterator[tuple[Stored, ev.Event]]:
    return zip(record.stored, record.events, strict=True)


def is_over(record: Record, one: Phase) -> bool:
    """Whether a phase was ended, and nothing that blocks was taken back since: by a recycle, or observed again."""
    settled = all(record.step(step.id).settled for step in one.steps if step.blocking)
    return one.phase in record.phases_ended and settled


@dataclass(frozen=True)
class Ending:
    """How a launch ends.

    Attributes:
        why: the reason, in a sentence.
        seen: the last event this was decided on; what people order after it is looked at first.
    """

    result: ev.Result
    why: str
    seen: int


def ends(conductor: Conductor, result: ev.Result, why: str) -> Ending:
    """An ending, decided on everything that was read so far."""
    return Ending(result, why, conductor.record.seq)


async def launched_if_over(conductor: Conductor) -> Ending | None:
    """After the last phase, the launch is launched, if every blocking step is settled and nobody holds or turns it."""
    if not all(is_over(conductor.record, one) for one in conductor.frozen.runbook.phases):
        return None
    await clear_to_proceed(conductor)
    return ends(conductor, "launched", "every blocking step passed or was waived")


async def close_as(conductor: Conductor, ending: Ending) -> None:
    """Writes the follow-ups and the end, and frees the environment, in one step; or leaves it open, where people
    ordered something since that was decided.

    What the ledger did not take before goes first: nobody conducts a launch that is closed, so nobody would merge it.
    Raises LedgerUnreachable where it does not come back within two minutes.
    """
    for _ in range(_LEDGER_TRIES):
        try:
            await conductor.merge_what_can_be_read()
            record = await conductor.refresh()
            if _was_turned_since(record, ending):
                return
            sentence = closing_sentence(conductor.frozen, record, ending.result, ending.why)
            closing = ev.LaunchClosed(result=ending.result, sentence=sentence)
            await conductor.close(*follow_ups_of(conductor.frozen, record), closing, after=record.seq)
        except MovedOn:
            continue
        except LedgerError as e:
            logger.warning("the end is not written down yet: %s", e)
            await asyncio.sleep(_LEDGER_PAUSE)
        else:
            return
    raise LedgerUnreachable(f"the end of {conductor.launch} ({ending.result}) could not be written down")


def _was_turned_since(record: Record, ending: Ending) -> bool:
    if record.must_roll_back and record.rolled_back is None:
        return True
    later = (event for stored, event in _told(record) if stored.seq > ending.seen)
    return ending.result != "rolled back" and any(isinstance(event, ev.Ordered) for event in later)


async def say_it_is_over(conductor: Conductor) -> None:
    """The closing head is written down outside, and phases still to come are called off."""
    closed = conductor.record.closed
    if closed is not None:
        await anchor_the_end(conductor)
        await _call_off_the_rest(conductor, closed.sentence)


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
    stopped = conductor.record.rolled_back.at if conductor.record.rolled_back else now()
    latest = conductor.patience(conductor.frozen.runbook.phases[-1], stopped)
    while (left := (latest - now()).total_seconds()) > 0:
        if conductor.record.rolled_back is None:
            return True
        if conductor.record.held is None:
            return False
        try:
            await conductor.merge_what_can_be_read()
            await conductor.news(min(left, _LOOK))
        except LedgerError as e:
            logger.warning("nobody can be heard: %s", e)
            await asyncio.sleep(min(left, _LOOK))
    raise OutOfTime("nobody took it from there")
