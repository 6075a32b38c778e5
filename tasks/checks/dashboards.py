"""Dashboards: do those that on-call will look at exist, and do their queries return fresh points?"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field

from tasks.check import Check
from tasks.estate import Estate
from tasks.grafana import Grafana, Query
from tasks.grafana_dashboard import Dashboard, Panel
from tminus.clock import Duration, now, show_duration
from tminus.credentials import resolve
from tminus.environment import Impact
from tminus.errors import NotConfigured
from tminus.expectation import Measurement
from tminus.outcome import Observation

_LOOK_BACK = timedelta(minutes=5)  # at least this far, so that a panel that fell silent lately says when
_AT_ONCE = 4  # requests: a look must not be what makes Grafana or its data sources slow
_SHOWN = 10  # silent queries named in the evidence


class Ready(Check, frozen=True):
    """How many of the dashboards exist, and how many of their queries return a recent point.

    A dashboard that asks nothing (it was emptied, say) counts as one query without any point.

    Every visible query of every panel is sent as Grafana itself would send it, also of panels in folded
    rows, with template variables as they are selected when the dashboard is opened. `oldest_point` is the
    age of the newest point of the query that is worst off; one without any point counts from 1970.
    Prometheus repeats a sample for up to 5 minutes after the last scrape, so a target that just went down
    shows later here than in Prometheus' own `up`.

    Attributes:
        dashboards: their uids, which end their addresses: /d/UID.
        recent: how old a query's newest point may be.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"present": "", "answering": "", "oldest_point": "s"}

    kind: Literal["dashboards.ready"] = "dashboards.ready"
    dashboards: tuple[str, ...] = Field(min_length=1)
    recent: Duration

    async def look(self, estate: Estate) -> Observation:
        """Fetches the dashboards and asks their queries; raises CouldNotObserve where Grafana does not let us."""
        section = estate.environment.grafana
        if section is None:
            raise NotConfigured("the environment names no grafana; add its url and token")
        token = await asyncio.to_thread(resolve, section.token)
        grafana = Grafana(estate.clients.trusting(section.ca_file), section.url, token)
        turn = asyncio.Semaphore(_AT_ONCE)

        async def fetch(uid: str) -> Dashboard | None:
            async with turn:
                return await grafana.dashboard(uid)

        async def ask(dashboard: Dashboard, panel: Panel) -> list[Query]:
            async with turn:
                return await grafana.ask(dashboard, panel, since, at)

        fetched = await asyncio.gather(*(fetch(uid) for uid in self.dashboards))
        present = [dashboard for dashboard in fetched if dashboard is not None]
        at = now()
        since = at - max(self.recent * 5, _LOOK_BACK)
        asking = [(dashboard, panel) for dashboard in present for panel in dashboard.asking()]
        answers = await asyncio.gather(*(ask(dashboard, panel) for dashboard, panel in asking))
        queries = [query for answer in answers for query in answer]
        emptied = [dashboard.uid for dashboard in present if not dashboard.asking()]
        queries += [Query(f"{uid}, which asks nothing", newest=0, failed=False) for uid in emptied]
        silent = [query for query in queries if query.failed or _age(query, at) > self.recent]
        faults = [
            f"dashboard {uid} does not exist" for uid, found in zip(self.dashboards, fetched, strict=True) if not found
        ]
        faults += [_fault(query, at) for query in silent]
        oldest = max((_age(query, at) for query in queries), default=timedelta(seconds=at.timestamp()))
        return Observation(
            found=(
                Measurement.number("present", len(present), of=len(self.dashboards)),
                Measurement.number("answering", len(queries) - len(silent), of=len(queries)),
                Measurement.number("oldest_point", round(oldest.total_seconds(), 3), "s"),
            ),
            where=section.url,
            details=tuple(faults[:_SHOWN]),
            because=faults[0] if faults else "",
        )


def _age(query: Query, at: datetime) -> timedelta:
    """How old its newest point is; a point ahead of our clock is new."""
    return timedelta(seconds=max(0.0, at.timestamp() - query.newest))


def _fault(query: Query, at: datetime) -> str:
    if query.failed:
        return f"{query.where}: an error"
    if not query.newest:
        return f"{query.where}: no point"
    return f"{query.where}: newest point {show_duration(timedelta(seconds=round(_age(query, at).total_seconds())))} old"
