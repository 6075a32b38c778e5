"""What a launch's events add up to: the state of every step, ask, hold and rollback."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from threading import RLock

from tminus import events as ev
from tminus.ledger.chain import Stored
from tminus.outcome import Outcome, Verdict
from tminus.personal_key import proven
from tminus.record_parts import AskState, StepState, accepted_by, is_persons, read_event

__all__ = ["AskState", "Record", "StepState"]


class Record:
    """A launch, as its events tell it. `add` takes events in the chain's order.

    One thread may add while others read: what they look through never changes its size under them.

    Attributes:
        held: what holds the launch: the latest of all holds that nobody let go of; None where nothing does.
        holds: every hold there ever was.
    """

    def __init__(self) -> None:
        self.stored: list[Stored] = []
        self.events: list[ev.Event] = []
        self.created: ev.LaunchCreated | None = None
        self.steps: dict[str, StepState] = {}
        self.asks: dict[str, AskState] = {}
        self.scheduled: dict[str, ev.PhaseScheduled] = {}
        self.phases_started: dict[str, ev.PhaseStarted] = {}
        self.phases_ended: dict[str, ev.PhaseEnded] = {}
        self.recycles = 0
        self._held: tuple[ev.Held | ev.Ordered, ...] = ()
        self._places = 0
        self._taken: list[str] = []
        self._growing = RLock()
        self.holds: list[ev.Held | ev.Ordered] = []
        self.scrubbed: ev.Ordered | None = None
        self.rollback_ordered: ev.Ordered | None = None
        self.rollback: ev.RollbackBegan | None = None
        self.rolled_back: ev.RollbackEnded | None = None
        self.watch: ev.WatchBegan | None = None
        self.samples: list[ev.Sample] = []
        self.watched_from = 0
        self.watch_decided: ev.WatchDecided | None = None
        self.waivers: dict[str, ev.Ordered] = {}
        self.retries: dict[str, int] = {}
        self.follow_ups: list[ev.FollowUp] = []
        self.anchors: list[ev.HeadAnchored] = []
        self.closed: ev.LaunchClosed | None = None

    @classmethod
    def of(cls, stored: Iterable[Stored]) -> "Record":
        """The record of a whole chain."""
        record = cls()
        record.add(stored)
        return record

    def add(self, stored: Iterable[Stored]) -> None:
        """Takes up further events. Raises LedgerError where one cannot be read."""
        for one in stored:
            event = read_event(one)
            self.stored.append(one)
            self.events.append(event)
            if one.body in self._taken:
                self._taken.remove(one.body)
            else:
                with self._growing:
                    self._apply(event)

    @property
    def seq(self) -> int:
        """The number of the last event taken up."""
        return self.stored[-1].seq if self.stored else 0

    def seq_of(self, event: ev.Event) -> int:
        """The number of an event; 0 where the ledger has not told of it yet."""
        known = zip(self.stored, self.events, strict=True)
        return next((stored.seq for stored, one in known if one == event), 0)

    def step(self, identity: str) -> StepState:
        """Where a step stands; an untouched one stands at nothing."""
        with self._growing:
            if identity not in self.steps:
                self.steps = {**self.steps, identity: StepState(identity)}
            return self.steps[identity]

    @property
    def held(self) -> ev.Held | ev.Ordered | None:
        """See above."""
        return self._held[-1] if self._held else None

    @property
    def holding(self) -> Sequence[ev.Held | ev.Ordered]:
        """Everything that holds the launch now, the earliest first."""
        return self._held

    def let_go_by(self, seen: int | None) -> Sequence[ev.Held | ev.Ordered]:
        """What a resume lets go of whose author saw so many events; everything where that is not said."""
        return [hold for hold in self._held if seen is None or 0 < self.seq_of(hold) <= seen]

    @property
    def change_began(self) -> bool:
        """Whether something was done that has a way back, or that may have been; not what ends harmlessly by itself."""
        return any(state.changed for state in self.steps.values())

    @property
    def must_roll_back(self) -> bool:
        """Whether the way is back, by a person's word or by one already begun.

        That stays so until the end is written down: a conductor that was lost between the last undo and the
        end must not be followed by one that goes on forwards.
        """
        ordered = self.rollback_ordered is not None or (self.scrubbed is not None and self.change_began)
        return (ordered or self.rollback is not None) and self.closed is None

    def is_waived(self, step: str, moment: datetime) -> bool:
        """Whether a person accepted what did not pass, and that still holds."""
        waiver = self.waivers.get(step)
        return waiver is not None and (waiver.until is None or waiver.until >= moment)

    def to_undo(self) -> Sequence[StepState]:
        """The steps to take back, last first."""
        begun = [state for state in self.steps.values() if state.wants_undo]
        return sorted(begun, key=lambda state: state.undo_place, reverse=True)

    def ask_for(self, step: str) -> AskState | None:
        """The latest question a step asked, unless a recycle voided it."""
        found = [ask for ask in self.asks.values() if ask.opened.step == step and not ask.voided]
        return found[-1] if found else None

    def open_asks(self) -> list[AskState]:
        """The questions that wait for people."""
        return [ask for ask in self.asks.values() if ask.ended is None and not ask.voided]

    def take(self, event: ev.Event) -> None:
        """Takes up one event ahead of the ledger: what this process did while it could not write or read.

        Where the ledger tells of it later, it counts once.
        """
        self._taken.append(ev.write(event))
        with self._growing:
            self._apply(event)

    def _apply(self, event: ev.Event) -> None:  # noqa: C901, PLR0912 - one arm an event reads better than a table
        match event:
            case ev.Answered() | ev.Ordered() if not proven(self.created, event):
                pass  # whoever can write to the ledger can write down anybody's name
            case ev.LaunchCreated():
                self.created = self.created or event
            case ev.PhaseScheduled():
                self.scheduled = {**self.scheduled, event.phase: event}
            case ev.PhaseStarted():
                self.phases_started = {**self.phases_started, event.phase: event}
            case ev.PhaseEnded():
                self.phases_ended = {**self.phases_ended, event.phase: event}
            case ev.StepStarted() | ev.StepIntended() | ev.StepEnded() | ev.UndoIntended() | ev.UndoEnded():
                self._take_step(event)
            case ev.AskOpened() | ev.Answered() | ev.AskEnded() | ev.Reminded():
                self._take_ask(event)
            case ev.Ordered():
                self._take_order(event)
            case ev.Held():
                self._hold(event)
            case ev.WatchBegan():
                self.watch, self.watch_decided = event, None
                self.watched_from = len(self.samples)
            case ev.WatchSampled():
                self.samples.extend(event.samples)
            case ev.WatchDecided():
                self.watch_decided = event
            case ev.RollbackBegan():
                self.rollback = self.rollback or event
            case ev.RollbackEnded():
                self.rolled_back = event
            case ev.FollowUp():
                self.follow_ups.append(event)
            case ev.HeadAnchored():
                self.anchors.append(event)
            case ev.LaunchClosed():
                self.closed = self.closed or event
            case _:
                pass

    def _take_step(
        self, event: ev.StepStarted | ev.StepIntended | ev.StepEnded | ev.UndoIntended | ev.UndoEnded
    ) -> None:
        state = self.step(event.step)
        match event:
            case ev.StepStarted():
                state.attempt = event.attempt
                state.started = state.started or event.at
            case ev.StepIntended():
                state.intended = event
                state.outcome = None
                if event.undo is not None and (state.undo is None or event.harmless_if_left):
                    self._places += 1
                    state.undo, state.undo_place, state.undone = event, self._places, None
            case ev.StepEnded():
                state.outcome = self._accepted(event)
                state.ended = event.at
                state.history.append(event)
            case ev.UndoIntended():
                state.undo_begun = True
            case ev.UndoEnded():
                state.undone = event.outcome

    def _accepted(self, event: ev.StepEnded) -> Outcome:
        """An outcome as it counts: a waiver that still holds accepts what did not pass, also when it is seen again."""
        if event.outcome.verdict.final or not self.is_waived(event.step, event.at):
            return event.outcome
        return accepted_by(event.outcome, self.waivers[event.step])

    def _take_ask(self, event: ev.AskOpened | ev.Answered | ev.AskEnded | ev.Reminded) -> None:
        state = self.asks.get(event.ask)
        match event:
            case ev.AskOpened() if state is None:
                started_by = self.created.started_by if self.created else ""
                state = AskState(
                    event, started_by=started_by, bound={event.decision_digest: event.bindings}, asked_first=event.at
                )
                self.asks = {**self.asks, event.ask: state}
            case ev.AskOpened() if state is not None:
                if state.voided:
                    state.answers, state.bound, state.reminders, state.asked_first = [], {}, [], event.at
                state.opened, state.ended, state.voided = event, None, False
                state.bound = {**state.bound, event.decision_digest: event.bindings}
            case ev.Reminded() if state is not None:
                state.reminders.append(event)
            case ev.Answered() if state is not None and state.ended is None:
                state.answers.append(event)
            case ev.AskEnded() if state is not None:
                state.ended = state.ended or event
            case _:
                pass

    def _take_order(self, event: ev.Ordered) -> None:
        match event.order:
            case "hold":
                self._hold(event)
            case "resume":
                self._resume(event)
            case "scrub":
                self.scrubbed = event
            case "recycle":
                self._void_evidence()
            case "rollback":
                self.rollback_ordered = event
                if self.rolled_back is not None and not self.rolled_back.proven:
                    self.rolled_back = None  # people order the way back that stopped to be tried again
            case "waive":
                self._waive(event)
            case "retry":
                self._try_again(event.step)
                self._let_go(event.step)

    def _hold(self, event: ev.Held | ev.Ordered) -> None:
        self._held = (*self._held, event)
        self.holds.append(event)

    def _resume(self, event: ev.Ordered) -> None:
        """Lets go of the holds that its author could see, and tries the steps again that held."""
        gone = self.let_go_by(event.seen)
        self._held = tuple(hold for hold in self._held if hold not in gone)
        for step in dict.fromkeys(hold.step for hold in gone):
            self._try_again(step)

    def _try_again(self, step: str) -> None:
        if step and not self.step(step).settled:
            self.retries = {**self.retries, step: self.retries.get(step, 0) + 1}
            self.step(step).outcome = None

    def _let_go(self, step: str) -> None:
        """A word about one step lets go of what held for that step, and not of what a person holds."""
        self._held = tuple(hold for hold in self._held if not (isinstance(hold, ev.Held) and hold.step == step))

    def _waive(self, event: ev.Ordered) -> None:
        self._let_go(event.step)
        self.waivers = {**self.waivers, event.step: event}
        state = self.step(event.step)
        if state.outcome is None or state.outcome.verdict is not Verdict.PASS:
            state.outcome = accepted_by(state.outcome or Outcome.unknown("not observed"), event)

    def _void_evidence(self) -> None:
        """Only before a change: an order that was given just as the change began comes too late."""
        if self.change_began:
            return
        self._held = tuple(hold for hold in self._held if is_persons(hold))
        self.recycles += 1
        self.phases_ended = {}
        for state in self.steps.values():
            state.started = state.started if state.in_doubt else None  # nothing of it goes on until it begins anew
            if state.settled:
                state.intended = None  # it ended, so nothing of it is in doubt: it is looked at anew
            state.outcome = None
        for ask in self.asks.values():
            ask.voided = True
