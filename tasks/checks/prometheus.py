"""Whether a Prometheus query gives a number that is as it should be."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import ClassVar, Literal

import httpx
from pydantic import BaseModel, ValidationError

from tasks.check import Check
from tasks.estate import Estate
from tasks.http_body import answer_to
from tasks.probe import at, said
from tminus.clock import Duration
from tminus.credentials import resolve
from tminus.environment import Impact, Prometheus
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # series in the details
_NO_VALUE = "Prometheus has no answer to the query"


class _Series(BaseModel):
    metric: dict[str, str]
    value: tuple[float, str]


class _Vector(BaseModel):
    resultType: Literal["vector"]  # noqa: N815 - Prometheus' name
    result: list[_Series]


class _Scalar(BaseModel):
    resultType: Literal["scalar"]  # noqa: N815 - Prometheus' name
    result: tuple[float, str]


class _Reply(BaseModel):
    """https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries."""

    status: Literal["success"]
    data: _Vector | _Scalar
    warnings: list[str] = []


_TIMES = {"ratio": 100}  # a share of 1, in the unit it is judged in


class _Refusal(BaseModel):
    error: str


class Query(Check, frozen=True):
    """Asks Prometheus one instant query, and judges the number.

    The number has no unit of its own, so the name under which it is expected says what the query gives: `value` a
    plain number, `ratio` a share of 1 (judged in %), `seconds`, `milliseconds`, `percent` or `bytes`. No series, NaN
    and infinity are no numbers: they make the outcome unknown, since an alert rule that matches nothing looks the same
    as one that is happy. So does a warning of Prometheus', since it may mean that only a part was asked.

    Attributes:
        query: PromQL for an instant vector or a scalar.
        take: which of several series is judged; `only` wants exactly one.
        within: how long an answer is waited for.
    """

    kind: Literal["metrics.prometheus"] = "metrics.prometheus"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "value": "",
        "seconds": "s",
        "milliseconds": "ms",
        "ratio": "%",
        "percent": "%",
        "bytes": "B",
        "series": "",
    }

    query: str
    take: Literal["only", "max", "min", "sum"] = "only"
    within: Duration = timedelta(seconds=10)

    async def look(self, estate: Estate) -> Observation:
        """One GET."""
        section = estate.environment.prometheus
        if section is None:
            raise NotConfigured("the environment names no prometheus; add its url to the environment file")
        reply = await self._ask(estate.clients.trusting(section.ca_file), section)
        if reply.warnings:
            raise CouldNotObserve(f"prometheus {section.url}: its answer may be partial: {reply.warnings[0][:300]}")
        series = [("scalar", reply.data.result[1])] if isinstance(reply.data, _Scalar) else _named(reply.data.result)
        value = self._taken([_number(name, text) for name, text in series])
        names = [name for name in self.expect if name != "series"]
        found = [Measurement.number(name, value * _TIMES.get(name, 1), self.measures[name]) for name in names]
        return Observation(
            found=(*found, Measurement.number("series", len(series))),
            where=section.url,
            details=tuple(f"{name} {text}" for name, text in series[:_SHOWN]),
        )

    async def _ask(self, client: httpx.AsyncClient, section: Prometheus) -> _Reply:
        headers = {}
        if section.token is not None:
            token = await asyncio.to_thread(resolve, section.token)
            headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        seconds = self.within.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                url, params = at(section.url, "/api/v1/query"), {"query": self.query}
                request = client.build_request("GET", url, params=params, headers=headers, timeout=seconds)
                response = await answer_to(client, request)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as e:
            raise CouldNotObserve(f"prometheus {section.url}: {said(e, self.within)}") from e
        try:
            if response.status_code != HTTPStatus.OK:
                why = _Refusal.model_validate_json(response.content).error
                raise CouldNotObserve(f"prometheus {section.url} refuses the query: {why[:300]}")
            return _Reply.model_validate_json(response.content)
        except ValidationError as e:
            raise CouldNotObserve(
                f"prometheus {section.url} answered with status {response.status_code} and no instant vector or "
                "scalar; is this address a Prometheus, and the query an instant one?"
            ) from e

    def _taken(self, values: Sequence[Decimal]) -> Decimal:
        if not values:
            raise CouldNotObserve(f"{_NO_VALUE}: no series matches; is it scraped, and are the labels right?")
        if self.take == "only" and len(values) > 1:
            raise CouldNotObserve(f"the query gives {len(values)} series; say `take: max`, `min` or `sum`")
        if self.take == "sum":
            return sum(values, start=Decimal(0))
        return min(values) if self.take == "min" else max(values)


def _named(result: Sequence[_Series]) -> list[tuple[str, str]]:
    return [
        ("{" + ", ".join(f'{label}="{value}"' for label, value in sorted(one.metric.items())) + "}", one.value[1])
        for one in result
    ]


def _number(name: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as e:
        raise CouldNotObserve(f"{_NO_VALUE}: {name} is {text[:40]!r}") from e
    if not math.isfinite(value):
        raise CouldNotObserve(f"{_NO_VALUE}: {name} is {text}; nothing was counted, or something divided by nothing")
    return value
