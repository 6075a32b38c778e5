"""A FAKE of Sentry's API, as much of it as is read of one project. Its pages are short, so they must be followed."""

import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

JsonObject = dict[str, JsonValue]
PAGE = 2
PROJECT_ID = "4505278496"


class SentryFake:
    """One project of one organisation behind a token.

    Attributes:
        slug: the project's.
        first_event: how long ago the first event came; None where none ever did.
        keys: of each client key, whether it is active.
        accepted, dropped: the errors of the last 24 hours.
        newest: how long ago the newest event came; None where none is kept.
        issues: of each issue its status and level.
        alerts: of each alert, whether it is on and whether it does something.
    """

    def __init__(self, token: str, organisation: str, slug: str) -> None:
        self._token = token
        self._organisation = organisation
        self.slug = slug
        self.first_event: timedelta | None = timedelta(days=200)
        self.keys: list[bool] = [True]
        self.accepted = 0
        self.dropped = 0
        self.newest: timedelta | None = timedelta(hours=1)
        self.issues: list[tuple[str, str]] = []
        self.alerts: list[tuple[bool, bool]] = []

    def app(self) -> Starlette:
        """The web application."""
        project, organisation = "/api/0/projects/{org}/{slug}/", "/api/0/organizations/{org}/"
        return Starlette(
            routes=[
                self._route(project, self._project),
                self._route(f"{project}keys/", self._keys),
                self._route(f"{project}issues/", self._issues),
                self._route(f"{project}events/", self._events),
                self._route(f"{organisation}stats_v2/", self._stats),
                self._route(f"{organisation}workflows/", self._workflows),
            ]
        )

    def _route(self, path: str, answer: Callable[[Request], Response]) -> Route:
        def endpoint(request: Request) -> Response:
            if not hmac.compare_digest(request.headers.get("authorization", ""), f"Bearer {self._token}"):
                return JSONResponse({"detail": "Invalid token"}, status_code=401)
            here = request.path_params
            if here["org"] != self._organisation or here.get("slug", self.slug) != self.slug:
                return JSONResponse({"detail": "The requested resource does not exist"}, status_code=404)
            return answer(request)

        return Route(path, endpoint)

    def _project(self, _request: Request) -> Response:
        first = _ago(self.first_event)
        return JSONResponse({"id": PROJECT_ID, "slug": self.slug, "status": "active", "firstEvent": first})

    def _keys(self, request: Request) -> Response:
        return _page(request, [{"id": str(n), "isActive": active} for n, active in enumerate(self.keys)])

    def _issues(self, request: Request) -> Response:
        wanted = request.query_params.get("query", "")
        levels = wanted.partition("level:[")[2].partition("]")[0].split(",")
        shown: list[JsonObject] = [
            {"id": str(n), "status": status, "level": level}
            for n, (status, level) in enumerate(self.issues)
            if ("is:unresolved" not in wanted or status == "unresolved") and level in levels
        ]
        return _page(request, shown)

    def _events(self, request: Request) -> Response:
        shown: list[JsonObject] = [{"eventID": "9fac", "dateCreated": _ago(self.newest)}] if self.newest else []
        return _page(request, shown)

    def _stats(self, request: Request) -> Response:
        query = request.query_params
        by = {"accepted": self.accepted, "rate_limited": self.dropped}
        known = query.getlist("project") == [PROJECT_ID] and query["category"] == "error"
        groups = [
            {"by": {"outcome": outcome}, "totals": {query["field"]: count}, "series": {query["field"]: [count]}}
            for outcome, count in by.items()
            if known and query.get("outcome", outcome) == outcome
        ]
        return JSONResponse({"start": _ago(timedelta(days=1)), "end": _ago(timedelta()), "groups": groups})

    def _workflows(self, request: Request) -> Response:
        if request.query_params.getlist("project") != [PROJECT_ID]:
            return JSONResponse([])
        action: JsonObject = {"id": "1", "type": "pagerduty", "status": "active"}
        shown: list[JsonObject] = [
            {
                "id": str(n),
                "name": f"alert {n}",
                "enabled": enabled,
                "detectorIds": ["1"],
                "actionFilters": [{"id": "1", "logicType": "all", "actions": [action] if acts else []}],
            }
            for n, (enabled, acts) in enumerate(self.alerts)
        ]
        return _page(request, shown)


def _page(request: Request, items: Sequence[JsonObject]) -> Response:
    """One page, with Sentry's Link header: `cursor="0:OFFSET:0"`, and whether there is anything behind it."""
    begin = int(request.query_params.get("cursor", "0:0:0").split(":")[1])
    end, more = begin + PAGE, "true" if begin + PAGE < len(items) else "false"
    before = "true" if begin else "false"
    link = (
        f'<{request.url}>; rel="previous"; results="{before}"; cursor="0:{max(begin - PAGE, 0)}:1", '
        f'<{request.url}>; rel="next"; results="{more}"; cursor="0:{end}:0"'
    )
    return JSONResponse(list(items[begin:end]), headers={"Link": link})


def _ago(length: timedelta | None) -> str | None:
    return None if length is None else (datetime.now(UTC) - length).isoformat().replace("+00:00", "Z")
