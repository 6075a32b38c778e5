"""Whether a system is ready, as the last sweep of its whole checklist left it in the ledger."""

from datetime import timedelta

from tminus.clock import now, show_duration
from tminus.ledger.store import Store
from tminus.outcome import Outcome
from tminus.readiness.standing import Standing
from tminus.spoken import length_said


def judge_readiness(store: Store, system: str, environment: str, fresh_for: timedelta) -> Outcome:
    """Passes where the last whole sweep found nothing that blocks, and is no older than `fresh_for`.

    A sweep of some sections alone says nothing of the system. Raises LedgerError.
    """
    whole = [ended for ended in Standing.read(store, system, environment, None).sweeps if not ended.sections]
    look = f"`tminus readiness {system}` looks at it"
    if not whole:
        return Outcome.failed(f"the whole checklist of {system} was never gone through in {environment}; {look}")
    last = whole[-1]
    age = now() - last.at
    if age > fresh_for:
        said = f"the checklist was gone through {length_said(age)} ago, and that counts for {show_duration(fresh_for)}"
        return Outcome.failed(f"{said}; {look} again")
    return Outcome.passed(last.sentence) if last.ready else Outcome.failed(f"{last.sentence}; `tminus next {system}`")
