"""Alertmanager's HTTP API, version 2: its configuration, its silences, and alerts posted to it.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml describes it.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from pydantic import AwareDatetime, Field, JsonValue, ValidationError

from tasks.alertmanager_routes import Configuration, Unreadable, configuration
from tasks.vendor_api import Page, VendorApi
from tminus.errors import CouldNotObserve

_STATUS, _SILENCES, _ALERTS = "/api/v2/status", "/api/v2/silences", "/api/v2/alerts"


class _Original(Page):
    original: str


class _Status(Page):
    config: _Original


class _State(Page, frozen=True):
    state: str


class Matcher(Page, frozen=True):
    """One matcher of a silence."""

    name: str
    value: str
    pattern: bool = Field(alias="isRegex")
    equal: bool = Field(alias="isEqual", default=True)

    def __str__(self) -> str:
        sign = ("=" if self.equal else "!") + ("~" if self.pattern else "" if self.equal else "=")
        return f"{self.name}{sign}{self.value}"


class Silence(Page, frozen=True):
    """A silence; who made it, and why, is none of our business."""

    id: str
    status: _State
    ends: AwareDatetime = Field(alias="endsAt")
    matchers: tuple[Matcher, ...]

    @property
    def active(self) -> bool:
        """Whether it silences now."""
        return self.status.state == "active"


class AlertmanagerApi:
    """An Alertmanager. Its methods raise CouldNotObserve where it does not answer as one."""

    def __init__(self, api: VendorApi) -> None:
        self._api = api

    @property
    def where(self) -> str:
        """Its address."""
        return self._api.section.url

    async def configuration(self) -> Configuration:
        """The configuration in force."""
        status = await self._api.read(_Status, _STATUS, headers=await self._headers())
        try:
            return await asyncio.to_thread(configuration, status.config.original)
        except Unreadable as e:
            raise CouldNotObserve(f"alertmanager {self.where}: {e}") from e
        except ValidationError as e:
            first = e.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise CouldNotObserve(
                f"alertmanager {self.where}: its configuration is none that we know ({where}: {first['msg']})"
            ) from e

    async def silences(self) -> list[Silence]:
        """Every silence that it remembers, ended ones too."""
        return await self._api.read(list[Silence], _SILENCES, headers=await self._headers())

    async def post(self, labels: Mapping[str, str], annotations: Mapping[str, str], until: datetime) -> None:
        """Posts one alert that resolves by itself at `until`."""
        alert: dict[str, JsonValue] = {
            "labels": {**labels},
            "annotations": {**annotations},
            "endsAt": until.isoformat(),
        }
        reply = await self._api.ask("POST", _ALERTS, json=[alert], headers=await self._headers())
        if reply.absent:
            raise CouldNotObserve(
                f"alertmanager {self.where}: status 404 for an alert; is this address an Alertmanager?"
            )

    async def _headers(self) -> dict[str, str]:
        return await self._api.bearer() if self._api.section.token else {}
