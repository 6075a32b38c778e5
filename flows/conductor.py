"""The one process that moves a launch on: its lease, its page of the ledger, its estate."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TypeVar

from flows.turns import Lost, Recycled, Scrubbed, TurnBack
from flows.what_next import told
from flows.window import RunState
from tasks.estate import Estate
from tminus import events as ev
from tminus import lease, standing
from tminus.countdown import lines
from tminus.errors import FencedOff, LedgerError
from tminus.frozen import Frozen
from tminus.journal import Journal, Unwritten
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Changes
from tminus.record import Record
from tminus.runbook import Phase

_LOOK = 0.25  # seconds: the net under the ledger's own waking
UNDO_WAITS = 2.0  # seconds that an undo waits for the ledger before it writes to the local journal

logger = logging.getLogger(__name__)
_T = TypeVar("_T")


class Conductor:
    """Conducts one launch while its lease is held.

    Attributes:
        book: the launch's page of the ledger, written with this lease's token.
        frozen: what the launch froze.
        estate: the systems.
        phase: the phase being run.
        run: the id of the Prefect run that this is; None where a person does it by hand.
        shown: how that run shows in Prefect.
        aftermath: after a breach, when the new version last answered badly, as soon as that is known.
    """

    def __init__(self, book: Logbook, frozen: Frozen, estate: Estate, changes: Changes | None, run: str | None) -> None:
        self.book = book
        self.frozen = frozen
        self.estate = estate
        self.journal = Journal(frozen.environment.state, book.launch)
        self.run = run
        self.shown = RunState(run, lambda step, outcome: told(frozen, self.record, step, outcome))
        self.recycles = book.record.recycles
        self.aftermath: asyncio.Task[datetime | None] | None = None
        self._changes = changes
        self._merging = asyncio.Lock()
        self._shown_until = book.record.seq
        self._journaled = False  # whether anything of this process waits to be merged
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"ledger {book.launch}")
        self._answered: Callable[[], bool] = lambda: True  # whether what was last asked of the ledger is over
        self._is_back: Callable[[], bool] = lambda: True  # whether what was once waited for in vain is over

    @property
    def launch(self) -> str:
        """The launch's id."""
        return self.book.launch

    @property
    def holder(self) -> str:
        """This process, for the record."""
        return lease.myself()

    @property
    def token(self) -> int:
        """The lease's token, for fences."""
        return self.book.token or 0

    @property
    def record(self) -> Record:
        """What has happened so far, as last read."""
        return self.book.record

    async def _ask_ledger(self, question: Callable[[], _T]) -> _T:
        """In a thread of its own: a ledger that hangs takes no thread from those who undo."""
        asked = self._thread.submit(question)
        self._answered = asked.done
        try:
            return await asyncio.wrap_future(asked)
        except FencedOff as e:
            raise Lost(str(e)) from e

    @asynccontextmanager
    async def _not_waiting(self) -> AsyncIterator[None]:
        """For those who must not wait for the ledger: raises TimeoutError soon where it hangs, at once where it did."""
        if not self._is_back():
            raise TimeoutError
        try:
            async with asyncio.timeout(UNDO_WAITS):
                yield
        except TimeoutError:
            self._is_back = self._answered
            raise

    async def write(self, *events: ev.Event, after: int | None = None) -> None:
        """Appends; raises Lost where another conductor took over, LedgerUnreachable.

        With `after`, raises MovedOn where anybody appended since that event: nothing is written then. What was
        journaled before goes first: people are answered by what the ledger says.
        """
        if self._journaled:
            await self.merge_what_can_be_read()
        await self._append(*events, after=after)

    async def _append(self, *events: ev.Event, after: int | None = None) -> None:
        await self._ask_ledger(lambda: self.book.write(*events, after=after))
        self._show_news()

    def _show_news(self) -> None:
        """What the ledger tells, by whomever, goes to the run's logs in Prefect as the terminal shows it."""
        for line in lines(self.frozen, self.record, self._shown_until):
            self.shown.log(line)
        self._shown_until = self.record.seq

    async def close(self, *events: ev.Event, after: int) -> None:
        """Appends the end and frees the environment; raises as `write`."""
        await self._ask_ledger(lambda: self.book.close(self.frozen.created.environment_name, *events, after=after))

    async def write_or_journal(self, *events: ev.Event) -> None:
        """For the way back, which waits for no ledger and needs none that is well: what it does not take is journaled.

        What was journaled before goes first, so that the chain never tells of an undo without its beginning. Where not
        even the journal takes it, this process knows it, and goes on.
        """
        try:
            async with self._not_waiting():
                await self.merge_what_can_be_read()
                await self.write(*events)
        except (LedgerError, TimeoutError) as e:
            logger.warning("%d events go to the local journal: %s", len(events), str(e) or "the ledger hangs")
            self._journal(events)

    async def write_what_was_seen(self, *events: ev.Event) -> None:
        """As `write`; once a change began, a ledger that is down keeps nobody from looking at what was changed."""
        await (self.write_or_journal if self.record.change_began else self.write)(*events)

    def _journal(self, events: Sequence[ev.Event]) -> None:
        try:
            self.journal.keep_unwritten(events, self.token)
        except (LedgerError, OSError) as e:
            told = "; ".join(ev.write(event) for event in events)
            logger.error("the local journal does not take them either (%s); only this log has them: %s", e, told)  # noqa: TRY400 - the line says it all
        self._journaled = True
        for event in events:
            self.record.take(event)

    def keep_ways_back(self) -> None:
        """Copies what an undo needs to this machine, so that it can be done without the ledger."""
        try:
            self.journal.keep_created(self.frozen.created)
            for state in self.record.to_undo():
                if state.undo is not None:
                    self.journal.keep_intent(state.undo)
        except (LedgerError, OSError) as e:
            logger.warning("without the ledger it could not be rolled back from this machine: %s", e)

    async def merge_what_can_be_read(self) -> None:
        """As `merge_journal`, for those whom a disk that is full or broken must not stop; raises as it otherwise."""
        try:
            await self.merge_journal()
        except OSError as e:
            logger.warning("the local journal cannot be read, so nothing of it is merged: %s", e)

    async def refresh(self) -> Record:
        """Reads what others wrote since."""
        record = await self._ask_ledger(self.book.refresh)
        self._show_news()
        return record

    async def refresh_if_answered(self) -> None:
        """As `refresh`, for those who go on where the ledger does not answer."""
        try:
            async with self._not_waiting():
                await self.refresh()
        except (LedgerError, TimeoutError) as e:
            logger.warning("it goes on without the ledger: %s", str(e) or "it hangs")

    async def catch_up(self) -> None:
        """Reads what others wrote since; once a change began, a ledger that is down keeps nobody from watching it."""
        await (self.refresh_if_answered() if self.record.change_began else self.refresh())

    async def merge_journal(self) -> None:
        """Writes down what could not be written, by this conductor or an earlier one on this machine; once.

        Where somebody else conducted since, what an earlier one thought no longer counts, and what it undid still does.
        """
        async with self._merging:
            if not self.journal.waits():
                self._journaled = False
                return
            await self.refresh()
            waiting = self.journal.unwritten(written=self._told())
            if waiting:
                counting = [one.event for one in waiting if one.event is not None and self._still_counts(one)]
                await self._append(ev.JournalMerged(lines=tuple(one.body for one in waiting)), *counting)
            self._journaled = False
            self.journal.forget_unwritten()

    def _told(self) -> list[str]:
        """Every text that the chain holds, also as a line that was merged and did not count."""
        merged = (event.lines for event in self.record.events if isinstance(event, ev.JournalMerged))
        return [*(stored.body for stored in self.record.stored), *(line for lines in merged for line in lines)]

    def _still_counts(self, line: Unwritten) -> bool:
        if isinstance(line.event, ev.RollbackBegan | ev.UndoIntended | ev.UndoEnded | ev.RollbackEnded | ev.Ordered):
            return True
        others = {event.token for event in self.record.events if isinstance(event, ev.PhaseStarted)}
        return not any(line.token < token < self.token for token in others)

    async def news(self, within: float) -> Record:
        """Waits until something was appended, or `within` seconds, and reads it."""
        before = self.record.seq
        until = asyncio.get_running_loop().time() + within
        while (left := until - asyncio.get_running_loop().time()) > 0:
            if self._changes is None:
                await asyncio.sleep(min(left, _LOOK))
            else:
                await asyncio.to_thread(self._changes.wait, min(left, _LOOK))
            if (await self.refresh()).seq != before:
                break
        return self.record

    def stop_if_turned(self) -> None:
        """Raises the turn that people have ordered, if any: back, or out."""
        record = self.record
        if record.must_roll_back:
            order = record.rollback_ordered or record.scrubbed
            by = order.person if order else "tminus"
            why = (order.reason if order else "") or (record.rollback.why if record.rollback else "ordered")
            raise TurnBack(why, by)
        if record.recycles > self.recycles:
            self.recycles = record.recycles
            raise Recycled(f"everything is observed again, for the {record.recycles}. time")
        if record.scrubbed is not None:
            raise Scrubbed(f"{record.scrubbed.person}: {record.scrubbed.reason or 'no reason given'}")

    def due(self, phase: Phase) -> datetime:
        """When a phase is due on this environment's clock."""
        return self.frozen.created.t0 + self.frozen.environment.clock.real(phase.offset)

    def latest(self, phase: Phase) -> datetime:
        """When a phase is too late to begin."""
        return standing.latest(self.frozen, phase)

    def patience(self, phase: Phase, since: datetime) -> datetime:
        """Until when people are waited for: what holds late in a phase gives them as long as what holds early."""
        return standing.patience(self.frozen, phase, since)

    def real(self, planned: timedelta) -> timedelta:
        """A planned length on this environment's clock."""
        return self.frozen.environment.clock.real(planned)
