"""What Datadog's API answers with, as much of it as is read."""

import itertools
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints

from tasks.chart_subjects import chart_text
from tasks.vendor_api import Page
from tminus.errors import CouldNotObserve

# What a message mentions is told where it is a mail address or one of the integrations' and teams' handles; another
# word after an @, such as a facet of logs (`@http.status_code`), is told nothing.
# https://docs.datadoghq.com/monitors/notify/#notifications
_ENDS = r"(?!\w|[.:]\w)"
_HANDLE = re.compile(
    r"(?<![\w.+-])@(?:"
    rf"(?:pagerduty|slack|opsgenie|webhook|teams|victorops)(?:-[\w{{]|(?!-){_ENDS})"
    r"|(?:team|sns)-[\w{]"
    rf"|(?:here|all|channel)(?!-){_ENDS}"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r")"
)
# The parts of a message that are left out where it alerts; the one that is never closed reaches to the end.
# https://docs.datadoghq.com/monitors/notify/variables/#conditional-variables
_NO_ALERT = re.compile(
    r"\{\{\s*(?:#\s*(?P<sort>is_(?:\w+_)?recovery|is_no_data|is_warning|is_renotify|is_\w+_to_\w+)|\^\s*(?P<none>is_alert))"
    r"\s*\}\}.*?(?:\{\{\s*/\s*(?:(?P=sort)|(?P=none))\s*\}\}|\Z)",
    re.DOTALL,
)
_SEEING = {"OK", "Warn", "Alert"}  # the states of a monitor that has judged what it watches
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
    draft_status: str | None = None
    overall_state: str | None = None
    options: _MonitorOptions = _MonitorOptions()
    matching_downtimes: tuple[Downtime, ...] = ()

    @property
    def draft(self) -> bool:
        """Whether it was not published yet."""
        return self.draft_status == "draft"

    @property
    def notifies(self) -> bool:
        """Whether it tells anybody when it alerts: `@pagerduty-…`, `@slack-…`, a person. A draft tells nobody."""
        return not self.draft and _HANDLE.search(_NO_ALERT.sub(" ", self.message)) is not None

    @property
    def blind(self) -> bool:
        """Whether it has not judged what it watches: it has no data, is skipped, ignored, or says nothing."""
        return self.overall_state not in _SEEING

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
    title: str | None = None
    requests: JsonValue = None
    widgets: tuple["_Widget", ...] = ()


class _Widget(Page):
    definition: _Definition

    def showing(self) -> int:
        """How many widgets that show data it is or holds."""
        return sum(1 for _ in self.texts())

    def texts(self) -> Iterator[str]:
        """Of each widget that shows data, and that it is or holds, its title and its queries."""
        if self.definition.type in {"group", "powerpack", "split_group"} or self.definition.widgets:
            for widget in self.definition.widgets:
                yield from widget.texts()
        elif self.definition.type not in _NO_DATA:
            yield chart_text(self.definition.title or "", self.definition.requests)


class Layout(Page):
    """What is on a dashboard."""

    widgets: list[_Widget]


class Series(Page):
    """One series: of each bucket when it began, in milliseconds since 1970, and a value, which may be missing.

    Attributes:
        interval: how long a bucket is, in seconds; where it is not said, as long as the two that are closest.
    """

    scope: str = ""
    expression: str = ""
    interval: float | None = Field(default=None, gt=0, le=366 * 86400)
    pointlist: list[tuple[float | None, float | None]]

    def whole(self, until: datetime) -> list[tuple[datetime, float]]:
        """The buckets that ended by then and have a finite value, oldest first: one that fills has a part only."""
        begun = sorted(
            (at / 1000, value)
            for at, value in self.pointlist
            if at is not None and value is not None and math.isfinite(value)
        )
        length, end = self._length(), until.timestamp()
        moments = [(_moment(at), value) for at, value in begun]
        return [(at, value) for at, value in moments if at.timestamp() + length <= end]

    def _length(self) -> float:
        if self.interval is not None:
            return self.interval
        begun = sorted({at / 1000 for at, _ in self.pointlist if at is not None})
        return min((after - before for before, after in itertools.pairwise(begun)), default=0)


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
