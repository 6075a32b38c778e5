"""What Datadog's API answers with, as much of it as is read."""

import math
import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from tasks.vendor_api import Page
from tminus.errors import CouldNotObserve

_HANDLE = re.compile(r"(?<![\w.+-])@[\w.+-]+")
_NO_DATA = {"note", "free_text", "image", "iframe"}  # widgets that show none

# Ids go into paths, so nothing else than what Datadog's look like is taken for one.
_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Downtime(Page):
    """A time in which a monitor tells nobody, in seconds since 1970; without an end for ever."""

    start: float = 0
    end: float | None = None
    scope: tuple[str, ...] = ()


class _MonitorOptions(Page):
    silenced: dict[str, float | None] = Field(default_factory=dict)


class Monitor(Page):
    """A monitor: what it watches for, whom it tells, what it says now."""

    name: str
    message: str = ""
    overall_state: str | None = None
    options: _MonitorOptions = _MonitorOptions()
    matching_downtimes: tuple[Downtime, ...] = ()

    @property
    def notifies(self) -> bool:
        """Whether its message names anybody to be told: `@pagerduty-…`, `@slack-…`, a person."""
        return _HANDLE.search(self.message) is not None

    def muted(self, at: datetime) -> bool:
        """Whether a downtime, or a mute of the older kind, keeps some of it silent at that time."""
        moment = at.timestamp()
        downtimes = any(
            one.start <= moment and (one.end is None or moment < one.end) for one in self.matching_downtimes
        )
        return downtimes or any(end is None or moment < end for end in self.options.silenced.values())


class Dashboard(Page):
    """A dashboard in the list of all."""

    id: _Id
    title: str


class Dashboards(Page):
    """A page of the list of them."""

    dashboards: list[Dashboard]


class _Definition(Page):
    type: str
    widgets: tuple["_Widget", ...] = ()


class _Widget(Page):
    definition: _Definition

    def showing(self) -> int:
        """How many widgets that show data it is or holds."""
        if self.definition.type in {"group", "powerpack", "split_group"} or self.definition.widgets:
            return sum(widget.showing() for widget in self.definition.widgets)
        return int(self.definition.type not in _NO_DATA)


class Layout(Page):
    """What is on a dashboard."""

    widgets: list[_Widget]


class Series(Page):
    """One series: points of milliseconds since 1970 and a value, which may be missing."""

    scope: str = ""
    expression: str = ""
    pointlist: list[tuple[float | None, float | None]]

    @property
    def last(self) -> tuple[datetime, float] | None:
        """The last point that has a finite value; None where there is none."""
        for at, value in reversed(self.pointlist):
            if at is not None and value is not None and math.isfinite(value):
                return _moment(at / 1000), value
        return None


class Points(Page):
    """What a metric query gives."""

    status: str = "ok"
    error: str | None = None
    series: list[Series]


class _SpanAttributes(Page):
    service: str = ""
    trace_id: str = ""
    start_timestamp: AwareDatetime | None = None


class Span(Page):
    """A span that Datadog kept."""

    attributes: _SpanAttributes


class _Cursor(Page):
    after: str | None = None


class _SpansMeta(Page):
    page: _Cursor = _Cursor()
    status: str = "done"


class Spans(Page):
    """A page of spans, with the cursor of the next."""

    data: list[Span]
    meta: _SpansMeta = _SpansMeta()


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as e:
        raise CouldNotObserve(f"datadog gave a point at {seconds:g} s since 1970, which is no time") from e
