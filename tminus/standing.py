"""Where a step or a phase stands, in a symbol and a word: colour is never the only sign."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from tminus import events as ev
from tminus.frozen import Frozen
from tminus.outcome import Verdict
from tminus.record import Record, StepState
from tminus.runbook import Phase, Step

STARTING = timedelta(seconds=10)  # what a worker on a busy machine may take to start a run, on any clock

Tone = Literal["good", "bad", "warn", "live", "quiet"]


@dataclass(frozen=True)
class Mark:
    """How a standing is shown: the symbol and the word say it all, the tone only colours it."""

    symbol: str
    word: str
    tone: Tone

    def __str__(self) -> str:
        return f"{self.symbol} {self.word}"


PASSED = Mark("✓", "pass", "good")
FAILED = Mark("✗", "fail", "bad")
UNKNOWN = Mark("?", "unknown", "warn")
SKIPPED = Mark("-", "skipped", "warn")
WAIVED = Mark("~", "waived", "warn")
RUNNING = Mark("▸", "running", "live")
ASKING = Mark("◇", "asking", "live")
IN_DOUBT = Mark("?", "in doubt", "warn")
UNDONE = Mark("↩", "taken back", "warn")
NOT_BEGUN = Mark("·", "not begun", "quiet")

_OF_VERDICT = {
    Verdict.PASS: PASSED,
    Verdict.FAIL: FAILED,
    Verdict.UNKNOWN: UNKNOWN,
    Verdict.SKIPPED: SKIPPED,
    Verdict.WAIVED: WAIVED,
}


def mark_of_verdict(verdict: Verdict) -> Mark:
    """How a verdict is shown."""
    return _OF_VERDICT[verdict]


def mark_of(record: Record, step: str) -> Mark:
    """Where a step stands now; one that the launch never reached is not begun."""
    state = record.steps.get(step) or StepState(step)
    if state.undone is not None and state.undone.verdict is Verdict.PASS:
        return UNDONE
    if state.outcome is not None:
        return _OF_VERDICT[state.outcome.verdict]
    if state.in_doubt and record.closed is not None:
        return IN_DOUBT
    if state.started is None or record.closed is not None:
        return NOT_BEGUN
    asked = record.ask_for(step)
    return ASKING if asked is not None and asked.ended is None else RUNNING


def blocks(record: Record, step: Step) -> bool:
    """Whether the step stands in the launch's way: it must pass, and came to something else."""
    state = record.steps.get(step.id)
    return step.blocking and state is not None and state.outcome is not None and not state.settled


def due(frozen: Frozen, phase: Phase) -> datetime:
    """When a phase is to begin, on the wall clock."""
    return frozen.created.t0 + frozen.environment.clock.real(phase.offset)


def current_phase(frozen: Frozen, record: Record) -> Phase:
    """The phase that was taken up last; the first one before any was."""
    phases = frozen.runbook.phases
    return next((phase for phase in reversed(phases) if phase.phase in record.phases_started), phases[0])


def latest(frozen: Frozen, phase: Phase) -> datetime:
    """When a phase is too late to begin."""
    return due(frozen, phase) + frozen.environment.clock.real(phase.late_by) + STARTING


def patience(frozen: Frozen, phase: Phase, since: datetime) -> datetime:
    """Until when people are waited for: what holds late in a phase gives them as long as what holds early."""
    return max(latest(frozen, phase), since + frozen.environment.clock.real(phase.late_by))


def patient_phase(frozen: Frozen, record: Record) -> Phase:
    """The phase whose patience counts for a blocked step: before a change the latest that was begun, then the last.

    That may be a later one than the step's own: at the go/no-go everything is observed again.
    """
    phases = frozen.runbook.phases
    started = [one for one in phases if one.phase in record.phases_started]
    return phases[-1] if record.change_began or not started else started[-1]


def holding_phase(frozen: Frozen, record: Record) -> Phase:
    """The phase whose patience counts for the holds that stand: where one is of a blocked step, the step's; else the
    last.
    """
    blocked = any(isinstance(hold, ev.Held) and hold.step for hold in record.holding)
    return patient_phase(frozen, record) if blocked else frozen.runbook.phases[-1]


def held_until(frozen: Frozen, record: Record) -> datetime | None:
    """When the holds that stand end the launch, where nobody ends them; None where nothing is held."""
    return patience(frozen, holding_phase(frozen, record), record.held.at) if record.held is not None else None
