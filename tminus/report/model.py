"""The report as data: what report.html and report.md show is all in here, and report.json is nothing else."""

from typing import Literal

from pydantic import BaseModel

from tminus.events import Time
from tminus.standing import Tone


class _Part(BaseModel, frozen=True, extra="forbid"):
    """A part of the report."""


class Shown(_Part):
    """A standing: its symbol and its word say it all, its tone only colours it."""

    symbol: str
    word: str
    tone: Tone


class Fact(_Part):
    """One figure that everybody asks for first."""

    name: str
    value: str


class Span(_Part):
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


class StepReport(_Part):
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


class PhaseReport(_Part):
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


class AnswerReport(_Part):
    """What somebody said to a question; `counts` only while it is bound to what was asked last."""

    at: Time
    who: str
    said: str
    mark: Shown
    via: str
    reason: str
    link: str
    counts: bool


class SeatReport(_Part):
    """A role that was asked, and who answered as it."""

    role: str
    wanted: int
    people: tuple[str, ...]


class DecisionReport(_Part):
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


class OrderReport(_Part):
    """A command that a person gave, or a hold of tminus's own."""

    at: Time
    who: str
    what: str
    why: str
    via: str


class RefusalReport(_Part):
    """Something that looked like an answer or a command and did not count."""

    at: Time
    who: str
    what: str
    why: str
    via: str


class AwaitedReport(_Part):
    """Somebody the launch waits for, and what they can do."""

    who: str
    what: str
    how: str


class Point(_Part):
    """One interval of the watch, or several neighbouring ones together.

    Attributes:
        error_percent: failed of all requests; None where there were none.
        p95_ms: the highest of the intervals' 95th percentiles.
        old_percent: failed of the probes that were sent to the old version; None where none were.
        missing: nothing could be counted.
    """

    at: Time
    requests: int
    failed: int
    error_percent: float | None
    p95_ms: float | None
    old_percent: float | None
    missing: bool


class Moment(_Part):
    """Something that happened at once, and is drawn as a line."""

    at: Time
    kind: Literal["deploy", "onset", "decision", "rollback", "back"]
    label: str


class VersionSpan(_Part):
    """Which version served customers, from when to when."""

    version: str
    new: bool
    started: Time
    ended: Time


class WatchReport(_Part):
    """The watch: its numbers against their limits.

    Attributes:
        error_limit: the highest share of failed requests allowed, in percent.
        p95_limit: milliseconds.
        error_before, p95_before: how the old version did before the switch.
    """

    step: str
    title: str
    began: Time
    until: Time
    mark: Shown
    why: str
    requests: int
    failed: int
    samples: int
    missing: int
    error_limit: float | None
    p95_limit: float | None
    error_before: float | None
    p95_before: float | None
    points: tuple[Point, ...]
    moments: tuple[Moment, ...]
    versions: tuple[VersionSpan, ...]


class Stage(_Part):
    """A stage of the way back; `after` in seconds since the stage before."""

    label: str
    at: Time
    after: float | None


class RollbackReport(_Part):
    """The way back."""

    why: str
    by: str
    proven: bool | None
    said: str
    stages: tuple[Stage, ...]


class FollowUpReport(_Part):
    """Something to look into, and by whom."""

    what: str
    owner: str
    source: str


class AnchorReport(_Part):
    """A head of the chain that was written down outside."""

    at: Time
    seq: int
    hash: str
    where: str


class Provenance(_Part):
    """What proves this report: the four documents' digests, the chain's head, and how to verify it.

    Attributes:
        faults: what was wrong with the chain when the report was drawn up; nothing when it was whole.
        unanchored: how many events at the end are not covered by an anchor.
    """

    digests: dict[str, str]
    events: int
    head: str
    anchors: tuple[AnchorReport, ...]
    unanchored: int
    faults: tuple[str, ...]
    command: str


class Report(_Part):
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
