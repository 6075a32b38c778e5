"""PagerDuty's REST API, read: policies, who is on call, how people are reached, services, incidents."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import Field

from tasks.pagerduty_records import Incident, LogEntry, NotificationRule, OnCall, Policy, Service, Urgency
from tasks.vendor_api import Page, VendorApi
from tminus.errors import CouldNotObserve

_ACCEPT = "application/vnd.pagerduty+json;version=2"
_PAGE = 100  # the most that PagerDuty gives at once
_FURTHEST = 10_000  # offset and limit together; PagerDuty refuses more
_PAGES = 100
_SPAN = timedelta(days=90)  # PagerDuty refuses more than six months between `since` and `until`
_AT_ONCE = 4  # requests under way; PagerDuty counts them by the minute

Params = Mapping[str, str | int | list[str]]


class _Listing(Page):
    limit: int = Field(ge=1)
    more: bool


class _Policies(_Listing):
    escalation_policies: list[Policy]


class _OnCalls(_Listing):
    oncalls: list[OnCall]


class _Services(_Listing):
    services: list[Service]


class _Incidents(_Listing):
    incidents: list[Incident]


class _LogEntries(_Listing):
    log_entries: list[LogEntry]


class _NotificationRules(Page):
    notification_rules: list[NotificationRule]


_L = TypeVar("_L", bound=_Listing)
_T = TypeVar("_T")


class PagerDutyReader:
    """Asks PagerDuty's REST API, following its pages; every method raises CouldNotObserve.

    Args:
        api: the environment's `pagerduty`.
    """

    def __init__(self, api: VendorApi) -> None:
        self._api = api
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def policies(self, name: str = "") -> list[Policy]:
        """The escalation policies whose name holds `name`."""
        pages = await self._pages(_Policies, "/escalation_policies", {"query": name} if name else {})
        return [policy for page in pages for policy in page.escalation_policies]

    async def policy(self, name: str) -> Policy | None:
        """The escalation policy of that name; None where there is none."""
        return next((policy for policy in await self.policies(name) if policy.name == name), None)

    async def service(self, name: str) -> Service | None:
        """The service of that name, with its integrations; None where there is none."""
        pages = await self._pages(_Services, "/services", {"query": name, "include[]": ["integrations"]})
        return next((service for page in pages for service in page.services if service.name == name), None)

    async def on_calls(self, policies: Sequence[str], since: datetime, until: datetime) -> list[OnCall]:
        """The shifts of these policies (by id; none: of all) that touch the time between the two."""
        params: Params = {"escalation_policy_ids[]": list(policies), "since": _iso(since), "until": _iso(until)}
        pages = await self._pages(_OnCalls, "/oncalls", params)
        return [shift for page in pages for shift in page.oncalls]

    async def notification_rules(self, user: str) -> list[NotificationRule]:
        """By what a person, by id, is told of an incident, and when: PagerDuty uses nothing else of theirs."""
        path, params = f"/users/{user}/notification_rules", {"include[]": ["contact_methods"]}
        async with self._slots:
            found = await self._api.read(_NotificationRules, path, params=params, headers=await self._headers())
        return found.notification_rules

    async def incidents(
        self, services: Sequence[str], since: datetime, until: datetime, urgency: Urgency | None = None
    ) -> list[Incident]:
        """The incidents of these services (by id) that were created between the two, the newest first."""
        found: dict[str, Incident] = {}
        for begin, end in _spans(since, until):
            window: Params = {"since": _iso(begin), "until": _iso(end)}
            found.update({one.id: one for one in await self._incidents(services, window, urgency)})
        return sorted(found.values(), key=lambda one: one.created_at, reverse=True)

    async def open_incidents(self, services: Sequence[str], urgency: Urgency | None = None) -> list[Incident]:
        """The incidents of these services that nobody resolved, however old."""
        window: Params = {"date_range": "all", "statuses[]": ["triggered", "acknowledged"]}
        return await self._incidents(services, window, urgency)

    async def _incidents(self, services: Sequence[str], window: Params, urgency: Urgency | None) -> list[Incident]:
        params: Params = {"service_ids[]": list(services), "sort_by": "created_at:desc", **window}
        if urgency is not None:
            params = {**params, "urgencies[]": [urgency]}
        pages = await self._pages(_Incidents, "/incidents", params)
        return [incident for page in pages for incident in page.incidents]

    async def acknowledged(self, incident: Incident) -> datetime | None:
        """When a person first acknowledged it; None where nobody did."""
        pages = await self._pages(_LogEntries, f"/incidents/{incident.id}/log_entries", {})
        times = [
            entry.created_at
            for page in pages
            for entry in page.log_entries
            if entry.answered and entry.created_at >= incident.created_at
        ]
        return min(times, default=None)

    async def _pages(self, model: type[_L], path: str, params: Params) -> list[_L]:
        headers, found, offset = await self._headers(), list[_L](), 0
        while offset + _PAGE <= _FURTHEST and len(found) < _PAGES:
            asked: Params = {**params, "limit": _PAGE, "offset": offset}
            async with self._slots:
                page = await self._api.read(model, path, params=asked, headers=headers)
            found.append(page)
            if not page.more:
                return found
            offset += page.limit  # what it gave, which may be less than what was asked for
        raise CouldNotObserve(f"pagerduty {path}: its list did not end within {len(found)} pages; ask for less")

    async def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Token token={await self._api.token()}", "Accept": _ACCEPT}


async def together(*asked: Coroutine[object, object, _T]) -> list[_T]:
    """What each of these comes to, asked side by side; where one fails the others are ended, and its error raised."""
    tasks = [asyncio.create_task(one) for one in asked]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _spans(since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """The time between the two in spans that PagerDuty accepts."""
    found = []
    while since < until:
        end = min(since + _SPAN, until)
        found.append((since, end))
        since = end
    return found
