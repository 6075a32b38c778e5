"""Everything that can happen to a launch: one small class an event, stored as canonical JSON."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import rfc8785
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, PlainSerializer, TypeAdapter

from tminus.clock import now
from tminus.outcome import Outcome


def _in_utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _fixed(at: datetime) -> str:
    return _in_utc(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# A moment, whatever zone it was said in: in UTC, and written with fixed digits, so that its text is always the same.
Time = Annotated[AwareDatetime, AfterValidator(_in_utc), PlainSerializer(_fixed, return_type=str)]


class _Event(BaseModel, frozen=True, extra="forbid"):
    """Something that happened, and when, by the clock of whoever wrote it down."""

    at: Time = Field(default_factory=now)


class LaunchCreated(_Event):
    """A launch exists, with everything it will ever read, as canonical JSON, and its digests."""

    type: Literal["launch.created"] = "launch.created"
    launch: str
    system: str
    title: str
    environment_name: str
    t0: Time
    started_by: str
    release: str
    runbook: str
    people: str
    environment: str
    base: str
    digests: dict[str, str]


class PhaseScheduled(_Event):
    """A phase's run was asked for, ahead of its time."""

    type: Literal["phase.scheduled"] = "phase.scheduled"
    phase: str
    due: Time
    run: str
    token: int


class PhaseStarted(_Event):
    """A conductor took a phase up; again after a crash or a takeover."""

    type: Literal["phase.started"] = "phase.started"
    phase: str
    holder: str
    token: int
    run: str = ""


class PhaseEnded(_Event):
    """Every step of the phase is settled."""

    type: Literal["phase.ended"] = "phase.ended"
    phase: str


class StepStarted(_Event):
    """A step began: an attempt at observing, or the first asking of people."""

    type: Literal["step.started"] = "step.started"
    step: str
    attempt: int


class StepIntended(_Event):
    """An action is about to act. Written before it does, with the way back."""

    type: Literal["step.intended"] = "step.intended"
    step: str
    attempt: int
    token: int
    deadline: Time
    does: str
    before: str
    undo_summary: str | None = None
    undo: dict[str, str] | None = None


class StepEnded(_Event):
    """What a step came to."""

    type: Literal["step.ended"] = "step.ended"
    step: str
    attempt: int
    outcome: Outcome
    again: bool = False


class UndoIntended(_Event):
    """An action is about to be taken back."""

    type: Literal["undo.intended"] = "undo.intended"
    step: str
    token: int


class UndoEnded(_Event):
    """What taking an action back came to."""

    type: Literal["undo.ended"] = "undo.ended"
    step: str
    outcome: Outcome


class AskOpened(_Event):
    """People are asked. `decision_digest` is what a yes binds to; `evidence_digest` covers the whole record."""

    type: Literal["ask.opened"] = "ask.opened"
    ask: str
    step: str
    kind: Literal["approval", "acknowledgement", "sign_off", "attestation"]
    roles: dict[str, int]
    veto: tuple[str, ...] = ()
    text: str
    decision_digest: str
    evidence_digest: str
    deadline: Time


class AskEnded(_Event):
    """An ask is over: met, rejected, or its deadline passed."""

    type: Literal["ask.ended"] = "ask.ended"
    ask: str
    result: Literal["met", "rejected", "expired", "withdrawn"]
    reason: str


Via = Literal["slack", "pagerduty", "command line"]
Answer = Literal["approve", "reject", "acknowledge", "attest"]


class Answered(_Event):
    """A person answered an ask. It counts for as long as the ask's decision digest is the one they saw."""

    type: Literal["answered"] = "answered"
    ask: str
    person: str
    answer: Answer
    digest: str
    via: Via
    reason: str = ""
    link: str = ""
    signature: str = ""


class AnswerRefused(_Event):
    """Something that looked like an answer or a command did not count, and why."""

    type: Literal["refused"] = "refused"
    who: str
    what: str
    why: str
    via: Via


Order = Literal["hold", "resume", "scrub", "recycle", "rollback", "retry", "waive", "watching"]


class Ordered(_Event):
    """A person gave a command.

    Attributes:
        step: what `retry` and `waive` are about.
        until: how long a waiver holds.
    """

    type: Literal["ordered"] = "ordered"
    order: Order
    person: str
    via: Via
    reason: str = ""
    step: str = ""
    until: Time | None = None
    signature: str = ""


class Held(_Event):
    """tminus itself holds the launch: something it must not decide alone."""

    type: Literal["held"] = "held"
    why: str
    step: str = ""


class WatchBegan(_Event):
    """The watch over the new version began: how the old one did, how long it lasts, and the limits, as JSON."""

    type: Literal["watch.began"] = "watch.began"
    step: str
    until: Time
    baseline: str
    limits: str


class WatchSampled(_Event):
    """Some samples of the watch: plain counts."""

    type: Literal["watch.sampled"] = "watch.sampled"
    step: str
    samples: tuple["Sample", ...]


class Sample(BaseModel, frozen=True, extra="forbid"):
    """One interval: requests of the new version, and of the probes sent to the old one."""

    at: Time
    requests: int
    failed: int
    slow: int
    slower_than_before: int
    p95_ms: int | None = None
    probes: int = 0
    probes_failed: int = 0
    probes_slow: int = 0
    missing: bool = False


class WatchDecided(_Event):
    """The watch came to a verdict, by the sample that decided it."""

    type: Literal["watch.decided"] = "watch.decided"
    step: str
    verdict: Literal["good", "breach", "outside cause", "no data"]
    why: str
    onset: Time | None = None
    decided_on: Time


class RollbackBegan(_Event):
    """From here no forward step begins, under any conductor."""

    type: Literal["rollback.began"] = "rollback.began"
    why: str
    by: str


class RollbackEnded(_Event):
    """The way back is over: proven by the same checks, or not.

    Attributes:
        last_bad: when the last bad request was answered by the new version, where something counted it.
    """

    type: Literal["rollback.ended"] = "rollback.ended"
    proven: bool
    said: str
    last_bad: Time | None = None


class FollowUp(_Event):
    """Something to look into afterwards, and by whom."""

    type: Literal["follow_up"] = "follow_up"
    what: str
    owner: str
    source: str


class HeadAnchored(_Event):
    """The chain's head as it was at a phase's end was written down outside."""

    type: Literal["head.anchored"] = "head.anchored"
    seq: int
    hash: str
    where: str


class Told(_Event):
    """Something people were told; the letters in the same transaction carry it."""

    type: Literal["told"] = "told"
    what: str


class Paged(_Event):
    """On-call was woken, or the page was resolved."""

    type: Literal["paged"] = "paged"
    key: str
    what: str
    resolved: bool = False


class JournalMerged(_Event):
    """What was written to the local journal while the ledger did not answer."""

    type: Literal["journal.merged"] = "journal.merged"
    lines: tuple[str, ...]


Result = Literal["launched", "rolled back", "no-go", "held", "scrubbed"]


class LaunchClosed(_Event):
    """The end."""

    type: Literal["launch.closed"] = "launch.closed"
    result: Result
    sentence: str


class DirectoryEntry(_Event):
    """In the directory chain: a launch opened or closed, with its head at that moment."""

    type: Literal["directory"] = "directory"
    chain: str
    what: Literal["opened", "closed"]
    head: str


Event = Annotated[
    LaunchCreated
    | PhaseScheduled
    | PhaseStarted
    | PhaseEnded
    | StepStarted
    | StepIntended
    | StepEnded
    | UndoIntended
    | UndoEnded
    | AskOpened
    | AskEnded
    | Answered
    | AnswerRefused
    | Ordered
    | Held
    | WatchBegan
    | WatchSampled
    | WatchDecided
    | RollbackBegan
    | RollbackEnded
    | FollowUp
    | HeadAnchored
    | Told
    | Paged
    | JournalMerged
    | LaunchClosed
    | DirectoryEntry,
    Field(discriminator="type"),
]
_event: TypeAdapter[Event] = TypeAdapter(Event)


def write(event: BaseModel) -> str:
    """The event's text as it is stored and hashed: RFC 8785 canonical JSON."""
    return rfc8785.dumps(event.model_dump(mode="json")).decode()


def read(body: str) -> Event:
    """The event that `write` wrote; raises pydantic's ValidationError where it is none."""
    return _event.validate_json(body)
