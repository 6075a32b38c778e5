"""What a step's outcome means for the launch, and how that is said."""

from tminus.frozen import Frozen
from tminus.outcome import Outcome, Verdict
from tminus.record import Record
from tminus.runbook import Phase, Runbook, SignOff, Step


def phase_of(runbook: Runbook, step: Step) -> Phase:
    """The phase a step belongs to."""
    return next(phase for phase in runbook.phases if step in phase.steps)


def turns_back(frozen: Frozen, record: Record, step: Step) -> bool:
    """Whether a step failed so that the launch goes back by itself: once a change began, where the book says so.

    Not knowing is no reason, nor is silence: `unknown`, and a question that nobody answered, hold and page.
    """
    outcome, ask = record.step(step.id).outcome, record.ask_for(step.id)
    unanswered = ask is not None and ask.ended is not None and ask.ended.result == "expired"
    failed = outcome is not None and outcome.verdict is Verdict.FAIL and not unanswered
    return failed and step.blocking and record.change_began and phase_of(frozen.runbook, step).turns_back


def told(frozen: Frozen, record: Record, step: Step, outcome: Outcome) -> str:
    """One line: what did not pass, found and expected, whose it is, and what is next."""
    then = _then(frozen, record, step, outcome)
    return f"{step.id} {outcome.verdict}: {outcome.summary}. Owner: {step.owner}. Then: {then}"


def _then(frozen: Frozen, record: Record, step: Step, outcome: Outcome) -> str:
    if turns_back(frozen, record, step):
        return "it is rolled back"
    launch = frozen.created.launch
    retry, waive = f"tminus retry {launch} {step.id}", f"tminus waive {launch} {step.id} --reason WHY --until DATE"
    signs = "".join(f"{one}, then " for one in outcome.details) if isinstance(step.does, SignOff) else ""
    return f"{signs}{retry}, or {waive}" if step.waivable else f"{signs}{retry}; it cannot be waived"
