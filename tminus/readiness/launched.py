"""What launches and sign-offs already say about a checklist's lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tminus.frozen import Frozen
from tminus.launches import list_launches
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.outcome import Outcome
from tminus.people import People
from tminus.readiness.book import Checklist, Line
from tminus.record import Record
from tminus.runbook import SignOff, Spec
from tminus.sign_off import Asked, asked_about


@dataclass(frozen=True)
class Whose:
    """For whom, where and for which release a checklist is judged.

    Attributes:
        environment: its name.
        people: who may sign off; None where nobody was named.
        release: the digest of the release file; "" where none was named.
        kinds: the vocabulary, in which sign-offs were asked.
    """

    environment: str
    people: People | None
    release: str
    kinds: Mapping[str, type[Spec]]


def evidence_of_people_and_launches(
    store: Store, checklist: Checklist, whose: Whose, at: datetime
) -> dict[str, tuple[Outcome, ...]]:
    """Ref → outcomes, of the lines that a launch observes or a sign-off decides.

    Of launches the latest counts that went through in this environment, of sign-offs those of this very release by
    these very people. Raises LedgerError.
    """
    lines = list(checklist.lines())
    found: dict[str, tuple[Outcome, ...]] = {
        line.ref: (_signed(store, checklist.system, line, whose, at),) for line in lines if line.sign_off
    }
    if any(line.at_launch for line in lines):
        launched = _last_launch(store, checklist.system, whose.environment)
        found |= {line.ref: _steps(line, launched) for line in lines if line.at_launch and launched is not None}
    return found


def _steps(line: Line, launched: Record | None) -> tuple[Outcome, ...]:
    states = [launched.step(step).outcome for step in line.at_launch] if launched is not None else []
    return tuple(outcome or Outcome.unknown("the last launch ended before this step") for outcome in states)


def _last_launch(store: Store, system: str, environment: str) -> Record | None:
    """One that was scrubbed or taken back says nothing of what runs now."""
    for one in list_launches(store):
        if one.result == "launched" and one.environment == environment:
            record = Logbook(store, one.launch).refresh()
            if record.created is not None and record.created.system == system:
                return record
    return None


def _signed(store: Store, system: str, line: Line, whose: Whose, at: datetime) -> Outcome:
    role = line.sign_off.role if line.sign_off else ""
    missing = [name for name, given in (("--release", whose.release), ("--people", whose.people)) if not given]
    if whose.people is None or missing:
        return Outcome.skipped(f"a sign-off is of one release by named people; give {' and '.join(missing)}")
    asked = asked_about(store, system, whose.release, whose.people, whose.kinds)
    return _of_role(asked, role, whose.people, at).model_copy(update={"at": at})


def _of_role(asked: Sequence[Asked], role: str, people: People, at: datetime) -> Outcome:
    """What the question that these people decided last says of one role; the latest one where they decided none."""
    fitting = [one for one in asked if role in one.ask.opened.roles]
    decided = [one for one in fitting if one.decided]
    if not fitting:
        return Outcome.failed(f"{role} was not asked to sign this release off; `tminus sign-off` asks")
    last = (decided or fitting)[-1]
    if last.judged.rejected is not None:
        return Outcome.failed(f"{last.judged.rejected.person} refused to sign it off: {last.judged.rejected.reason}")
    given = [
        answer
        for answer in last.ask.counting()
        if answer.answer == "approve" and (person := people.by_id(answer.person)) and role in person.roles
    ]
    if not given:
        return Outcome.failed(f"{role} has not signed this release off; the sign-off {last.judged.waits or 'waits'}")
    until = given[-1].at + _question(last.frozen).valid_for
    if until <= at:
        return Outcome.failed(
            f"{given[-1].person}'s sign-off held until {until:%Y-%m-%d}; `tminus sign-off` asks again"
        )
    return Outcome.passed(f"signed off by {given[-1].person} ({role}) until {until:%Y-%m-%d}")


def _question(frozen: Frozen) -> SignOff:
    return next(step.does for step in frozen.runbook.steps() if isinstance(step.does, SignOff))
