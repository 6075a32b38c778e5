"""The watch over a new version: what to count, how often, and which limits it must not break."""

import asyncio
from datetime import datetime, timedelta
from time import monotonic
from typing import ClassVar, Literal

import httpx
from pydantic import ConfigDict, Field, field_validator

from tasks.estate import Estate
from tasks.instances import discover
from tasks.samples import Scraped, difference, scrape, total
from tasks.totals import Totals
from tminus import events as ev
from tminus.clock import Duration, now
from tminus.environment import Service
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation
from tminus.runbook import Spec
from tminus.watch_tests import Limits

_MEASURES = {"error_rate": "%", "p95": "ms"}
_AT_LEAST_ANSWERED = 400  # below this an answer shows that the service works: redirects are answers too
_FINE = 0.1  # seconds between two looks at a version that is being taken off
_QUIET = 2.0  # seconds without a bad answer after which none is expected any more
_AT_ONCE = 4  # probes under way at a time: a flood would be slow by itself, and say so of the old version
_BURST = 50  # probes of the old version before a breach is believed: at 20 % errors, all pass in 1 of 70,000 cases


class ReleaseWatch(Spec):
    """Watches the serving version from the switch on, and says when it is bad.

    Attributes:
        service: whose.
        lasts: how long, on the countdown's clock (`for:` in a book).
        every: the sampling interval, in real time.
        min_requests: below this many there is no verdict.
        alpha: the chance that a good release is ever accused, over the whole watch.
        tolerate_errors: by how much more than the old version's share of failed requests is accepted.
        tolerate_slow: by how much more requests may be slower than the old version's own p95.
        probes: requests sent to the old version each sample, to tell an outside cause.
        missing_after: how many samples in a row may be missing before there is no data.
        expect: error_rate and p95, the absolute limits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    verb: ClassVar[str] = "watch"
    measures: ClassVar[dict[str, str]] = _MEASURES

    kind: Literal["release.watch"] = "release.watch"
    service: str
    lasts: Duration = Field(alias="for")
    every: Duration = timedelta(milliseconds=500)
    min_requests: int = Field(default=100, ge=1)
    alpha: float = Field(default=0.01, gt=0, lt=1)
    tolerate_errors: float = Field(default=0.005, ge=0, lt=1)
    tolerate_slow: float = Field(default=0.15, ge=0, lt=1)
    probes: int = Field(default=6, ge=0)
    missing_after: int = Field(default=4, ge=1)
    expect: dict[str, Expectation] = Field(min_length=1)

    @field_validator("expect")
    @classmethod
    def _watched_here(cls, expect: dict[str, Expectation]) -> dict[str, Expectation]:
        for name, expectation in expect.items():
            unit = _MEASURES.get(name)
            if unit is None or expectation.limit is None or not expectation.limit.same_kind(unit):
                raise ValueError(
                    f"{name}: {expectation} cannot be watched; error_rate: '< 0.1 %' and p95: '< 200 ms' can"
                )
            if expectation.sign not in {"<", "<="}:
                raise ValueError(f"{name}: a watch wants an upper limit, such as '< {expectation.limit_text}'")
        return expect

    def limits(self) -> Limits:
        """The limits as shares of requests: p95 < 200 ms says that at most 5 % take longer than 200 ms."""
        errors, p95 = self.expect.get("error_rate"), self.expect.get("p95")
        return Limits(
            error_rate=float(errors.limit.within("")) if errors and errors.limit else None,
            slow_over=float(p95.limit.within("s")) if p95 and p95.limit else None,
            alpha=self.alpha,
            min_requests=self.min_requests,
            tolerate_errors=self.tolerate_errors,
            tolerate_slow=self.tolerate_slow,
        )


class Sampler:
    """Counts, interval by interval, what the new version answered, and probes the old one beside it.

    Args:
        estate: the systems.
        spec: what to watch.
        slow_over: seconds from which a request counts as slow.
        slower_than: seconds: the old version's own p95.
    """

    def __init__(self, estate: Estate, spec: ReleaseWatch, slow_over: float, slower_than: float) -> None:
        self._estate, self._spec = estate, spec
        self._slow_over, self._slower_than = slow_over, slower_than
        self._before: Scraped | None = None

    async def sample(self) -> ev.Sample:
        """One interval. What could not be asked makes it `missing`, and nothing else."""
        service = self._estate.service(self._spec.service)
        try:
            instances = await discover(service.nginx)
        except CouldNotObserve:
            return _missing()
        scraped, probed = await asyncio.gather(
            self._scrape(service, instances.serving), self.probe(instances.idle, self._spec.probes)
        )
        before, self._before = self._before, scraped
        if scraped.missing:
            return _missing()
        counted = total(difference((before or scraped)[a], scraped[a]) for a in scraped if a in (before or scraped))
        p95 = counted.quantile(0.95)
        return ev.Sample(
            at=now(),
            requests=counted.requests,
            failed=counted.errors,
            slow=min(counted.slower_than(self._slow_over).surely, counted.requests),
            slower_than_before=min(counted.slower_than(self._slower_than).surely, counted.requests),
            p95_ms=round(p95.seconds * 1000) if p95 else None,
            probes=len(probed),
            probes_failed=sum(1 for took in probed if took is None),
            probes_slow=sum(1 for took in probed if took is not None and took > self._slow_over),
        )

    async def last_bad(self) -> datetime | None:
        """When the version watched so far last answered badly, to a tenth of a second.

        Looks until its instances are gone, or nothing went wrong for a while; None where nothing went wrong.
        """
        path = self._estate.service(self._spec.service).metrics
        before, worst, quiet = self._before, None, monotonic()
        while before and monotonic() - quiet < _QUIET:
            await asyncio.sleep(_FINE)
            after = await scrape(self._estate.http, list(before), path, _FINE * 5)
            if after.missing:
                break
            if any(self._bad(difference(before[one], after[one])) for one in after):
                worst, quiet = now(), monotonic()
            before = after
        return worst

    def _bad(self, counted: Totals) -> bool:
        slow = counted.slower_than(min(self._slow_over, self._slower_than)).surely
        return counted.errors > 0 or slow * 2 > counted.requests

    async def burst(self) -> ev.Sample:
        """Many probes of the old version at once, before a breach is believed."""
        instances = await discover(self._estate.service(self._spec.service).nginx)
        probed = await self.probe(instances.idle, _BURST)
        return ev.Sample(
            at=now(),
            requests=0,
            failed=0,
            slow=0,
            slower_than_before=0,
            probes=len(probed),
            probes_failed=sum(1 for took in probed if took is None),
            probes_slow=sum(1 for took in probed if took is not None and took > self._slow_over),
        )

    async def _scrape(self, service: Service, addresses: tuple[str, ...]) -> Scraped:
        return await scrape(self._estate.http, addresses, service.metrics, self._spec.every.total_seconds())

    async def probe(self, addresses: tuple[str, ...], count: int) -> list[float | None]:
        """Asks old instances something harmless; seconds each took, None where it failed."""
        path = self._estate.service(self._spec.service).control
        if path is None or not addresses:
            return []
        few = asyncio.Semaphore(_AT_ONCE)
        asked = (self._ask(addresses[n % len(addresses)], path, few) for n in range(count))
        return list(await asyncio.gather(*asked))

    async def _ask(self, address: str, path: str, few: asyncio.Semaphore) -> float | None:
        async with few:
            return await self._timed(address, path)

    async def _timed(self, address: str, path: str) -> float | None:
        started = monotonic()
        try:
            answer = await self._estate.http.get(f"http://{address}{path}", timeout=self._slow_over * 5)
        except httpx.HTTPError:
            return None
        return monotonic() - started if answer.status_code < _AT_LEAST_ANSWERED else None


async def old_version(estate: Estate, spec: ReleaseWatch) -> Totals:
    """What the old version's instances have counted; nothing where they are gone."""
    service = estate.service(spec.service)
    instances = await discover(service.nginx)
    scraped = await scrape(estate.http, instances.idle, service.metrics, 2.0)
    return total(scraped.values())


def _missing() -> ev.Sample:
    return ev.Sample(at=now(), requests=0, failed=0, slow=0, slower_than_before=0, missing=True)
