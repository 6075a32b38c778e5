"""Where a step or a phase stands, in a symbol and a word: colour is never the only sign."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tminus.frozen import Frozen
from tminus.outcome import Verdict
from tminus.record import Record, StepState
from tminus.runbook import Phase, Step

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
