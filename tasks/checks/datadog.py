"""Datadog: whether it gets traces, whether its monitors would tell anybody, dashboards, and a metric's number."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tasks.artifact_patterns import Pattern
from tasks.chart_subjects import expect_one_each, unmatched
from tasks.check import Check
from tasks.datadog_reading import DatadogReader
from tasks.datadog_records import Monitor, Series, Span
from tasks.estate import Estate
from tminus.clock import Duration, now, show_duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # lines of details
_TRACES = 20  # of which the services are counted
_TRACE_ID = re.compile(r"^[0-9A-Za-z]{1,40}$")
# What may stand in a search without quoting, which is all that Datadog keeps of a tag.
_Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_:./-]*$")]
_TIMES = {"ratio": 100}  # a share of 1, in the unit it is judged in


class Apm(Check, frozen=True):
    """Whether Datadog gets traces of a service.

    `spans` counts those it kept of the service and environment within the time, up to 5000. `newest` is how long ago
    the newest began. `services` are those that the newest traces (20 at most) went through, the service itself counted;
    `through` are those of the named ones that are among them.

    Attributes:
        service: its name in Datadog.
        env: the environment tag.
        through: services that the traces should go on through, by their names in Datadog (`postgres`).
        within: how far back is searched.
    """

    kind: Literal["datadog.apm"] = "datadog.apm"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"spans": "", "services": "", "through": "", "newest": "min"}

    service: _Tag
    env: _Tag
    through: tuple[_Tag, ...] = ()
    within: Duration = timedelta(hours=1)

    @model_validator(mode="after")
    def _named(self) -> Self:
        if "through" in self.expect and not self.through:
            raise ValueError("`through` is expected, so name the services that the traces should go on through")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Searches the service's spans, then those of its newest traces."""
        reader, place = DatadogReader(estate.api("datadog")), f"datadog {self.service} in {self.env}"
        spans, all_of_them = await reader.spans(f"service:{self.service} env:{self.env}", self.within)
        begun = [one.attributes.start_timestamp for one in spans if one.attributes.start_timestamp is not None]
        services = await self._services(reader, spans)
        wanted = dict.fromkeys(self.through)
        missing = [one for one in wanted if one not in services]
        found = [Measurement.number("spans", len(spans)), Measurement.number("services", len(services))]
        found.append(Measurement.number("through", len(wanted) - len(missing), of=len(wanted)))
        if begun:
            found.append(Measurement.number("newest", (now() - max(begun)).total_seconds() / 60, "min"))
        more = "" if all_of_them else " or more"
        return Observation(
            found=tuple(found),
            where=place,
            because="; ".join(
                [
                    f"{len(spans)}{more} spans within {show_duration(self.within)}",
                    *([f"no trace goes through {', '.join(missing)[:200]}"] if missing else []),
                ]
            ),
            details=tuple(sorted(services))[:_SHOWN],
        )

    async def _services(self, reader: DatadogReader, spans: Sequence[Span]) -> set[str]:
        ids = (one.attributes.trace_id for one in spans)
        traces = list(dict.fromkeys(one for one in ids if _TRACE_ID.match(one)))[:_TRACES]
        if not traces:
            return set()
        whole, _ = await reader.spans(f"trace_id:({' OR '.join(traces)})", self.within)
        return {one.attributes.service[:80] for one in whole if one.attributes.service}


class Monitors(Check, frozen=True):
    """Whether monitors are there, would tell somebody, and have data.

    `notifying` are those whose message names somebody to tell when they alert: a mail address, or a handle of
    PagerDuty, Slack, Opsgenie, Teams, VictorOps, Amazon SNS, a webhook, a team, or `@here`, `@all`, `@channel`. What
    stands in a block for a recovery, a warning, missing data or a repetition alone does not count, and neither does a
    draft. `muted` are those that a downtime keeps silent now, be it for some groups only; `blind` those whose state is
    neither OK nor Warn nor Alert, such as No Data; `alerting` those that alert now. Where one of the monitors is not
    there, these three are not measured: nothing is known of it. Several monitors of one name count as one, and as the
    worst of them.

    Attributes:
        monitors: their names in Datadog.
    """

    kind: Literal["datadog.monitors"] = "datadog.monitors"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "present": "",
        "notifying": "",
        "muted": "",
        "blind": "",
        "alerting": "",
    }

    monitors: tuple[str, ...] = Field(min_length=1)

    async def look(self, estate: Estate) -> Observation:
        """Reads the list of monitors."""
        at, there = now(), await DatadogReader(estate.api("datadog")).monitors()
        named = {name: [one for one in there if one.name == name] for name in dict.fromkeys(self.monitors)}
        present = {name: some for name, some in named.items() if some}
        silent = [name for name, some in present.items() if not all(one.notifies for one in some)]
        muted = [name for name, some in present.items() if any(one.muted(at) for one in some)]
        blind = [name for name, some in present.items() if any(one.blind for one in some)]
        alerting = [name for name, some in present.items() if any(one.overall_state == "Alert" for one in some)]
        found = [
            Measurement.number("present", len(present), of=len(named)),
            Measurement.number("notifying", len(present) - len(silent), of=len(named)),
        ]
        if len(present) == len(named):
            counted = {"muted": muted, "blind": blind, "alerting": alerting}
            found += [Measurement.number(name, len(some)) for name, some in counted.items()]
        troubles = [
            *(f"{name}: not there" for name, some in named.items() if not some),
            *(f"{name}: {_silence(present[name])}" for name in silent),
            *(f"{name}: muted" for name in muted),
            *(f"{name}: {_blindness(present[name])}" for name in blind),
            *(f"{name}: alerts" for name in alerting),
        ]
        return Observation(
            found=tuple(found),
            where="datadog monitors",
            because="; ".join(troubles[:3]),
            details=tuple(troubles[:_SHOWN]),
        )


def _silence(some: Sequence[Monitor]) -> str:
    return "it is a draft" if any(one.draft for one in some) else "it names nobody to tell when it alerts"


def _blindness(some: Sequence[Monitor]) -> str:
    states = {one.overall_state or "not said" for one in some if one.blind}
    return f"its state is {min(states)[:40]}"


class Dashboard(Check, frozen=True):
    """Whether a dashboard is there, with something on it.

    `widgets` counts those that show data, also within groups; notes, pictures and headings do not count. Of several
    dashboards of that title the fullest counts. `unmatched` are those of `about` that find no such widget of their own,
    by its title and its queries; that none is unmatched is expected wherever `about` is given, also where the book does
    not say so.

    Attributes:
        title: the dashboard's title in Datadog.
        about: regular expressions, a widget for each; upper and lower case are the same.
    """

    kind: Literal["datadog.dashboard"] = "datadog.dashboard"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"present": "word", "widgets": "", "unmatched": ""}

    title: str
    about: tuple[Pattern, ...] = ()

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        expect_one_each(self.expect, self.about, "widgets")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Reads the list of dashboards, then the one."""
        reader = DatadogReader(estate.api("datadog"))
        named = [one for one in await reader.dashboards() if one.title == self.title][:_SHOWN]
        widgets = max([await reader.widgets(one) for one in named], key=len, default=[])
        lacking = await asyncio.to_thread(unmatched, self.about, widgets, f"dashboard {self.title}")
        there = [f"{len(widgets)} widgets show data", *(f"none is about {one!r}" for one in lacking)]
        return Observation(
            found=(
                Measurement(name="present", word="yes" if named else "no"),
                Measurement.number("widgets", len(widgets)),
                *([Measurement.number("unmatched", len(lacking), of=len(self.about))] if self.about else []),
            ),
            where=f"datadog dashboard {self.title}",
            because="; ".join(there[:3]) if named else f"Datadog has no dashboard called {self.title!r}",
        )


class Metric(Check, frozen=True):
    """Asks Datadog one metric query, and judges the last whole bucket of it, or the mean or the most of all.

    The number has no unit of its own, so the name under which it is expected says what the query gives: `value` a
    plain number, `ratio` a share of 1 (judged in %), `seconds`, `milliseconds`, `percent` or `bytes`; what Datadog
    traces takes (`trace.…`) is in seconds. The bucket that is still filling does not count, since it holds only a part.
    No series, or one without a whole bucket within the time, makes the outcome unknown: a metric that nobody sends is
    not a good one.

    Attributes:
        query: a query in Datadog's language (`avg:trace.http.request.errors{service:api}.as_rate()`).
        take: which of several series is judged; `only` wants exactly one.
        over: of each series the `last` whole bucket within the time, or the `mean` or the `max` of all of them.
        within: how far back the buckets may lie.
    """

    kind: Literal["datadog.metric"] = "datadog.metric"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "value": "",
        "seconds": "s",
        "milliseconds": "ms",
        "ratio": "%",
        "percent": "%",
        "bytes": "B",
        "series": "",
    }

    query: str
    take: Literal["only", "max", "min", "sum"] = "only"
    over: Literal["last", "mean", "max"] = "last"
    within: Duration = timedelta(minutes=15)

    async def look(self, estate: Estate) -> Observation:
        """One query."""
        at = now()
        series = await DatadogReader(estate.api("datadog")).series(self.query, at - self.within, at)
        buckets = [whole for one in series if (whole := one.whole(at))]
        values = [self._over([Decimal(repr(value)) for _, value in whole]) for whole in buckets]
        span = show_duration(self.within)
        if not series:
            raise CouldNotObserve(f"datadog: nobody sends a series for the query within {span}")
        if len(values) < len(series):
            empty = len(series) - len(values)
            raise CouldNotObserve(f"datadog: {empty} of {len(series)} series have no whole bucket within {span}")
        value = self._taken(values)
        names = [name for name in self.expect if name != "series"]
        found = [Measurement.number(name, value * _TIMES.get(name, 1), self.measures[name]) for name in names]
        return Observation(
            found=(*found, Measurement.number("series", len(series))),
            where="datadog",
            details=tuple(_said(one, whole) for one, whole in zip(series, buckets, strict=True))[:_SHOWN],
        )

    def _over(self, values: Sequence[Decimal]) -> Decimal:
        if self.over == "mean":
            return sum(values, start=Decimal(0)) / len(values)
        return max(values) if self.over == "max" else values[-1]

    def _taken(self, values: Sequence[Decimal]) -> Decimal:
        if self.take == "only" and len(values) > 1:
            raise CouldNotObserve(f"the query gives {len(values)} series; say `take: max`, `min` or `sum`")
        if self.take == "sum":
            return sum(values, start=Decimal(0))
        return min(values) if self.take == "min" else max(values)


def _said(series: Series, whole: Sequence[tuple[datetime, float]]) -> str:
    begun, value = whole[-1]
    return f"{series.scope[:120]} {value:g} from {begun:%H:%M:%S} UTC on"
