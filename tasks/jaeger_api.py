"""What Jaeger's query service says of services and traces, by the third version of its HTTP API.

https://github.com/jaegertracing/jaeger-idl/blob/main/swagger/api_v3/query_service.openapi.yaml describes it. Traces are
in OpenTelemetry's JSON: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field, TypeAdapter, ValidationError

from tasks.vendor_api import Page, Reply, VendorApi
from tminus.errors import CouldNotObserve

_SERVICES, _TRACES = "/api/v3/services", "/api/v3/traces"
_NANOSECONDS = 1_000_000_000
_ZEROS = "0A="  # how an id of nothing but zeros is written, in hexadecimal or Base64


class _Services(Page):
    services: list[str]


class _Text(Page):
    text: str = Field(alias="stringValue", default="")


class _Attribute(Page):
    key: str
    value: _Text = _Text()


class _Resource(Page):
    attributes: list[_Attribute] = Field(default_factory=list)


class _Span(Page):
    trace: str = Field(alias="traceId", min_length=1)
    span: str = Field(alias="spanId", min_length=1)
    parent: str = Field(alias="parentSpanId", default="")
    start: int = Field(alias="startTimeUnixNano", ge=0, lt=2**63)
    end: int = Field(alias="endTimeUnixNano", ge=0, lt=2**63)


class _Scope(Page):
    spans: list[_Span] = Field(default_factory=list)


class _ResourceSpans(Page):
    resource: _Resource = _Resource()
    scopes: list[_Scope] = Field(alias="scopeSpans", default_factory=list)


class _Result(Page):
    spans: list[_ResourceSpans] = Field(alias="resourceSpans", default_factory=list)


class _Wrapped(Page):
    """As Jaeger itself sends it; its description leaves the wrapping out."""

    result: _Result


class _TracesData(_Result):
    spans: list[_ResourceSpans] = Field(alias="resourceSpans")


class _Reason(Page):
    code: Literal[404] = Field(alias="httpCode")


class _NotFound(Page):
    error: _Reason


_FOUND = TypeAdapter[_Wrapped | _TracesData](_Wrapped | _TracesData)


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace as far as it was recorded.

    Attributes:
        services: the names of those that took part.
        began: its first span's start; `ended` is its last span's end.
        missing: parents that are named and not there.
    """

    services: frozenset[str]
    began: datetime
    ended: datetime
    missing: int


class JaegerApi:
    """A Jaeger. Its methods raise CouldNotObserve where it does not answer as one."""

    def __init__(self, api: VendorApi) -> None:
        self._api = api

    @property
    def where(self) -> str:
        """Its address."""
        return self._api.section.url

    async def services(self) -> set[str]:
        """Every service of which it has spans."""
        return set((await self._api.read(_Services, _SERVICES, headers=await self._headers())).services)

    async def traces(self, service: str, since: datetime, until: datetime, most: int) -> list[Trace]:
        """At most so many traces in which a service took part."""
        asked = {"serviceName": service, "startTimeMin": _moment(since), "startTimeMax": _moment(until)}
        reply = await self._find({**asked, "searchDepth": most})
        if reply.absent:
            self._api.parse(_NotFound, reply, _TRACES)  # it says 404 where no trace is found; others have no such page
            return []
        try:
            found = _FOUND.validate_json(reply.body)
        except ValidationError as e:
            raise CouldNotObserve(
                f"jaeger {self.where}: the answer to a search for traces is none; is this its query service?"
            ) from e
        return _traces(found.result if isinstance(found, _Wrapped) else found)

    async def _find(self, asked: Mapping[str, str | int]) -> Reply:
        """Searches by the names in force, then by those that versions before 2.17 know."""
        headers = await self._headers()
        try:
            return await self._api.ask(
                "GET", _TRACES, params={f"query.{name}": value for name, value in asked.items()}, headers=headers
            )
        except CouldNotObserve as e:
            older = {f"query.{_snake(name)}": value for name, value in asked.items()}
            try:
                return await self._api.ask("GET", _TRACES, params=older, headers=headers)
            except CouldNotObserve:
                raise e from None

    async def _headers(self) -> dict[str, str]:
        return await self._api.bearer() if self._api.section.token else {}


def _traces(data: _Result) -> list[Trace]:
    by_id: dict[str, list[tuple[str, _Span]]] = defaultdict(list)
    for resource in data.spans:
        name = next((one.value.text for one in resource.resource.attributes if one.key == "service.name"), "")
        for scope in resource.scopes:
            for span in scope.spans:
                by_id[span.trace].append((name, span))
    return [_trace(spans) for spans in by_id.values()]


def _trace(spans: list[tuple[str, _Span]]) -> Trace:
    known = {span.span for _, span in spans}
    parents = {span.parent for _, span in spans if span.parent.strip(_ZEROS)}
    return Trace(
        services=frozenset(name for name, _ in spans),
        began=_time(min(span.start for _, span in spans)),
        ended=_time(max(span.end for _, span in spans)),
        missing=len(parents - known),
    )


def _time(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / _NANOSECONDS, UTC)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
