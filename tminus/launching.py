"""Creating a launch: everything is checked and frozen first, and bad input changes nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import rfc8785
from pydantic import JsonValue

from tminus import events as ev
from tminus.calendar.asking import barred
from tminus.calendar.override import require_allowed_but, require_may_override
from tminus.candidates import Occasion, strangers_said, why_never, why_no_way_back
from tminus.clock import Clock, now
from tminus.cross_check import never_proven, why_unwatchable
from tminus.environment import Environment
from tminus.errors import Refused, UsageError
from tminus.frozen import Frozen, digest_of
from tminus.ledger.directory import listing
from tminus.ledger.store import Entry, Store
from tminus.messages import telling
from tminus.people import People
from tminus.readiness.source import build_checklist, chapters_in
from tminus.record import Record
from tminus.release import Release, authors_of, load_release
from tminus.runbook import Quorum, Readiness, Runbook, Spec, Step
from tminus.runbook_source import build
from tminus.yaml_source import Source


@dataclass(frozen=True)
class Documents:
    """The four files of a launch, read and found good.

    Attributes:
        chapters: those of the readiness checklist beside the book, where a step of it wants the system ready.
    """

    release: Source
    runbook: Source
    people: Source
    environment: Source
    kinds: Mapping[str, type[Spec]]
    chapters: tuple[Source, ...] = ()

    @classmethod
    def read(
        cls, release: Path, runbook: Path, people: Path, environment: Path, kinds: Mapping[str, type[Spec]]
    ) -> "Documents":
        """Reads all four; raises BookError, or UsageError where they do not belong together."""
        found = cls(Source.read(release), Source.read(runbook), Source.read(people), Source.read(environment), kinds)
        if any(isinstance(step.does, Readiness) for step in build(found.runbook, kinds).steps()):
            found = replace(found, chapters=tuple(chapters_in(runbook.parent)))
        found.check()
        return found

    def check(self) -> None:
        """Raises BookError for a mistake in one of them, UsageError where they do not fit one another."""
        release, book = load_release(self.release), build(self.runbook, self.kinds)
        people, environment = self.people.load(People), self.environment.load(Environment)
        if release.system != book.system:
            raise UsageError(f"the release is of {release.system}, and the book is for {book.system}")
        refuse_unreachable(book.steps(), people, Occasion(authors=authors_of(release)))
        if why := why_no_way_back(book.may_roll_back, (step.does for step in book.steps()), people):
            raise UsageError(why)
        if self.chapters and (of := build_checklist([*self.chapters], [book], self.kinds).system) != book.system:
            raise UsageError(f"the book is for {book.system}, and the checklist beside it of {of}")
        for step in book.steps():
            if why := why_unwatchable(step.does, environment):
                raise UsageError(f"{step.id}: {why}")

    def warnings(self) -> list[str]:
        """What is no mistake, and may be one: authors of commits whom nobody is, backups that nobody can prove."""
        strangers = strangers_said(self.people.load(People), authors_of(self.release.load(Release)))
        steps = build(self.runbook, self.kinds).steps()
        return [*strangers, *never_proven(steps, self.environment.load(Environment))]

    def frozen(self, launch: str, t0: datetime, started_by: str, title: str, override: str = "") -> Frozen:
        """The launch these documents make; raises Refused where whoever starts it may not override the calendar.

        Args:
            launch: its id.
            t0: when it is.
            started_by: a person's id.
            title: for people.
            override: why the calendar is to be overridden where it bars T-0; "" where it is not.
        """
        texts = {
            "release": self.release.freeze(),
            "runbook": self.runbook.freeze(),
            "people": self.people.freeze(),
            "environment": self.environment.freeze(),
        }
        if self.chapters:
            chapters: dict[str, JsonValue] = {one.path.name: one.freeze() for one in self.chapters}
            texts["readiness"] = rfc8785.dumps(chapters).decode()
        environment = self.environment.load(Environment)
        outside = barred(environment, "launch", t0) if override else ""
        created = ev.LaunchCreated(
            launch=launch,
            system=self.release.load(Release).system,
            title=title,
            environment_name=environment.environment,
            t0=t0,
            started_by=started_by,
            outside=outside,
            override_reason=override if outside else "",
            base=str(self.release.path.resolve().parent),
            digests={name: digest_of(text) for name, text in texts.items()},
            **texts,
        )
        return Frozen(created, self.kinds)


def refuse_unreachable(steps: Iterable[Step], people: People, on: Occasion) -> None:
    """Raises UsageError where what a step asks could never be decided, naming it and what is missing.

    Whoever starts a launch, or wrote what it releases, does not approve it: they are no candidates for its approvals.
    """
    by = on.started_by
    for step in steps:
        if why := why_never(step.does, people, on):
            you = f"{by} starts it and so does not approve it: let somebody else start it, " if by else ""
            raise UsageError(f"{step.id} can never be decided: {why}; {you}add people to people.yaml, or ask fewer")


def _refuse_unreachable_by_then(frozen: Frozen) -> None:
    """Who stands in for whom depends on when it is asked, so each phase's questions are looked at for its own time."""
    created, clock = frozen.created, frozen.environment.clock
    for phase in frozen.runbook.phases:
        begins = created.t0 + clock.real(phase.offset)
        for step in phase.steps:
            closes = begins + clock.real(step.does.deadline) if isinstance(step.does, Quorum) else begins
            on = Occasion(created.started_by, authors_of(frozen.release), begins, closes)
            refuse_unreachable((step,), frozen.people, on)


def refuse_past(book: Runbook, clock: Clock, t0: datetime, at: datetime) -> None:
    """Raises UsageError where the first phase of a countdown to `t0` should have begun before `at`."""
    first = t0 + clock.real(book.phases[0].offset)
    if first < at:
        raise UsageError(
            f"{book.phases[0].phase} would have been at {first:%Y-%m-%d %H:%M:%S} UTC, and it is {at:%H:%M:%S} UTC; "
            "choose a later T-0"
        )


def create(store: Store, frozen: Frozen) -> str:
    """Writes the launch's first event, lists it, takes its environment's lock, and tells people; all or nothing.

    Raises UsageError for a T-0 or a first phase in the past, Refused where the environment is held by another,
    OutsideCalendar where its calendar lets nothing be launched at T-0.
    """
    created = frozen.created
    if created.t0 <= now():
        raise UsageError(f"T-0 {created.t0:%Y-%m-%d %H:%M:%S} UTC is in the past; it is {now():%H:%M:%S} UTC")
    refuse_past(frozen.runbook, frozen.environment.clock, created.t0, now())
    _refuse_unreachable_by_then(frozen)
    _require_in_calendar(frozen)
    opening = Entry(created.launch, ev.write(created), letters=telling(frozen)(created, Record()))
    store.open_locked(created.environment_name, created.launch, opening, listing=listing("opened"))
    return created.launch


def _require_in_calendar(frozen: Frozen) -> None:
    """Raises OutsideCalendar, or Refused where somebody overrides it who may not."""
    created = frozen.created
    if created.outside:
        person = frozen.people.by_id(created.started_by)
        if person is None:
            raise Refused(f"{created.started_by} is nobody of people.yaml, and overrides no calendar")
        require_may_override(frozen.environment, person, created.outside)
    require_allowed_but(frozen.environment, "launch", created.t0, created.outside)


def launch_id(system: str, release: str, moment: datetime) -> str:
    """A launch's name: readable, sortable, fit for keys and file names."""
    return f"{system}-{release}-{moment:%Y%m%d-%H%M%S}"
