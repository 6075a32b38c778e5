"""The report as data: what report.html and report.md show is all in here, and report.json is nothing else."""

from typing import Literal

from tminus.events import Time
from tminus.report.watch_model import Moment, Part, RollbackReport, Shown, WatchReport


class Fact(Part):
    """One figure that everybody asks for first."""

    name: str
    value: str


class Span(Part):
    """A stretch of time in which something was done.

    Attributes:
        ended: None while it goes on.
        kind: an attempt at a step, a look at it again, its undo, or a hold of the launch.
        at_step: the step's id; of a hold, the step it is about, if any.
    """

    kind: Literal["attempt", "again", "undo", "hold"]
    at_step: str
    started: Time
    ended: Time | None
    mark: Shown
    said: str


class StepReport(Part):
    """A line of the book, with its evidence.

    Attributes:
        expected: `p95 < 200 ms`, one each.
        found: `p95 41.5 ms`, one each.
        blocked: whether it stood in the launch's way at the end.
        waiver: who accepted its failure, why, and until when.
    """

    id: str
    title: str
    owner: str
    kind: str
    refs: tuple[str, ...]
    blocking: bool
    mark: Shown
    expected: tuple[str, ...]
    found: tuple[str, ...]
    summary: str
    where: str
    details: tuple[str, ...]
    at: Time | None
    took_ms: int
    spans: tuple[Span, ...]
    blocked: bool
    waiver: str | None


class PhaseReport(Part):
    """A phase: when it was due, when it ran, and its steps."""

    phase: str
    slug: str
    due: Time
    started: Time | None
    ended: Time | None
    steps: tuple[StepReport, ...]

    @property
    def passed(self) -> int:
        """How many steps passed."""
        return sum(1 for step in self.steps if step.mark.word == "pass")

    @property
    def blocked(self) -> bool:
        """Whether a step of it stood in the launch's way."""
        return any(step.blocked for step in self.steps)


class AnswerReport(Part):
    """What somebody said to a question; `counts` only while it is bound to what was asked last."""

    at: Time
    who: str
    said: str
    mark: Shown
    via: str
    reason: str
    link: str
    counts: bool


class SeatReport(Part):
    """A role that was asked, and who answered as it."""

    role: str
    wanted: int
    people: tuple[str, ...]


class DecisionReport(Part):
    """A question to people, and how it ended."""

    step: str
    title: str
    kind: str
    opened: Time
    deadline: Time
    ended: Time | None
    mark: Shown
    reason: str
    digest: str
    seats: tuple[SeatReport, ...]
    answers: tuple[AnswerReport, ...]


class OrderReport(Part):
    """A command that a person gave, or a hold of tminus's own."""

    at: Time
    who: str
    what: str
    why: str
    via: str


class RefusalReport(Part):
    """Something that looked like an answer or a command and did not count."""

    at: Time
    who: str
    what: str
    why: str
    via: str


class AwaitedReport(Part):
    """Somebody the launch waits for, and what they can do."""

    who: str
    what: str
    how: str


class FollowUpReport(Part):
    """Something to look into, and by whom."""

    what: str
    owner: str
    source: str


class AnchorReport(Part):
    """A head of the chain that, by the record's own word, was written down outside."""

    at: Time
    seq: int
    hash: str
    where: str


class Provenance(Part):
    """What proves this report: the four documents' digests, the chain's head, and how to verify it.

    Attributes:
        faults: where the chain did not fit together when the report was drawn up. No anchor was looked at: `command` is
            for that.
        anchors: by the record's own word.
        unanchored: how many events come after the last of these.
    """

    digests: dict[str, str]
    events: int
    head: str
    anchors: tuple[AnchorReport, ...]
    unanchored: int
    faults: tuple[str, ...]
    command: str


class Report(Part):
    """A launch, for whoever was not there. In the order in which it is told."""

    launch: str
    title: str
    system: str
    environment: str
    environment_kind: str
    ticket: str
    started_by: str
    t0: Time
    hour_seconds: float
    created: Time
    drawn_up: Time
    over: bool
    mark: Shown
    sentence: str
    facts: tuple[Fact, ...]
    moments: tuple[Moment, ...]
    holds: tuple[Span, ...]
    watch: WatchReport | None
    rollback: RollbackReport | None
    decisions: tuple[DecisionReport, ...]
    orders: tuple[OrderReport, ...]
    refusals: tuple[RefusalReport, ...]
    awaited: tuple[AwaitedReport, ...]
    phases: tuple[PhaseReport, ...]
    follow_ups: tuple[FollowUpReport, ...]
    provenance: Provenance

    @property
    def compressed(self) -> bool:
        """Whether an hour of the countdown lasted something else than an hour."""
        return self.hour_seconds != 3600  # noqa: PLR2004 - seconds of an hour
