"""Grafana's HTTP API, as much as a look at dashboards needs: fetch one, and ask the queries of a panel."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field, JsonValue, SecretStr, ValidationError

from tasks.grafana_dashboard import Answer, Dashboard, Panel, Result, Results
from tasks.http_body import answer_to
from tminus.errors import CouldNotObserve

_POINTS = 100  # what a panel of usual width asks for
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


@dataclass(frozen=True)
class Query:
    """One query of one panel.

    Attributes:
        where: dashboard, panel and refId, for people.
        newest: its newest point in seconds since 1970; 0 where it returned none.
        failed: whether Grafana returned an error for it.
    """

    where: str
    newest: float
    failed: bool


class _Request(BaseModel, frozen=True):
    """POST /api/ds/query; times in milliseconds since 1970, as text."""

    start: str = Field(serialization_alias="from")
    to: str
    queries: tuple[dict[str, JsonValue], ...]


class Grafana:
    """A Grafana. Its methods raise CouldNotObserve where it does not answer or does not let us."""

    def __init__(self, client: httpx.AsyncClient, url: str, token: SecretStr) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._token = token

    async def dashboard(self, uid: str) -> Dashboard | None:
        """The dashboard with that uid; None where there is none."""
        response = await self._send("GET", f"/api/dashboards/uid/{quote(uid, safe='')}")
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        if response.status_code != HTTPStatus.OK:
            raise CouldNotObserve(f"grafana {self._url} answered {response.status_code} for dashboard {uid}")
        try:
            return Answer.model_validate_json(response.content).dashboard
        except ValidationError as e:
            raise CouldNotObserve(f"dashboard {uid}: {_first(e)}; is it one of a version we know?") from e

    async def ask(self, dashboard: Dashboard, panel: Panel, since: datetime, until: datetime) -> list[Query]:
        """Sends a panel's queries together, as some build on others; one Query for each that is not hidden."""
        start, end = round(since.timestamp() * 1000), round(until.timestamp() * 1000)
        shaped: dict[str, JsonValue] = {"intervalMs": max((end - start) // _POINTS, 1000), "maxDataPoints": _POINTS}
        queries = tuple({**shaped, **query} for query in dashboard.queries(panel))
        request = _Request(start=str(start), to=str(end), queries=queries)
        response = await self._send("POST", "/api/ds/query", request.model_dump_json(by_alias=True))
        results = self._results(response)
        return [
            _query(f"{dashboard.uid} / {panel.title} / {target.ref_id}", results.get(target.ref_id))
            for target in panel.targets
            if not target.hide
        ]

    def _results(self, response: httpx.Response) -> dict[str, Result]:
        """Results by refId; none where the whole request was refused for what the dashboard asks."""
        try:
            return dict(Results.model_validate_json(response.content).results)
        except ValidationError as e:
            if response.is_client_error:
                return {}
            raise CouldNotObserve(f"grafana {self._url} answered {response.status_code} to a query: {_first(e)}") from e

    async def _send(self, method: str, path: str, content: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}", "Content-Type": "application/json"}
        try:
            request = self._client.build_request(method, self._url + path, content=content, headers=headers)
            response = await answer_to(self._client, request)
        except httpx.HTTPError as e:
            raise CouldNotObserve(f"grafana {self._url} does not answer: {type(e).__name__}; is it up?") from e
        if response.status_code in _REFUSED:
            raise CouldNotObserve(
                f"grafana {self._url} refused {method} {path} with {response.status_code}; "
                "the token needs the right to read dashboards and query data sources"
            )
        return response


def _query(where: str, result: Result | None) -> Query:
    if result is None or result.error is not None:
        return Query(where, newest=0, failed=True)
    return Query(where, newest=result.newest() or 0, failed=False)


def _first(error: ValidationError) -> str:
    one = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in one['loc'])} {one['msg']}".strip()
