"""What Prometheus says of its targets, its rules, its series and itself.

https://prometheus.io/docs/prometheus/latest/querying/api/ describes the answers.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AwareDatetime, Discriminator, Field, Tag

from tasks.vendor_api import Page, VendorApi
from tminus.errors import CouldNotObserve

_TARGETS, _RULES, _QUERY, _RUNTIME = "/api/v1/targets", "/api/v1/rules", "/api/v1/query", "/api/v1/status/runtimeinfo"


class Target(Page, frozen=True):
    """One address that is scraped.

    Attributes:
        scraped: when last; the year 1 where never.
    """

    labels: dict[str, str]
    health: str
    scraped: AwareDatetime = Field(alias="lastScrape")
    error: str = Field(alias="lastError", default="")

    @property
    def job(self) -> str:
        """What it belongs to."""
        return self.labels.get("job", "")


class AlertRule(Page, frozen=True):
    """One alerting rule.

    Attributes:
        seconds: how long it must hold before the alert fires.
        health: `ok`, `err` or `unknown` (not evaluated yet).
    """

    type: Literal["alerting"]
    name: str
    query: str
    seconds: float = Field(alias="duration", ge=0, allow_inf_nan=False)
    labels: dict[str, str] = Field(default_factory=dict)
    health: str
    error: str = Field(alias="lastError", default="")


class _RecordingRule(Page, frozen=True):
    """A rule that only records."""

    type: Literal["recording"]


class _Group(Page):
    rules: list[Annotated[AlertRule | _RecordingRule, Field(discriminator="type")]]


class _Groups(Page):
    groups: list[_Group]


class _ActiveTargets(Page):
    targets: list[Target] = Field(alias="activeTargets")


class _Series(Page):
    metric: dict[str, str]
    value: tuple[float, str] | None = None  # a native histogram has none


class _Vector(Page):
    result: list[_Series]


class _Scalar(Page):
    result: tuple[float, str]


def _kind(data: object) -> str:
    return str(data.get("resultType")) if isinstance(data, Mapping) else ""


class _Runtime(Page):
    retention: str = Field(alias="storageRetention")


class _Answer(Page):
    status: Literal["success"]


class _TargetsAnswer(_Answer):
    data: _ActiveTargets


class _RulesAnswer(_Answer):
    data: _Groups


class _QueryAnswer(_Answer):
    warnings: list[str] = Field(default_factory=list)
    data: Annotated[
        Annotated[_Vector, Tag("vector")] | Annotated[_Scalar, Tag("scalar")],
        Discriminator(_kind),
    ]


class _RuntimeAnswer(_Answer):
    data: _Runtime


class PrometheusApi:
    """A Prometheus. Its methods raise CouldNotObserve where it does not answer as one."""

    def __init__(self, api: VendorApi) -> None:
        self._api = api

    @property
    def where(self) -> str:
        """Its address."""
        return self._api.section.url

    async def targets(self) -> list[Target]:
        """Every target that is to be scraped."""
        answer = await self._api.read(
            _TargetsAnswer, _TARGETS, params={"state": "active"}, headers=await self._headers()
        )
        return answer.data.targets

    async def alerts(self) -> list[AlertRule]:
        """Every alerting rule that is loaded, in the order of its groups."""
        answer = await self._api.read(_RulesAnswer, _RULES, params={"type": "alert"}, headers=await self._headers())
        return [rule for group in answer.data.groups for rule in group.rules if isinstance(rule, AlertRule)]

    async def numbers(self, query: str) -> int:
        """How many series an instant query gives that have a number now; a native histogram counts as one."""
        data = await self._asked(query)
        if isinstance(data, _Scalar):
            return int(_is_number(data.result[1]))
        return sum(series.value is None or _is_number(series.value[1]) for series in data.result)

    async def total(self, query: str) -> float:
        """The sum of what an instant query gives now; 0 where it gives nothing. Native histograms do not count."""
        data = await self._asked(query)
        if isinstance(data, _Scalar):
            values = [data.result[1]]
        else:
            values = [series.value[1] for series in data.result if series.value is not None]
        return math.fsum(float(one) for one in values if _is_number(one))

    async def retention(self) -> str:
        """How long, or how much, is kept, as Prometheus says it: `15d`, `10GiB`, `15d or 10GiB`."""
        return (await self._api.read(_RuntimeAnswer, _RUNTIME, headers=await self._headers())).data.retention

    async def _asked(self, query: str) -> _Vector | _Scalar:
        answer = await self._api.read(_QueryAnswer, _QUERY, params={"query": query}, headers=await self._headers())
        if answer.warnings:
            raise CouldNotObserve(f"prometheus {self.where}: its answer may be partial: {answer.warnings[0][:300]}")
        return answer.data

    async def _headers(self) -> dict[str, str]:
        return await self._api.bearer() if self._api.section.token else {}


def _is_number(text: str) -> bool:
    try:
        return not math.isnan(float(text))
    except ValueError:
        return False
