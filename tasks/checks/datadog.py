"""Datadog: whether it gets traces, whether its monitors would tell anybody, dashboards, and a metric's number."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

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
    the newest began. `services` are those that the newest traces (20 at most) went through, the service itself counted.

    Attributes:
        service: its name in Datadog.
        env: the environment tag.
        within: how far back is searched.
    """

    kind: Literal["datadog.apm"] = "datadog.apm"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"spans": "", "services": "", "newest": "min"}

    service: _Tag
    env: _Tag
    within: Duration = timedelta(hours=1)

    async def look(self, estate: Estate) -> Observation:
        """Searches the service's spans, then those of its newest traces."""
        reader, place = DatadogReader(estate.api("datadog")), f"datadog {self.service} in {self.env}"
        spans, all_of_them = await reader.spans(f"service:{self.service} env:{self.env}", self.within)
        begun = [one.attributes.start_timestamp for one in spans if one.attributes.start_timestamp is not None]
        services = await self._services(reader, spans)
        found = [Measurement.number("spans", len(spans)), Measurement.number("services", len(services))]
        if begun:
            found.append(Measurement.number("newest", (now() - max(begun)).total_seconds() / 60, "min"))
        more = "" if all_of_them else " or more"
        return Observation(
            found=tuple(found),
            where=place,
            because=f"{len(spans)}{more} spans within {show_duration(self.within)}",
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

    `notifying` are those whose message names somebody (`@pagerduty-…`, `@slack-…`). `muted` are those that a downtime
    keeps silent now, be it for some groups only; `blind` those that say No Data; `alerting` those that alert now. Where
    one of the monitors is not there, these three are not measured: nothing is known of it. Several monitors of one
    name count as one, and as the worst of them.

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
        blind, alerting = _in_state(present, "No Data"), _in_state(present, "Alert")
        found = [
            Measurement.number("present", len(present), of=len(named)),
            Measurement.number("notifying", len(present) - len(silent), of=len(named)),
        ]
        if len(present) == len(named):
            counted = {"muted": muted, "blind": blind, "alerting": alerting}
            found += [Measurement.number(name, len(some)) for name, some in counted.items()]
        troubles = [
            *(f"{name}: not there" for name, some in named.items() if not some),
            *(f"{name}: its message names nobody" for name in silent),
            *(f"{name}: muted" for name in muted),
            *(f"{name}: no data" for name in blind),
            *(f"{name}: alerts" for name in alerting),
        ]
        return Observation(
            found=tuple(found),
            where="datadog monitors",
            because="; ".join(troubles[:3]),
            details=tuple(troubles[:_SHOWN]),
        )


def _in_state(present: Mapping[str, Sequence[Monitor]], state: str) -> list[str]:
    return [name for name, some in present.items() if any(one.overall_state == state for one in some)]


class Dashboard(Check, frozen=True):
    """Whether a dashboard is there, with something on it.

    `widgets` counts those that show data, also within groups; notes, pictures and headings do not count. Of several
    dashboards of that title the fullest counts.

    Attributes:
        title: the dashboard's title in Datadog.
    """

    kind: Literal["datadog.dashboard"] = "datadog.dashboard"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"present": "word", "widgets": ""}

    title: str

    async def look(self, estate: Estate) -> Observation:
        """Reads the list of dashboards, then the one."""
        reader = DatadogReader(estate.api("datadog"))
        named = [one for one in await reader.dashboards() if one.title == self.title][:_SHOWN]
        widgets = max([await reader.widgets(one) for one in named], default=0)
        return Observation(
            found=(
                Measurement(name="present", word="yes" if named else "no"),
                Measurement.number("widgets", widgets),
            ),
            where=f"datadog dashboard {self.title}",
            because=f"{widgets} widgets show data" if named else f"Datadog has no dashboard called {self.title!r}",
        )


class Metric(Check, frozen=True):
    """Asks Datadog one metric query, and judges the last point of it.

    The number has no unit of its own, so the name under which it is expected says what the query gives: `value` a
    plain number, `ratio` a share of 1 (judged in %), `seconds`, `milliseconds`, `percent` or `bytes`. No series, or
    none with a point within the time, makes the outcome unknown: a metric that nobody sends is not a good one.

    Attributes:
        query: a query in Datadog's language (`avg:trace.http.request.errors{service:api}.as_rate()`).
        take: which of several series is judged; `only` wants exactly one.
        within: how far back the last point may lie.
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
    within: Duration = timedelta(minutes=15)

    async def look(self, estate: Estate) -> Observation:
        """One query."""
        at = now()
        series = await DatadogReader(estate.api("datadog")).series(self.query, at - self.within, at)
        values = [Decimal(repr(last[1])) for one in series if (last := one.last)]
        span = show_duration(self.within)
        if not series:
            raise CouldNotObserve(f"datadog: nobody sends a series for the query within {span}")
        if len(values) < len(series):
            empty = len(series) - len(values)
            raise CouldNotObserve(f"datadog: {empty} of {len(series)} series have no point within {span}")
        value = self._taken(values)
        names = [name for name in self.expect if name != "series"]
        found = [Measurement.number(name, value * _TIMES.get(name, 1), self.measures[name]) for name in names]
        return Observation(
            found=(*found, Measurement.number("series", len(series))),
            where="datadog",
            details=tuple(_said(one) for one in series[:_SHOWN]),
        )

    def _taken(self, values: Sequence[Decimal]) -> Decimal:
        if self.take == "only" and len(values) > 1:
            raise CouldNotObserve(f"the query gives {len(values)} series; say `take: max`, `min` or `sum`")
        if self.take == "sum":
            return sum(values, start=Decimal(0))
        return min(values) if self.take == "min" else max(values)


def _said(series: Series) -> str:
    last = series.last
    return f"{series.scope[:120]} {last[1]:g} at {last[0]:%H:%M:%S} UTC" if last else series.scope[:120]
