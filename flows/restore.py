"""A restore of live data, conducted: approved, saved, restored beside, proven, and switched whole or not at all.

Every stage is written down before and after it, under the restore's lease. Whoever takes it up after a death goes on
where that one stood, and before the switch looks at the store itself which of the two is live.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from flows.restore_stages import Say, Stages
from tasks.estate import Estate
from tasks.restores.asked import LAST_COMMIT
from tminus import events as ev
from tminus.asking import end_of
from tminus.backups.opened import OpenedBackups
from tminus.clock import now
from tminus.foreign_text import printable
from tminus.lease import Heartbeat, take
from tminus.ledger.opening import open_ledger
from tminus.ledger.store import Entry, Store
from tminus.release import no_release
from tminus.restores.papers import STEP, opened_again
from tminus.restores.standing import Restoring

_SAID = 300  # characters of why a copy is not good
_LOOK = 2.0  # seconds between two looks for an answer, where nobody tells of one

log = logging.getLogger(__name__)


async def carry_out(store: Store, chain: str, say: Say) -> ev.RestoreEnded:
    """Takes a restore up where it stands, and brings it to its end; the environment is free again then.

    Raises Refused where somebody else carries it out, or trading is not halted, and CouldNotObserve, ActionFailed,
    NotConfigured, MissingSecret, LedgerError where a stage broke off: then the environment stays held, and nothing is
    half switched.
    """
    async with conducting(store, chain) as restoring:
        if restoring.ended is not None:
            return restoring.ended
        opened = opened_again(restoring.frozen)
        async with Estate(opened.environment, no_release(opened.system), chain, opened.base) as estate:
            stages = Stages(opened, estate, restoring, say)
            if restoring.record.step(STEP).settled:
                return await end(store, restoring, stages)
            if not await _approved(store, restoring, opened, say):
                return await end(store, restoring, stages)
            await stages.until_switched()
        return await end(store, restoring, stages)


@asynccontextmanager
async def conducting(store: Store, chain: str) -> "AsyncIterator[Restoring]":
    """The block in which nobody else carries this restore out. Raises Refused where somebody does, LedgerError."""
    restoring = await asyncio.to_thread(Restoring.read, store, chain)
    environment = restoring.frozen.environment
    seconds = environment.lease.total_seconds()
    token = await asyncio.to_thread(take, store, chain, seconds)
    with Heartbeat(open_ledger(environment.ledger), chain, token, seconds):
        yield await asyncio.to_thread(Restoring.read, store, chain, token)


async def _approved(store: Store, restoring: Restoring, opened: OpenedBackups, say: Say) -> bool:
    """Waits for the second person; False where they said no, or nobody said yes in time, or it was given up."""
    ask, waiting = restoring.ask, False
    changes = await asyncio.to_thread(store.changes)
    try:
        while ask.ended is None:
            ended = end_of(ask, restoring.frozen.people, now())
            if ended is not None:
                await asyncio.to_thread(restoring.book.write, ended, after=restoring.record.seq)
                break
            if restoring.given_up is not None:
                return False
            if not waiting:
                say(f"Waits for a second person, until {ask.opened.deadline:%Y-%m-%d %H:%M:%S} UTC.")
                waiting = True
            await asyncio.to_thread(changes.wait, _LOOK)
            await asyncio.to_thread(restoring.book.refresh)
            ask = restoring.ask
    finally:
        changes.close()
    ask = restoring.ask
    if restoring.given_up is not None or ask.ended is None or ask.ended.result != "met":
        return False
    restoring.require_approved(opened.book)
    say(f"Approved: {printable(ask.ended.reason)}.")
    return True


async def end(store: Store, restoring: Restoring, stages: Stages) -> ev.RestoreEnded:
    """Writes how it ended, and frees the environment: all or nothing. What was made beside and not switched goes."""
    done = restoring.record.step(STEP).settled
    if not done:
        await stages.discard()
    planned = restoring.planned
    reached = _reached(restoring) if done else None
    ended = ev.RestoreEnded(done=done, sentence=_sentence(restoring, stages, reached, done=done), reached=reached)
    entry = Entry(restoring.book.launch, ev.write(ended), restoring.book.token)
    await asyncio.to_thread(store.append_and_unlock, restoring.frozen.created.environment_name, entry)
    log.info("%s: %s", planned.store, ended.sentence)
    return ended


def _reached(restoring: Restoring) -> datetime | None:
    """Of when the copy's data are: its last commit where WAL led there, which is not the instant that was asked for."""
    if restoring.planned.kind != "postgres.base":
        return restoring.planned.reached
    beside = restoring.record.step("beside").outcome
    commits = [one.word for one in (beside.found if beside else ()) if one.name == LAST_COMMIT]
    return datetime.fromisoformat(commits[0]) if commits and commits[0] else None


def _sentence(restoring: Restoring, stages: Stages, reached: datetime | None, *, done: bool) -> str:
    planned = restoring.planned
    if done:
        kept = stages.way.get("kept", "")
        now_it_is = f"{planned.store} is {planned.backup} now, of {planned.reached:%Y-%m-%d %H:%M:%S} UTC"
        if planned.kind == "postgres.base":
            last = f"its last commit of {reached:%Y-%m-%d %H:%M:%S} UTC" if reached else "nothing committed since it"
            at = f"{planned.instant:%Y-%m-%d %H:%M:%S} UTC"
            now_it_is = f"{planned.store} is {planned.backup} now, brought on to {at}, {last}"
        return f"{now_it_is}; what was live is {kept}, and `tminus restore --undo {planned.store}` switches back"
    if order := restoring.given_up:
        return f"{order.person} gave it up: {order.reason}; {planned.store} is as it was"
    beside = restoring.record.step("beside").outcome
    if beside is not None and not beside.verdict.final:
        why = beside.summary[:_SAID]
        return f"{planned.backup} is not what was backed up: {why}; {planned.store} is as it was"
    ended = restoring.ask.ended
    return f"{ended.reason if ended else 'nobody approved it'}; {planned.store} is as it was"
