"""Datadog's API, read: monitors, dashboards, metrics, spans."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import JsonValue

from tasks.datadog_records import Dashboard, Dashboards, Layout, Monitor, Points, Series, Span, Spans
from tasks.vendor_api import VendorApi
from tminus.errors import CouldNotObserve

_PAGE = 100
_PAGES = 100
_SPANS = 1000  # the most that Datadog gives at once
_SPAN_PAGES = 5

Params = Mapping[str, str | int]
_T = TypeVar("_T")


class DatadogReader:
    """Asks Datadog, following its pages; every method raises CouldNotObserve.

    Args:
        api: the environment's `datadog`: its `token` is an API key, its `key` an application key.
    """

    def __init__(self, api: VendorApi) -> None:
        self._api = api

    async def monitors(self) -> list[Monitor]:
        """All monitors."""
        found: list[Monitor] = []
        for number in range(_PAGES):
            params: Params = {"with_downtimes": "true", "page": number, "page_size": _PAGE}
            page = await self._read(list[Monitor], "/api/v1/monitor", params)
            found += page
            if len(page) < _PAGE:
                return found
        raise _endless("monitors", len(found))

    async def dashboards(self) -> list[Dashboard]:
        """All dashboards, without what is on them."""
        found: list[Dashboard] = []
        for number in range(_PAGES):
            params = {"count": _PAGE, "start": number * _PAGE}
            page = (await self._read(Dashboards, "/api/v1/dashboard", params)).dashboards
            found += page
            if len(page) < _PAGE:
                return found
        raise _endless("dashboards", len(found))

    async def widgets(self, dashboard: Dashboard) -> list[str]:
        """What each widget on it says that shows data, those in groups too: its title and its queries."""
        layout = await self._read(Layout, f"/api/v1/dashboard/{dashboard.id}", {})
        return [text for widget in layout.widgets for text in widget.texts()]

    async def series(self, query: str, since: datetime, until: datetime) -> list[Series]:
        """What a metric query gives between the two."""
        window: Params = {"from": int(since.timestamp()), "to": int(until.timestamp()), "query": query}
        points = await self._read(Points, "/api/v1/query", window)
        if points.error or points.status != "ok":
            raise CouldNotObserve(f"datadog refuses the query: {(points.error or points.status)[:300]}")
        return points.series

    async def spans(self, query: str, within: timedelta) -> tuple[list[Span], bool]:
        """The spans that match, the newest first, and whether these are all: at most 5000 are read."""
        found: list[Span] = []
        cursor: str | None = None
        for _ in range(_SPAN_PAGES):
            page = await self._span_page(query, within, cursor)
            found += page.data
            cursor = page.meta.page.after
            if not cursor:
                return found, True
        return found, False

    async def _span_page(self, query: str, within: timedelta, cursor: str | None) -> Spans:
        begin: dict[str, JsonValue] = {"limit": _SPANS}
        attributes: dict[str, JsonValue] = {
            "filter": {"query": query, "from": f"now-{int(within.total_seconds())}s", "to": "now"},
            "sort": "-timestamp",
            "page": {**begin, "cursor": cursor} if cursor else begin,
        }
        path = "/api/v2/spans/events/search"
        body: JsonValue = {"data": {"type": "search_request", "attributes": attributes}}
        reply = await self._api.ask("POST", path, headers=await self._headers(), json=body)
        page = self._api.parse(Spans, reply, path)
        if page.meta.status != "done":
            raise CouldNotObserve("datadog gave up the search for spans half way; ask about less time")
        return page

    async def _read(self, model: type[_T], path: str, params: Params) -> _T:
        return await self._api.read(model, path, params=params, headers=await self._headers())

    async def _headers(self) -> dict[str, str]:
        return {"DD-API-KEY": await self._api.token(), "DD-APPLICATION-KEY": await self._api.key()}


def _endless(what: str, read: int) -> CouldNotObserve:
    return CouldNotObserve(f"datadog's list of {what} did not end after {read}")
