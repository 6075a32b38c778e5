"""Sentry: whether a project gets errors, how many are open, and whether anybody would be told of new ones."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import AwareDatetime, Field, StringConstraints

from tasks.check import Check
from tasks.estate import Estate
from tasks.vendor_api import Page, Reply, VendorApi
from tminus.clock import now
from tminus.environment import Impact
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.expectation import Measurement
from tminus.outcome import Observation

_PAGES = 50  # of 100
# docs.sentry.io/api/pagination: the next page's cursor stands in the Link header, and whether there is anything on it.
_NEXT = re.compile(r'<[^>]*>;[^,<]*\brel="next"[^,<]*')
_HAS = re.compile(r'\bresults="true"')
_CURSOR = re.compile(r'\bcursor="([0-9A-Za-z:_-]{1,100})"')
_Slug = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
Params = Mapping[str, str | int | list[str]]
_T = TypeVar("_T")


class _Project(Page):
    id: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
    firstEvent: AwareDatetime | None = None  # noqa: N815 - Sentry's name


class _Key(Page):
    isActive: bool  # noqa: N815 - Sentry's name


class _Totals(Page):
    quantity: int = Field(alias="sum(quantity)", ge=0)


class _Group(Page):
    totals: _Totals


class _Stats(Page):
    groups: list[_Group]


class _Event(Page):
    dateCreated: AwareDatetime  # noqa: N815 - Sentry's name


class _Issue(Page):
    level: str = ""


class _Action(Page):
    status: str = "active"


class _Filter(Page):
    actions: tuple[_Action, ...] = ()


class _Alert(Page):
    enabled: bool
    actionFilters: tuple[_Filter, ...] = ()  # noqa: N815 - Sentry's name

    @property
    def tells(self) -> bool:
        """Whether it is on and does something when it fires."""
        actions = (action for some in self.actionFilters for action in some.actions)
        return self.enabled and any(action.status == "active" for action in actions)


class Project(Check, frozen=True):
    """Whether a project gets errors, how many are open, and whether anybody would be told of new ones.

    `receiving` is yes where the project once got an event and has an active client key, without which it gets none.
    `events` are the errors that Sentry accepted within 24 hours; `newest` is how long ago the newest event of any kind
    came. `unresolved` counts its issues of level error or fatal that nobody resolved or archived, up to 5000. `alerts`
    counts the project's alerts that are on and do something when they fire. What is not expected is not asked for, so
    the token needs no more rights than that: project:read, event:read and, for alerts, alerts:read.

    Attributes:
        project: its slug; the organisation's is the environment's `sentry` section's `account`.
    """

    kind: Literal["sentry.project"] = "sentry.project"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "receiving": "word",
        "events": "",
        "unresolved": "",
        "alerts": "",
        "newest": "h",
    }

    project: _Slug

    async def look(self, estate: Estate) -> Observation:
        """Reads the project, then what is expected of it."""
        sentry, place = _Sentry(estate.api("sentry"), self.project), f"sentry project {self.project}"
        project = await sentry.project()
        if project is None:
            return Observation(
                found=(
                    Measurement(name="receiving", word="no"),
                    *(Measurement.number(name, 0) for name in ("events", "alerts")),
                ),
                where=place,
                because=f"Sentry has no project {self.project!r} in this organisation",
            )
        found = []
        if "receiving" in self.expect:
            active = project.firstEvent is not None and await sentry.active_keys() > 0
            found.append(Measurement(name="receiving", word="yes" if active else "no"))
        if "events" in self.expect:
            found.append(Measurement.number("events", await sentry.accepted(project.id)))
        if "unresolved" in self.expect:
            found.append(Measurement.number("unresolved", await sentry.unresolved()))
        if "alerts" in self.expect:
            found.append(Measurement.number("alerts", await sentry.alerts(project.id)))
        if "newest" in self.expect and (newest := await sentry.newest()) is not None:
            found.append(Measurement.number("newest", (now() - newest).total_seconds() / 3600, "h"))
        first = f"first event {project.firstEvent:%Y-%m-%d}" if project.firstEvent else "never had an event"
        return Observation(found=tuple(found), where=place, because=first, details=(first,))


class _Sentry:
    """One project, asked through Sentry's API; every method raises CouldNotObserve."""

    def __init__(self, api: VendorApi, project: str) -> None:
        if not re.match(r"^[A-Za-z0-9_-]{1,100}$", api.section.account):
            raise NotConfigured("sentry has no account in the environment file; give the organisation's slug")
        self._api = api
        self._project = f"/api/0/projects/{api.section.account}/{project}"
        self._organisation = f"/api/0/organizations/{api.section.account}"

    async def project(self) -> _Project | None:
        """The project; None where there is none."""
        reply = await self._ask(f"{self._project}/", {})
        return None if reply.absent else self._api.parse(_Project, reply, self._project)

    async def active_keys(self) -> int:
        """How many client keys would be accepted."""
        return sum(key.isActive for key in await self._all(list[_Key], f"{self._project}/keys/", {}))

    async def accepted(self, project: str) -> int:
        """The errors accepted within 24 hours."""
        path = f"{self._organisation}/stats_v2/"
        params: Params = {
            "field": "sum(quantity)",
            "groupBy": ["outcome"],
            "category": "error",
            "outcome": "accepted",
            "project": [project],
            "statsPeriod": "24h",
            "interval": "1h",
        }
        stats = self._api.parse(_Stats, await self._found(path, params), path)
        return sum(group.totals.quantity for group in stats.groups)

    async def unresolved(self) -> int:
        """The open issues of level error or fatal."""
        params: Params = {"query": "is:unresolved level:[error,fatal]", "limit": 100}
        return len(await self._all(list[_Issue], f"{self._project}/issues/", params))

    async def alerts(self, project: str) -> int:
        """The alerts of the project that would tell somebody."""
        alerts = await self._all(list[_Alert], f"{self._organisation}/workflows/", {"project": [project]})
        return sum(alert.tells for alert in alerts)

    async def newest(self) -> "AwareDatetime | None":
        """When the newest event came; None where none is kept."""
        path = f"{self._project}/events/"
        events = self._api.parse(list[_Event], await self._found(path, {}), path)
        return max((event.dateCreated for event in events), default=None)

    async def _all(self, model: type[list[_T]], path: str, params: Params) -> list[_T]:
        found: list[_T] = []
        for _ in range(_PAGES):
            reply = await self._found(path, params)
            found += self._api.parse(model, reply, path)
            cursor = next_cursor(reply.headers.get("link", ""))
            if cursor is None:
                return found
            params = {**params, "cursor": cursor}
        raise CouldNotObserve(f"sentry {path}: its list did not end after {len(found)} entries")

    async def _found(self, path: str, params: Params) -> Reply:
        reply = await self._ask(path, params)
        if reply.status == HTTPStatus.NOT_FOUND:
            raise CouldNotObserve(f"sentry {path}: status 404; this Sentry does not have it")
        return reply

    async def _ask(self, path: str, params: Params) -> Reply:
        return await self._api.ask("GET", path, params=params, headers=await self._api.bearer())


def next_cursor(link: str) -> str | None:
    """The cursor of the next page by a Link header; None where there is nothing more."""
    link = next(iter(_NEXT.findall(link)), "")
    cursor = _CURSOR.search(link)
    return cursor.group(1) if cursor and _HAS.search(link) else None
