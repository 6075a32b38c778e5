"""The countdown before it begins: when what happens, who owns it, who must answer, and whether they can."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tminus.candidates import Asking, Occasion, barred_from, may_answer, may_fill, roles_asked, why_never
from tminus.clock import Clock, parse_duration, show_duration
from tminus.errors import UsageError
from tminus.people import People
from tminus.roll_call import Gate, gates_at, gates_called, seats_called
from tminus.runbook import Attestation, PagingPath, Phase, Quorum, RollCall, Runbook, SignOff, Step


@dataclass(frozen=True)
class PlannedQuestion:
    """Something people will be asked.

    Attributes:
        roles: role → how many distinct people must answer as it.
        candidates: role → the names of all who could; of an approval not whoever starts the launch, once that is known.
        until: when it closes, if it is asked as soon as its phase begins; None for a sign-off, made ahead.
        barred: the names of those who could fill a seat and whose yes does not count → why.
        unreachable: why there can never be enough answers; "" where there can.
    """

    roles: Mapping[str, int]
    candidates: Mapping[str, tuple[str, ...]]
    until: datetime | None
    barred: Mapping[str, str]
    unreachable: str


@dataclass(frozen=True)
class PlannedStep:
    """A step, and the question it asks, where it asks one."""

    step: Step
    question: PlannedQuestion | None


@dataclass(frozen=True)
class PlannedPhase:
    """A phase on the wall clock.

    Attributes:
        at: when it begins.
        latest: when it is so late that it holds and asks.
        late: how late it is already.
    """

    phase: Phase
    at: datetime
    latest: datetime
    late: timedelta
    steps: tuple[PlannedStep, ...]

    @property
    def would_hold(self) -> bool:
        """Whether it is already later than it may be."""
        return self.late > timedelta(0) and self.at + self.late > self.latest


@dataclass(frozen=True)
class Plan:
    """A whole countdown."""

    t0: datetime
    phases: tuple[PlannedPhase, ...]

    @property
    def unreachable(self) -> Mapping[str, str]:
        """Step id → why its quorum can never be reached."""
        asked = [(planned.step.id, planned.question) for phase in self.phases for planned in phase.steps]
        return {step: question.unreachable for step, question in asked if question and question.unreachable}


def parse_t0(text: str, clock: Clock, at: datetime) -> datetime:
    """When T-0 is.

    Args:
        text: `+4h`, on the countdown's clock, from now; or an ISO 8601 time with its zone.
        clock: the environment's.
        at: the present.

    Raises:
        UsageError: where it is none of these, or in the past.
    """
    if text.startswith("+"):
        try:
            return at + clock.real(parse_duration(text[1:]))
        except (ValueError, OverflowError) as e:
            raise UsageError(f"T-0 {text!r}: {e}") from e
    try:
        t0 = datetime.fromisoformat(text)
    except ValueError as e:
        raise UsageError(f"T-0 {text!r} is no time; write 2026-11-22T18:00:00+01:00 or +4h") from e
    if t0.tzinfo is None:
        raise UsageError(f"T-0 {text!r} has no zone; write it like 2026-11-22T18:00:00+01:00, or with Z for UTC")
    if t0 < at:
        raise UsageError(f"T-0 {text!r} is {_roughly(at - t0)} in the past; give a time to come")
    return t0


@dataclass(frozen=True)
class Crew:
    """Everybody, and whose launch it is.

    Attributes:
        started_by: who starts it, by id; "" while that is open.
        authors: addresses of who wrote the release's commits.
    """

    people: People
    started_by: str = ""
    authors: tuple[str, ...] = ()


def make_plan(book: Runbook, crew: Crew, clock: Clock, t0: datetime, at: datetime) -> Plan:
    """The countdown to `t0`, as it looks at the time `at`."""
    return Plan(t0, tuple(_phase(book, phase, crew, clock, t0, at) for phase in book.phases))


def _phase(book: Runbook, phase: Phase, crew: Crew, clock: Clock, t0: datetime, at: datetime) -> PlannedPhase:
    begins = t0 + clock.real(phase.offset)
    steps = tuple(
        PlannedStep(step, _question(step, crew, clock, begins, _gates(book, step, clock, t0))) for step in phase.steps
    )
    late = max(at - begins, timedelta(0))
    return PlannedPhase(phase, begins, begins + clock.real(phase.late_by), late, steps)


def _gates(book: Runbook, step: Step, clock: Clock, t0: datetime) -> Sequence[Gate]:
    """What a roll-call is about; nothing for any other step."""
    return gates_at(book, step, t0, clock) if isinstance(step.does, RollCall) else ()


def _question(step: Step, crew: Crew, clock: Clock, begins: datetime, gates: Sequence[Gate]) -> PlannedQuestion | None:
    asked = step.does
    if not isinstance(asked, Quorum | Attestation | PagingPath | RollCall):
        return None
    until = None if isinstance(asked, SignOff) else begins + clock.real(asked.deadline)
    on = Occasion(crew.started_by, crew.authors, *((begins, until) if until else ()))
    barred = barred_from("approval" if gates else asked.kind, crew.people, crew.started_by, crew.authors)
    seats = seats_called(gates) if gates else roles_asked(asked)
    asking = Asking(seats, barred, on.since, on.until, gates_called(gates))
    may = may_answer(asking, crew.people)
    candidates = {
        seat: tuple(person.name for person in crew.people.people if seat in may.get(person.id, ())) for seat in seats
    }
    could = [person for person in crew.people.people if may_fill(asking, crew.people, person)]
    told = {person.name: barred[person.id] for person in could if person.id in barred}
    return PlannedQuestion(seats, candidates, until, told, why_never(asked, crew.people, on))


def _roughly(length: timedelta) -> str:
    days = timedelta(days=length.days)
    return show_duration(days if length.days > 1 else timedelta(seconds=round(length.total_seconds())))
