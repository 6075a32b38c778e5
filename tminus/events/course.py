"""The course of a launch: created, phases, holds, the way back, the end, and what is written down about it."""

from operator import not_
from typing import Literal

from pydantic import Field

from tminus.events.happening import Happening, Time
from tminus.foreign_text import Printable


class LaunchCreated(Happening):
    """A launch exists, with everything it will ever read, as canonical JSON, and its digests.

    `readiness` holds the chapters of the system's checklist by file name, where the book wants the system ready.
    `outside` names the rules of the calendar that whoever started it overrides, and `override_reason` says why.
    """

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
    readiness: str = ""
    outside: Printable = ""
    override_reason: Printable = ""
    base: str
    digests: dict[str, str]


class PhaseScheduled(Happening):
    """A phase's run was asked for, ahead of its time."""

    type: Literal["phase.scheduled"] = "phase.scheduled"
    phase: str
    due: Time
    run: str
    token: int


class PhaseStarted(Happening):
    """A conductor took a phase up; again after a crash or a takeover."""

    type: Literal["phase.started"] = "phase.started"
    phase: str
    holder: str
    token: int
    run: str = ""


class PhaseEnded(Happening):
    """Every step of the phase is settled."""

    type: Literal["phase.ended"] = "phase.ended"
    phase: str


class Held(Happening):
    """tminus itself holds the launch: something it must not decide alone.

    Attributes:
        by_hand: it is a person's word all the same, pressed in Prefect: only a resume lets go of it.
    """

    type: Literal["held"] = "held"
    why: str
    step: str = ""
    by_hand: bool = Field(default=False, exclude_if=not_)


class RollbackBegan(Happening):
    """From here no forward step begins, under any conductor."""

    type: Literal["rollback.began"] = "rollback.began"
    why: str
    by: str


class RollbackEnded(Happening):
    """The way back is over: proven by the same checks, or not.

    Attributes:
        last_bad: when the last bad request was answered by the new version, where something counted it.
    """

    type: Literal["rollback.ended"] = "rollback.ended"
    proven: bool
    said: str
    last_bad: Time | None = None


class FollowUp(Happening):
    """Something to look into afterwards, and by whom."""

    type: Literal["follow_up"] = "follow_up"
    what: str
    owner: str
    source: str


class HeadAnchored(Happening):
    """The chain's head as it was at a phase's end was written down outside."""

    type: Literal["head.anchored"] = "head.anchored"
    seq: int
    hash: str
    where: str


class JournalMerged(Happening):
    """What was written to the local journal while the ledger did not answer."""

    type: Literal["journal.merged"] = "journal.merged"
    lines: tuple[str, ...]


Result = Literal["launched", "rolled back", "no-go", "held", "scrubbed"]


class LaunchClosed(Happening):
    """The end."""

    type: Literal["launch.closed"] = "launch.closed"
    result: Result
    sentence: str


class DirectoryEntry(Happening):
    """In the directory chain: a launch opened or closed, with its head at that moment."""

    type: Literal["directory"] = "directory"
    chain: str
    what: Literal["opened", "closed"]
    head: str
