"""What of Grafana is about who may look and whether it works: teams, permissions, data sources, its own health.

https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/ describes the answers.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Literal, TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import Field, TypeAdapter, ValidationError

from tasks.grafana import Grafana
from tasks.vendor_api import Page
from tminus.errors import CouldNotObserve

_T = TypeVar("_T")
Kind = Literal["dashboard", "folder"]
_PATHS: dict[Kind, str] = {"dashboard": "/api/dashboards/uid", "folder": "/api/folders"}
_EDIT = 2  # 1 is View, 2 Edit, 4 Admin
_TEXT = 120  # characters of Grafana's own words


class Team(Page, frozen=True):
    """A team; its members' names and addresses are not read."""

    id: int
    name: str
    members: int = Field(alias="memberCount", ge=0)


class Permission(Page, frozen=True):
    """What somebody may do with a dashboard or folder."""

    team: int = Field(alias="teamId", default=0)
    role: str = ""
    level: int = Field(alias="permission")

    @property
    def word(self) -> str:
        """`view` or `edit`; who may administer may edit."""
        return "edit" if self.level >= _EDIT else "view"


class Health(Page, frozen=True):
    """What Grafana says of itself."""

    database: str
    version: str = ""


class _Source(Page):
    uid: str
    default: bool = Field(alias="isDefault", default=False)


class _Teams(Page):
    teams: list[Team]


class _Said(Page):
    status: str = ""
    message: str = ""


class GrafanaAccess(Grafana):
    """A Grafana. Its methods raise CouldNotObserve where it does not answer or does not let us."""

    @property
    def where(self) -> str:
        """Its address."""
        return self._url

    async def team(self, name: str) -> Team | None:
        """The team of that name; None where there is none."""
        path = f"/api/teams/search?{urlencode({'name': name})}"
        response = await self._answered(path)
        return next((team for team in self._read(_Teams, response, path).teams if team.name == name), None)

    async def permissions(self, kind: Kind, uid: str) -> list[Permission] | None:
        """Who may do what with a dashboard or folder; None where there is no such one."""
        path = f"{_PATHS[kind]}/{quote(uid, safe='')}/permissions"
        response = await self._answered(path, HTTPStatus.NOT_FOUND)
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        return self._read(list[Permission], response, path)

    async def source_trouble(self, uid: str) -> str:
        """Why a data source is not well, in Grafana's words; "" where it is."""
        path = f"/api/datasources/uid/{quote(uid, safe='')}/health"
        response = await self._send("GET", path)
        if response.is_server_error:
            raise CouldNotObserve(f"grafana {self._url} answered {response.status_code} for {path}")
        try:
            said = _Said.model_validate_json(response.content)
        except ValidationError:
            said = _Said()
        if response.is_success and said.status.upper() == "OK":
            return ""
        return (said.message or f"status {response.status_code}")[:_TEXT]

    async def default_source(self) -> str:
        """The uid of the data source that a query goes to which names none; "" where there is no such one."""
        path = "/api/datasources"
        sources = self._read(list[_Source], await self._answered(path), path)
        return next((source.uid for source in sources if source.default), "")

    async def health(self) -> Health:
        """Its own health; it answers 503 where its database fails, which is an answer."""
        path = "/api/health"
        response = await self._answered(path, HTTPStatus.SERVICE_UNAVAILABLE)
        return self._read(Health, response, path)

    async def _answered(self, path: str, *also: HTTPStatus) -> httpx.Response:
        response = await self._send("GET", path)
        if response.status_code not in {HTTPStatus.OK, *also}:
            raise CouldNotObserve(f"grafana {self._url} answered {response.status_code} for {path}")
        return response

    def _read(self, model: type[_T], response: httpx.Response, path: str) -> _T:
        try:
            return TypeAdapter(model).validate_json(response.content)
        except ValidationError as e:
            raise CouldNotObserve(f"grafana {self._url} answered {path} with something unexpected; is it one?") from e


def allowed(team: int, permissions: Sequence[Permission]) -> str:
    """What a team's members may do: what the team may, or every viewer; `none` where neither may anything."""
    own = [one for one in permissions if one.team == team or one.role == "Viewer"]
    return max(own, key=lambda one: one.level).word if own else "none"
