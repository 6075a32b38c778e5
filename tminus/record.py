"""What a launch's events add up to: the state of every step, ask, hold and rollback."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tminus import events as ev
from tminus.ledger.chain import Stored
from tminus.outcome import Outcome, Verdict


@dataclass
class StepState:
    """Where a step stands.

    Attributes:
        outcome: the latest; None while it has none, or after a recycle voided it.
        attempt: how many attempts were begun.
        intended: what the action was about to do; its undo is the first one recorded, never a later one.
        settled: whether it is never run again.
    """

    step: str
    outcome: Outcome | None = None
    attempt: int = 0
    intended: ev.StepIntended | None = None
    undo: ev.StepIntended | None = None
    undo_begun: bool = False
    undone: Outcome | None = None
    started: ev.Time | None = None
    ended: ev.Time | None = None
    history: list[ev.StepEnded] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        """Passed or waived."""
        return self.outcome is not None and self.outcome.verdict.final

    @property
    def in_doubt(self) -> bool:
        """An action was begun and nothing says how it ended."""
        return self.intended is not None and self.outcome is None

    @property
    def wants_undo(self) -> bool:
        """There is a way back that has not been gone to its end."""
        return self.undo is not None and not (self.undone and self.undone.verdict is Verdict.PASS)


@dataclass
class AskState:
    """Where a question to people stands: as last asked, all answers, and its end."""

    opened: ev.AskOpened
    answers: list[ev.Answered] = field(default_factory=list)
    ended: ev.AskEnded | None = None

    def counting(self) -> list[ev.Answered]:
        """The answers that are bound to what is asked now; a person's last one counts."""
        last = {answer.person: answer for answer in self.answers if answer.digest == self.opened.decision_digest}
        return list(last.values())


class Record:
    """A launch, as its events tell it. `add` takes events in the chain's order."""

    def __init__(self) -> None:
        self.stored: list[Stored] = []
        self.events: list[ev.Event] = []
        self.created: ev.LaunchCreated | None = None
        self.steps: dict[str, StepState] = {}
        self.asks: dict[str, AskState] = {}
        self.scheduled: dict[str, ev.PhaseScheduled] = {}
        self.phases_started: dict[str, ev.PhaseStarted] = {}
        self.phases_ended: dict[str, ev.PhaseEnded] = {}
        self.held: ev.Held | ev.Ordered | None = None
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
        self.watching: list[ev.Ordered] = []
        self.follow_ups: list[ev.FollowUp] = []
        self.pages: dict[str, ev.Paged] = {}
        self.anchors: list[ev.HeadAnchored] = []
        self.closed: ev.LaunchClosed | None = None

    @classmethod
    def of(cls, stored: Iterable[Stored]) -> "Record":
        """The record of a whole chain."""
        record = cls()
        record.add(stored)
        return record

    def add(self, stored: Iterable[Stored]) -> None:
        """Takes up further events."""
        for one in stored:
            event = ev.read(one.body)
            self.stored.append(one)
            self.events.append(event)
            self._take(event)

    @property
    def seq(self) -> int:
        """The number of the last event taken up."""
        return self.stored[-1].seq if self.stored else 0

    def step(self, identity: str) -> StepState:
        """Where a step stands; an untouched one stands at nothing."""
        return self.steps.setdefault(identity, StepState(identity))

    @property
    def change_began(self) -> bool:
        """Whether something was done that has a way back, or that may have been."""
        return any(state.undo is not None for state in self.steps.values())

    @property
    def must_roll_back(self) -> bool:
        """Whether the way is back, by a person's word or by one already begun."""
        ordered = self.rollback_ordered is not None or (self.scrubbed is not None and self.change_began)
        return (ordered or self.rollback is not None) and self.rolled_back is None

    def to_undo(self) -> Sequence[StepState]:
        """The steps to take back, last first."""
        begun = [state for state in self.steps.values() if state.wants_undo]
        return sorted(begun, key=_undo_order, reverse=True)

    def ask_for(self, step: str) -> AskState | None:
        """The latest question a step asked."""
        found = [ask for ask in self.asks.values() if ask.opened.step == step]
        return found[-1] if found else None

    def open_asks(self) -> list[AskState]:
        """The questions that wait for people."""
        return [ask for ask in self.asks.values() if ask.ended is None]

    def _take(self, event: ev.Event) -> None:  # noqa: C901, PLR0912 - one arm an event reads better than a table
        match event:
            case ev.LaunchCreated():
                self.created = event
            case ev.PhaseScheduled():
                self.scheduled[event.phase] = event
            case ev.PhaseStarted():
                self.phases_started[event.phase] = event
            case ev.PhaseEnded():
                self.phases_ended[event.phase] = event
            case ev.StepStarted() | ev.StepIntended() | ev.StepEnded() | ev.UndoIntended() | ev.UndoEnded():
                self._take_step(event)
            case ev.AskOpened() | ev.Answered() | ev.AskEnded():
                self._take_ask(event)
            case ev.Ordered():
                self._take_order(event)
            case ev.Held():
                self.held = event
                self.holds.append(event)
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
            case ev.Paged():
                self.pages[event.key] = event
            case ev.HeadAnchored():
                self.anchors.append(event)
            case ev.LaunchClosed():
                self.closed = event
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
                if event.undo is not None and state.undo is None:
                    state.undo = event
            case ev.StepEnded():
                state.outcome = event.outcome
                state.ended = event.at
                state.history.append(event)
            case ev.UndoIntended():
                state.undo_begun = True
            case ev.UndoEnded():
                state.undone = event.outcome

    def _take_ask(self, event: ev.AskOpened | ev.Answered | ev.AskEnded) -> None:
        if isinstance(event, ev.AskOpened):
            if event.ask in self.asks:
                self.asks[event.ask].opened = event
            else:
                self.asks[event.ask] = AskState(event)
        elif event.ask in self.asks and isinstance(event, ev.Answered):
            self.asks[event.ask].answers.append(event)
        elif event.ask in self.asks and isinstance(event, ev.AskEnded):
            self.asks[event.ask].ended = event

    def _take_order(self, event: ev.Ordered) -> None:
        match event.order:
            case "hold":
                self.held = event
                self.holds.append(event)
            case "resume":
                self._try_again(self.held.step if isinstance(self.held, ev.Held) else "")
                self.held = None
            case "scrub":
                self.scrubbed = event
            case "recycle":
                self._void_evidence()
            case "rollback":
                self.rollback_ordered = event
            case "waive":
                self._waive(event)
            case "retry":
                self._try_again(event.step)
                self._let_go(event.step)
            case "watching":
                self.watching.append(event)

    def _try_again(self, step: str) -> None:
        if step and not self.step(step).settled:
            self.retries[step] = self.retries.get(step, 0) + 1
            self.step(step).outcome = None

    def _let_go(self, step: str) -> None:
        if isinstance(self.held, ev.Held) and self.held.step == step:
            self.held = None

    def _waive(self, event: ev.Ordered) -> None:
        self._let_go(event.step)
        self.waivers[event.step] = event
        state = self.step(event.step)
        summary = f"waived by {event.person}: {event.reason}"
        before = state.outcome or Outcome.unknown("not observed")
        state.outcome = before.model_copy(update={"verdict": Verdict.WAIVED, "summary": summary})

    def _void_evidence(self) -> None:
        self.held = None
        for state in self.steps.values():
            if state.intended is None:
                state.outcome = None


def _undo_order(state: StepState) -> str:
    return state.undo.at.isoformat() if state.undo else ""
