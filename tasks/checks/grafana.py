"""Grafana itself, one dashboard with its data sources, and what a team may see."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from tasks.artifact_patterns import Pattern
from tasks.chart_subjects import chart_text, expect_one_each, unmatched
from tasks.check import Check
from tasks.estate import Estate
from tasks.grafana_access import GrafanaAccess, Kind, allowed
from tasks.grafana_dashboard import Dashboard, Panel
from tminus.credentials import resolve
from tminus.environment import Impact
from tminus.errors import NotConfigured
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # lines of details
_DEFAULT = "default"
_INSIDE = {
    "grafana",
    "-- Grafana --",
    "__expr__",
    "-- Mixed --",
}  # part of Grafana itself, without a health of their own


async def _opened(estate: Estate) -> GrafanaAccess:
    section = estate.environment.grafana
    if section is None:
        raise NotConfigured("the environment names no grafana; add its url and token")
    token = await asyncio.to_thread(resolve, section.token)
    return GrafanaAccess(estate.clients.trusting(section.ca_file), section.url, token)


class OneDashboard(Check, frozen=True):
    """Whether a dashboard is there, how many of its panels ask for data, and whether their data sources are well.

    `panels` leaves out rows, text and what shows another panel's data. `datasources` counts those whose health Grafana
    itself reports as OK, of all that the panels ask, with template variables as they are when the dashboard is opened;
    one that is gone, or of a kind that has no health to report, is counted as not well. `unmatched` are those of
    `about` that find no panel of their own, by its title and its visible queries; that none is unmatched is expected
    wherever `about` is given, also where the book does not say so.

    Attributes:
        uid: ends its address: /d/UID.
        about: regular expressions, a panel for each; upper and lower case are the same.
    """

    kind: Literal["grafana.dashboard"] = "grafana.dashboard"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"present": "word", "panels": "", "datasources": "", "unmatched": ""}

    uid: str = Field(min_length=1)
    about: tuple[Pattern, ...] = ()

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        expect_one_each(self.expect, self.about, "panels")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Reads it, and asks for the health of its data sources."""
        grafana = await _opened(estate)
        dashboard = await grafana.dashboard(self.uid)
        sources = sorted(_sources(dashboard)) if dashboard else []
        if _DEFAULT in sources:
            named = await grafana.default_source() or _DEFAULT
            sources = sorted({named if uid == _DEFAULT else uid for uid in sources})
        said = await asyncio.gather(*(grafana.source_trouble(uid) for uid in sources))
        faults = [f"data source {uid}: {trouble}" for uid, trouble in zip(sources, said, strict=True) if trouble]
        if dashboard is None:
            faults = [f"there is no dashboard {self.uid}"]
        charts = [_said(dashboard, panel) for panel in dashboard.asking()] if dashboard else []
        lacking = await asyncio.to_thread(unmatched, self.about, charts, f"dashboard {self.uid}")
        faults += [f"no panel of its own is about {pattern!r}" for pattern in lacking]
        return Observation(
            found=(
                Measurement(name="present", word="yes" if dashboard else "no"),
                Measurement.number("panels", len(dashboard.asking()) if dashboard else 0),
                Measurement.number("datasources", sum(not trouble for trouble in said), of=len(sources)),
                *([Measurement.number("unmatched", len(lacking), of=len(self.about))] if self.about else []),
            ),
            where=grafana.where,
            details=tuple(faults[:_SHOWN]),
            because=faults[0] if faults else "",
        )


def _said(dashboard: Dashboard, panel: Panel) -> str:
    """A panel's title and what it asks, without what nobody sees and without where it is asked."""
    shown = {target.ref_id for target in panel.targets if not target.hide}
    asked = [query for query in dashboard.queries(panel) if query["refId"] in shown]
    return chart_text(panel.title, [{**query, "datasource": None} for query in asked])


def _sources(dashboard: Dashboard) -> set[str]:
    """The data sources' uids; `_DEFAULT` for a query that names none."""
    asked = [query["datasource"] for panel in dashboard.asking() for query in dashboard.queries(panel)]
    uids = {str(source.get("uid") or _DEFAULT) for source in asked if isinstance(source, dict)}
    return uids - _INSIDE


class Access(Check, frozen=True):
    """How many people are in a team, and what they may do with a dashboard or a folder.

    `permission` is `view`, `edit` or `none`: the most that is given to the team, or to everybody who may view. Who may
    administer may edit. A team that is not there has no members and no permission.

    Attributes:
        team: its name.
        dashboard: a dashboard's uid; either this or `folder`.
        folder: a folder's uid.
    """

    kind: Literal["grafana.access"] = "grafana.access"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"members": "", "permission": "word"}

    team: str = Field(min_length=1)
    dashboard: str = ""
    folder: str = ""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.dashboard) == bool(self.folder):
            raise ValueError("say either `dashboard` or `folder`: its uid")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Reads the team, and who may do what."""
        grafana = await _opened(estate)
        kind: Kind = "dashboard" if self.dashboard else "folder"
        uid = self.dashboard or self.folder
        team = await grafana.team(self.team)
        permissions = await grafana.permissions(kind, uid)
        faults = [] if team else [f"there is no team {self.team}"]
        faults += [] if permissions is not None else [f"there is no {kind} {uid}"]
        return Observation(
            found=(
                Measurement.number("members", team.members if team else 0),
                Measurement(name="permission", word=allowed(team.id, permissions or ()) if team else "none"),
            ),
            where=grafana.where,
            details=tuple(faults),
            because=faults[0] if faults else f"team {self.team}",
        )


class Health(Check, frozen=True):
    """Whether Grafana's own database works (`ok`), and which version answers."""

    kind: Literal["grafana.health"] = "grafana.health"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"database": "word", "version": "word"}

    async def look(self, estate: Estate) -> Observation:
        """Asks it."""
        grafana = await _opened(estate)
        said = await grafana.health()
        return Observation(
            found=(
                Measurement(name="database", word=said.database[:_SHOWN]),
                Measurement(name="version", word=said.version[:_SHOWN] or "hidden"),
            ),
            where=grafana.where,
        )
