"""Vatic's Jaeger: a few traces through four services, a week of them kept, and a share of each service sampled."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.jaeger import JaegerFake, Span, Strategy, Trace

SERVICES = ("orders", "market-data", "risk", "withdrawals", "notifications", "auth")
_ORDER = [Span("auth"), Span("orders", 1), Span("risk", 2), Span("notifications", 3)]
_WITHDRAWAL = [Span("withdrawals"), Span("risk", 1)]
_PRICE = [Span("market-data")]
_AGES = ("20 s", "3 min", "11 min", "40 min", "5 h", "2 d", "6 d 12 h")
_QUIET = (("never_reported", "auth"), ("stopped_reporting", "auth"), ("stopped_reporting", "risk", "90 d"))
_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def _ago(text: str) -> timedelta:
    parts = text.split()
    return timedelta(
        seconds=sum(float(number) * _UNITS[unit] for number, unit in zip(parts[::2], parts[1::2], strict=True))
    )


class JaegerWorld(World):
    """One Jaeger that keeps traces for seven days."""

    system: ClassVar[str] = "jaeger"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (
        Case("jaeger.services", {"services": list(SERVICES)}, {"reporting": "= all"}, _QUIET),
        Case("jaeger.services", {"services": ["orders"], "within": "5m"}, {"reporting": "= all"}, ("nothing_new",)),
        Case(
            "jaeger.traces",
            {"service": "orders"},
            {"traces": ">= 3", "services": ">= 4", "newest": "< 5 min", "broken": "= 0"},
            (("never_reported", "orders"), "nothing_new", ("never_reported", "risk"), "parent_lost", "context_lost"),
        ),
        Case(
            "jaeger.traces",
            {"service": "withdrawals"},
            {"broken": "= 0"},
            (("parent_unknown", "withdrawals"),),
        ),
        Case(
            "jaeger.traces",
            {"service": "orders", "lookback": "10m"},
            {"traces": ">= 1", "broken": "= 0"},
            (("never_reported", "orders"), "nothing_new"),
        ),
        Case(
            "jaeger.sampling",
            {"service": "orders"},
            {"rate": "= 1 %", "least": ">= 1 %", "strategy": "= probabilistic"},
            ("sampled_rarely", "operation_left_out", "limited_instead", "strategy_gone"),
        ),
        Case("jaeger.sampling", {"service": "back-office"}, {"rate": "<= 1 %"}, ("default_is_everything",)),
        Case("jaeger.sampling", {"service": "risk", "endpoint": "sampling"}, {"rate": "= 1 %"}, (("half_of", "risk"),)),
        Case("jaeger.age", {"service": "orders"}, {"oldest": ">= 6 d"}, ("kept_a_day",)),
        Case("jaeger.age", {"service": "orders"}, {"oldest": "<= 7 d"}, ("kept_for_years",)),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.jaeger = JaegerFake("made-up-for-this-world")
        self._url = ""
        kinds = (_ORDER, _WITHDRAWAL, _PRICE)
        spans = ((age, kind) for age in _AGES for kind in kinds)
        self.jaeger.traces += [Trace(number, _ago(age), list(kind)) for number, (age, kind) in enumerate(spans, 1)]
        self.jaeger.strategies |= {service: Strategy(share=0.01) for service in SERVICES}
        self.jaeger.strategies["orders"].operations["POST /withdrawals"] = 1.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serves the fake."""
        with served(self.jaeger.app()) as self._url:
            yield

    def sections(self) -> Sections:
        """The query service with its token; remote sampling stands among the endpoints, too."""
        return {
            "jaeger": {"url": self._url, "token": "env:WORLD_JAEGER_TOKEN"},
            "endpoints": {"sampling": {"url": self._url}},
        }

    def secrets(self) -> dict[str, str]:
        """The token."""
        return {"WORLD_JAEGER_TOKEN": self.jaeger.token}

    @fault
    def never_reported(self, service: str) -> Iterator[None]:
        """A service sends no spans; what it calls looks as if it were called by nobody."""
        left = [_without(trace, service) for trace in self.jaeger.traces]
        with patch.object(self.jaeger, "traces", [trace for trace in left if trace.spans]):
            yield

    @fault
    def stopped_reporting(self, service: str, since: str = "61 min") -> Iterator[None]:
        """A service sent its last span some time ago; Jaeger still lists it."""
        left = [trace if trace.ago > _ago(since) else _without(trace, service) for trace in self.jaeger.traces]
        old = Trace(998, _ago(since), [Span(service)])
        with patch.object(self.jaeger, "traces", [*(trace for trace in left if trace.spans), old]):
            yield

    @fault
    def nothing_new(self, since: str = "30 min") -> Iterator[None]:
        """No trace has arrived for some time."""
        with patch.object(self.jaeger, "traces", [one for one in self.jaeger.traces if one.ago > _ago(since)]):
            yield

    @fault
    def parent_lost(self) -> Iterator[None]:
        """In one trace a span between two others is missing."""
        trace = next(one for one in self.jaeger.traces if one.spans == _ORDER and one.ago == _ago("11 min"))
        with patch.object(trace, "spans", [Span("auth"), Span("orders", 1), Span("notifications", 9)]):
            yield

    @fault
    def parent_unknown(self, service: str) -> Iterator[None]:
        """In one trace a service's span names a parent that nobody sent."""
        settled = [one for one in self.jaeger.traces if one.ago == _ago("11 min")]
        trace = next(one for one in settled if any(span.service == service for span in one.spans))
        lost = [replace(span, parent=99) if span.service == service else span for span in trace.spans]
        with patch.object(trace, "spans", lost):
            yield

    @fault
    def context_lost(self) -> Iterator[None]:
        """Nobody passes on which trace a request belongs to: each service begins one of its own."""
        alone = [
            replace(trace, number=1000 * trace.number + number, spans=[Span(span.service)])
            for trace in self.jaeger.traces
            for number, span in enumerate(trace.spans)
        ]
        with patch.object(self.jaeger, "traces", alone):
            yield

    @fault
    def sampled_rarely(self) -> Iterator[None]:
        """A service keeps one trace in a thousand."""
        with self._told("orders", Strategy(share=0.001)):
            yield

    @fault
    def operation_left_out(self) -> Iterator[None]:
        """One operation is never sampled."""
        with self._told("orders", Strategy(share=0.01, operations={"POST /orders": 0.0})):
            yield

    @fault
    def limited_instead(self) -> Iterator[None]:
        """A service is told a limit of traces a second, not a share."""
        with self._told("orders", Strategy(a_second=2)):
            yield

    @fault
    def strategy_gone(self) -> Iterator[None]:
        """No strategy names the service, and it falls back to the default one."""
        with self._told("orders", self.jaeger.default):
            yield

    @fault
    def half_of(self, service: str) -> Iterator[None]:
        """A service's share was halved."""
        with self._told(service, Strategy(share=0.005)):
            yield

    @fault
    def default_is_everything(self) -> Iterator[None]:
        """The default strategy keeps every trace."""
        with patch.object(self.jaeger, "default", Strategy(share=1.0)):
            yield

    @fault
    def kept_a_day(self) -> Iterator[None]:
        """What is older than a day is thrown away."""
        with patch.object(self.jaeger, "traces", [one for one in self.jaeger.traces if one.ago < _ago("1 d")]):
            yield

    @fault
    def kept_for_years(self, oldest: str = "400 d") -> Iterator[None]:
        """What is old is not thrown away."""
        old = Trace(999, _ago(oldest), list(_ORDER))
        with patch.object(self.jaeger, "traces", [*self.jaeger.traces, old]):
            yield

    @contextmanager
    def _told(self, service: str, strategy: Strategy) -> Iterator[None]:
        with patch.dict(self.jaeger.strategies, {service: strategy}):
            yield


def _without(trace: Trace, service: str) -> Trace:
    return replace(trace, spans=[span for span in trace.spans if span.service != service])
