"""The watch and the way back as data, and what every part of the report shares."""

from typing import Literal

from pydantic import BaseModel

from tminus.events import Time
from tminus.standing import Tone


class Part(BaseModel, frozen=True, extra="forbid"):
    """A part of the report."""


class Shown(Part):
    """A standing: its symbol and its word say it all, its tone only colours it."""

    symbol: str
    word: str
    tone: Tone


class Point(Part):
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


class Moment(Part):
    """Something that happened at once, and is drawn as a line."""

    at: Time
    kind: Literal["deploy", "onset", "decision", "rollback", "back"]
    label: str


class VersionSpan(Part):
    """Which version served customers, from when to when."""

    version: str
    new: bool
    started: Time
    ended: Time


class WatchReport(Part):
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


class Stage(Part):
    """A stage of the way back; `after` in seconds since the stage before."""

    label: str
    at: Time
    after: float | None


class RollbackReport(Part):
    """The way back."""

    why: str
    by: str
    proven: bool | None
    said: str
    stages: tuple[Stage, ...]
