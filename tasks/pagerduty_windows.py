"""PagerDuty's maintenance windows by its REST API: found by their description, opened, ended."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, Field, JsonValue

from tasks.estate import Estate
from tasks.vendor_api import Page, VendorApi
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.systems.pagerduty import PagerDutyRest
from tminus.systems.web import Api

_ACCEPT = "application/vnd.pagerduty+json;version=2"
_MOST = 100  # that are listed at once; those of one description are one, or two where two opened it


class Window(BaseModel):
    """One window."""

    id: str = Field(pattern=r"^[A-Za-z0-9]{1,64}$")
    start_time: AwareDatetime
    end_time: AwareDatetime
    description: str | None = None


class _Windows(Page):
    maintenance_windows: list[Window]
    more: bool


class _Opened(Page):
    maintenance_window: Window


class Windows:
    """Every method raises CouldNotObserve, MissingSecret.

    Args:
        api: PagerDuty's, with the token of a key that may write.
        rest: what the environment says of it.
    """

    def __init__(self, api: VendorApi, rest: PagerDutyRest) -> None:
        self._api = api
        self._rest = rest

    @classmethod
    def of(cls, estate: Estate) -> "Windows":
        """Those of the environment; raises NotConfigured."""
        section = estate.environment.pagerduty
        if section is None or section.rest is None:
            raise NotConfigured("the environment has no pagerduty.rest; maintenance windows are opened by it")
        api = Api(url=section.rest.api, token=section.rest.token, ca_file=section.ca_file)
        return cls(VendorApi("pagerduty", api, estate.clients.trusting(section.ca_file)), section.rest)

    @property
    def own_service(self) -> str:
        """The id of the service that tminus pages by."""
        return self._rest.service

    async def open_ones(self, description: str) -> list[Window]:
        """Those of exactly this description that go on or are to come."""
        params: dict[str, str | int | list[str]] = {"query": description, "filter": "open", "limit": _MOST}
        page = await self._api.read(_Windows, "/maintenance_windows", params=params, headers=await self._headers())
        if page.more:
            raise CouldNotObserve(f"pagerduty: more than {_MOST} maintenance windows for {description!r}")
        return [one for one in page.maintenance_windows if one.description == description]

    async def open(self, description: str, services: Sequence[str], since: datetime, until: datetime) -> Window:
        """Opens one."""
        window: JsonValue = {
            "maintenance_window": {
                "type": "maintenance_window",
                "start_time": since.isoformat(timespec="seconds"),
                "end_time": until.isoformat(timespec="seconds"),
                "description": description,
                "services": [{"id": service, "type": "service_reference"} for service in services],
            }
        }
        path = "/maintenance_windows"
        reply = await self._api.ask("POST", path, json=window, headers=await self._headers())
        if reply.absent:
            raise CouldNotObserve(f"pagerduty {path}: status 404; is this address a pagerduty?")
        return self._api.parse(_Opened, reply, path).maintenance_window

    async def end(self, window: Window) -> None:
        """Ends one; one that is gone is ended."""
        await self._api.ask("DELETE", f"/maintenance_windows/{window.id}", headers=await self._headers())

    async def _headers(self) -> dict[str, str]:
        token = await self._api.token()
        return {"Authorization": f"Token token={token}", "Accept": _ACCEPT, "From": self._rest.from_email}
