"""What happens to one step: begun, intended, ended, taken back, watched."""

from typing import Literal

from pydantic import BaseModel

from tminus.events.happening import Happening, Time
from tminus.outcome import Outcome


class StepStarted(Happening):
    """A step began: an attempt at observing, or the first asking of people."""

    type: Literal["step.started"] = "step.started"
    step: str
    attempt: int


class StepIntended(Happening):
    """An action is about to act. Written before it does, with the way back.

    `harmless_if_left`: it changes nothing for customers and ends by itself, so that it counts as no change.
    """

    type: Literal["step.intended"] = "step.intended"
    step: str
    attempt: int
    token: int
    deadline: Time
    does: str
    before: str
    undo_summary: str | None = None
    undo: dict[str, str] | None = None
    harmless_if_left: bool = False


class StepEnded(Happening):
    """What a step came to."""

    type: Literal["step.ended"] = "step.ended"
    step: str
    attempt: int
    outcome: Outcome
    again: bool = False


class UndoIntended(Happening):
    """An action is about to be taken back."""

    type: Literal["undo.intended"] = "undo.intended"
    step: str
    token: int


class UndoEnded(Happening):
    """What taking an action back came to."""

    type: Literal["undo.ended"] = "undo.ended"
    step: str
    outcome: Outcome


class WatchBegan(Happening):
    """The watch over the new version began: how the old one did, how long it lasts, and the limits, as JSON.

    `pool` is the one that serves, where nginx passes requests to one of the environment's pools alone.
    """

    type: Literal["watch.began"] = "watch.began"
    step: str
    until: Time
    baseline: str
    limits: str
    pool: str = ""


class Sample(BaseModel, frozen=True, extra="forbid"):
    """One interval: requests of the new version, and of the probes sent to the old one.

    `missing`: not every instance could be read, and why; what the others counted stands here all the same.
    """

    at: Time
    requests: int
    failed: int
    slow: int
    slower_than_before: int
    p95_ms: int | None = None
    probes: int = 0
    probes_failed: int = 0
    probes_slow: int = 0
    probes_slower_than_before: int = 0
    missing: bool = False
    why_missing: str = ""


class WatchSampled(Happening):
    """Some samples of the watch: plain counts."""

    type: Literal["watch.sampled"] = "watch.sampled"
    step: str
    samples: tuple[Sample, ...]


class WatchDecided(Happening):
    """The watch came to a verdict, by the sample that decided it."""

    type: Literal["watch.decided"] = "watch.decided"
    step: str
    verdict: Literal["good", "breach", "outside cause", "no data"]
    why: str
    onset: Time | None = None
    decided_on: Time
