"""Do services send traces, are they whole, how many are sampled, and how long are they kept?"""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field

from tasks.check import Check
from tasks.estate import Estate
from tasks.jaeger_age import FARTHEST, oldest_trace
from tasks.jaeger_api import JaegerApi
from tasks.jaeger_sampling import PATH, sampling
from tasks.vendor_api import VendorApi
from tminus.clock import Duration, now, show_duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation
from tminus.systems.web import Api

_SHOWN = 20  # lines of details
_LOOKED_AT = 200  # traces
_SETTLED = timedelta(minutes=1)  # a parent ends after its children, and so is sent after them


class Services(Check, frozen=True):
    """How many of the services Jaeger has new traces of; one that stopped to send any does not report.

    Attributes:
        services: their names, as they call themselves in `service.name`.
        within: how old the newest trace of each may be.
    """

    kind: Literal["jaeger.services"] = "jaeger.services"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"reporting": ""}

    services: tuple[str, ...] = Field(min_length=1)
    within: Duration = timedelta(hours=1)

    async def look(self, estate: Estate) -> Observation:
        """Reads the list of services, and searches one trace of each that is in it."""
        jaeger = JaegerApi(estate.api("jaeger"))
        at = now()
        known = await jaeger.services()
        missing: list[str] = []
        for name in self.services:
            if name not in known:
                missing.append(f"no span of {name}")
            elif not await jaeger.traces(name, at - self.within, at, 1):
                missing.append(f"no span of {name} within {show_duration(self.within)}")
        return Observation(
            found=(Measurement.number("reporting", len(self.services) - len(missing), of=len(self.services)),),
            where=jaeger.where,
            details=tuple(missing[:_SHOWN]),
            because="; ".join(missing[:_SHOWN]),
        )


class Traces(Check, frozen=True):
    """The traces of a service: how many, how far they reach, how new they are, and whether they are whole.

    At most 200 traces are looked at. `services` is how many services take part in the trace that has most of them;
    `newest` is the age of the newest trace. `broken` counts traces in which a span names a parent that is not there,
    among those that ended at least a minute ago, since a parent is sent after its children; where all are newer, it is
    not measured.

    Attributes:
        service: its name.
        lookback: how far back traces are looked for.
    """

    kind: Literal["jaeger.traces"] = "jaeger.traces"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"traces": "", "services": "", "newest": "min", "broken": ""}

    service: str = Field(min_length=1)
    lookback: Duration = timedelta(hours=1)

    async def look(self, estate: Estate) -> Observation:
        """Searches once."""
        jaeger = JaegerApi(estate.api("jaeger"))
        at = now()
        traces = await jaeger.traces(self.service, at - self.lookback, at, _LOOKED_AT)
        settled = [trace for trace in traces if at - trace.ended >= _SETTLED]
        broken = sum(trace.missing > 0 for trace in settled)
        widest = max((trace.services for trace in traces), key=len, default=frozenset())
        found = [Measurement.number("traces", len(traces)), Measurement.number("services", len(widest))]
        if traces:
            newest = max(at - max(trace.began for trace in traces), timedelta())
            found.append(Measurement.number("newest", newest / timedelta(minutes=1), "min"))
        if settled:
            found.append(Measurement.number("broken", broken))
        return Observation(
            found=tuple(found),
            where=jaeger.where,
            details=(f"the widest goes through {', '.join(sorted(widest)[:_SHOWN])}",) if widest else (),
            because=f"{broken} traces lack a parent" if broken else "" if traces else f"no trace of {self.service}",
        )


class Sampling(Check, frozen=True):
    """The share of its new traces that a service is told to keep.

    `rate` is the service's own share, `least` the smallest that one of its operations has; where a limit of traces a
    second is set instead (`strategy` is `limited`, not `probabilistic`), neither is measured. A service that no
    strategy names is told the default one.

    Attributes:
        service: its name.
        endpoint: an entry of the environment's `endpoints` that serves remote sampling (in Jaeger port 5778, at
            /api/sampling), where that is not the address of the query service.
    """

    kind: Literal["jaeger.sampling"] = "jaeger.sampling"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"rate": "%", "least": "%", "strategy": "word"}

    service: str = Field(min_length=1)
    endpoint: str = ""

    async def look(self, estate: Estate) -> Observation:
        """Asks as the service's own library does."""
        api = self._api(estate)
        headers = await api.bearer() if api.section.token else {}
        reply = await api.ask("GET", PATH, params={"service": self.service}, headers=headers)
        where = f"{api.name} {api.section.url}"
        if reply.absent:
            raise CouldNotObserve(f"{where}: status 404 for {PATH}; name the `endpoint` that serves remote sampling")
        told = sampling(reply.body, where)
        found = [Measurement(name="strategy", word=told.form)]
        if told.share is not None:
            least = min([told.share, *told.operations.values()])
            found += [Measurement.number("rate", told.share * 100, "%"), Measurement.number("least", least * 100, "%")]
        own = sorted(told.operations.items(), key=lambda one: one[1])[:_SHOWN]
        return Observation(
            found=tuple(found),
            where=api.section.url,
            details=tuple(f"{operation[:80]}: {share:g}" for operation, share in own),
        )

    def _api(self, estate: Estate) -> VendorApi:
        if not self.endpoint:
            return estate.api("jaeger")
        endpoint = estate.endpoint(self.endpoint)
        section = Api(url=endpoint.url, ca_file=endpoint.ca_file)
        return VendorApi(self.endpoint, section, estate.client_of(endpoint))


class Age(Check, frozen=True):
    """How old the oldest trace of a service is that Jaeger still has, to within an hour.

    It is looked for by halving, so in about 16 searches, up to two years back.

    Attributes:
        service: its name.
    """

    kind: Literal["jaeger.age"] = "jaeger.age"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"oldest": "d"}

    service: str = Field(min_length=1)

    async def look(self, estate: Estate) -> Observation:
        """Searches; raises CouldNotObserve where there is no trace at all, which has no age."""
        jaeger = JaegerApi(estate.api("jaeger"))
        at = now()

        async def search(nearest: timedelta, farthest: timedelta) -> timedelta | None:
            found = await jaeger.traces(self.service, at - farthest, at - nearest, 1)
            return max((at - trace.began for trace in found), default=None)

        oldest = await oldest_trace(search)
        if oldest is None:
            raise CouldNotObserve(f"jaeger {jaeger.where}: no trace of {self.service} within {FARTHEST.days} days")
        return Observation(
            found=(Measurement.number("oldest", oldest / timedelta(days=1), "d"),),
            where=jaeger.where,
            because=f"the oldest trace of {self.service} began {(at - oldest).isoformat(timespec='minutes')}",
        )
