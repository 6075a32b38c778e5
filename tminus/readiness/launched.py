"""What launches and sign-offs already say about a checklist's lines."""

from datetime import datetime

from tminus import events as ev
from tminus.chain_names import is_sign_off
from tminus.frozen import Frozen
from tminus.launches import list_launches
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.outcome import Outcome
from tminus.readiness.book import Checklist, Line
from tminus.record import Record
from tminus.runbook import SignOff


def evidence_of_people_and_launches(
    store: Store, checklist: Checklist, environment: str, at: datetime
) -> dict[str, tuple[Outcome, ...]]:
    """Ref → outcomes, of the lines that a launch observes or a sign-off decides.

    Of launches the latest counts that ended in this environment, of sign-offs whatever holds at `at`.
    Raises LedgerError.
    """
    lines = [line for line in checklist.lines() if line.at_launch or line.sign_off]
    if not lines:
        return {}
    launched, signed = _last_launch(store, checklist.system, environment), _signed(store, checklist.system, at)
    found = {line.ref: _of(line, launched, signed) for line in lines}
    return {ref: outcomes for ref, outcomes in found.items() if outcomes}


def _of(line: Line, launched: Record | None, signed: dict[str, Outcome]) -> tuple[Outcome, ...]:
    if line.sign_off is not None:
        return (signed[line.sign_off.role],) if line.sign_off.role in signed else ()
    if launched is None:
        return ()
    states = [launched.step(step).outcome for step in line.at_launch]
    return tuple(outcome or Outcome.unknown("the last launch ended before this step") for outcome in states)


def _last_launch(store: Store, system: str, environment: str) -> Record | None:
    for one in list_launches(store):
        if one.result is not None and one.environment == environment:
            record = Logbook(store, one.launch).refresh()
            if record.created is not None and record.created.system == system:
                return record
    return None


def _signed(store: Store, system: str, at: datetime) -> dict[str, Outcome]:
    """Role → the sign-off of the release that was asked about last."""
    records = [Logbook(store, chain).refresh() for chain in store.chains() if is_sign_off(chain)]
    mine = [record for record in records if record.created is not None and record.created.system == system]
    if not mine:
        return {}
    last = max(mine, key=lambda record: record.created.at if record.created else at)
    if last.created is None:
        return {}
    frozen = Frozen(last.created, {})
    question = next((step.does for step in frozen.runbook.steps() if isinstance(step.does, SignOff)), None)
    answers = [answer for ask in last.asks.values() for answer in ask.counting()]
    found: dict[str, Outcome] = {}
    for answer in answers if question is not None else []:
        person = frozen.people.by_id(answer.person)
        for role in sorted(person.roles) if person else []:
            if question is not None and role in question.roles:
                found[role] = _sign_off(answer, role, answer.at + question.valid_for, at, frozen.created.title)
    return found


def _sign_off(answer: ev.Answered, role: str, until: datetime, at: datetime, title: str) -> Outcome:
    if answer.answer != "approve":
        said = Outcome.failed(f"{answer.person} refused to sign {title} off: {answer.reason}")
    elif until <= at:
        said = Outcome.failed(f"{title} was signed off by {answer.person} until {until:%Y-%m-%d}, which is over")
    else:
        said = Outcome.passed(f"{title} is signed off by {answer.person} ({role}) until {until:%Y-%m-%d}")
    return said.model_copy(update={"at": at})
