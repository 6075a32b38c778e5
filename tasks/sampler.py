"""What the new version answers, counted interval by interval, and the old one probed beside it."""

import asyncio
from contextlib import suppress
from datetime import datetime
from time import monotonic

from tasks.checks.watch import ReleaseWatch
from tasks.estate import Estate
from tasks.instances import discover
from tasks.old_version import Probe, probe
from tasks.samples import Scraped, difference, scrape, total
from tasks.totals import Totals
from tminus import events as ev
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.watch_tests import Limits, OldVersion

_FINE = 0.1  # seconds between two looks at a version that is being taken off
_QUIET = 2.0  # seconds without a bad answer after which none is expected any more
# Probes of the old version before a breach is believed. If both versions fail alike, it is taken for an outside cause
# in 92 %, 97 %, 99 % of cases at 5 %, 10 %, 20 % failures and a limit of 0.1 %: tests/tminus/test_outside_cause.py.
BURST = 50
_BURST_WITHIN = 1.0  # seconds: a rollback waits no longer for an old version that hangs


class Sampler:
    """Counts what the new version answered since each of its instances was last read, and probes the old one.

    Args:
        estate: the systems.
        spec: what to watch.
        limits: as they were when the watch began.
        old: the old version, as it was then.
        pool: the one that served then; empty where that was not known.
    """

    def __init__(self, estate: Estate, spec: ReleaseWatch, limits: Limits, old: OldVersion, pool: str = "") -> None:
        self._estate, self._spec, self._limits, self._old, self._pool = estate, spec, limits, old, pool
        self._serving: tuple[str, ...] = ()
        self._idle: tuple[str, ...] = ()
        self._known: dict[str, Totals] = {}  # address → what its instance had counted when it was last read
        self._began = now().timestamp()

    async def sample(self) -> ev.Sample:
        """What was counted since the sample before.

        An instance that cannot be read makes the sample `missing`; what the others counted is in it, and what that one
        counts meanwhile is in the next sample that reads it.
        """
        try:
            await self._discover()
        except CouldNotObserve as e:
            return self._made(Totals(), [], str(e))
        every = self._spec.every.total_seconds()
        scraped, probed = await asyncio.gather(self._scrape(every), self._probe(self._spec.probes, every))
        unread = {**scraped.missing, **self._unmeasured(scraped)}
        counted = total([self._news(*one) for one in scraped.items()])
        return self._made(counted, probed, _said(unread))

    async def burst(self) -> ev.Sample:
        """Many probes of the old version at once, before a breach is believed; without any where it cannot be asked."""
        with suppress(CouldNotObserve):  # those that were idle at the last look are asked
            await self._discover()
        return self._made(Totals(), await self._probe(BURST, _BURST_WITHIN), "")

    async def last_bad(self) -> datetime | None:
        """When the version watched so far last answered badly, to a tenth of a second.

        Looks until its instances are gone, or nothing went wrong for a while; None where nothing went wrong.
        """
        worst, quiet = None, monotonic()
        while monotonic() - quiet < _QUIET:
            await asyncio.sleep(_FINE)
            scraped = await self._scrape(_FINE * 5)
            if not scraped:
                break
            if any([self._bad(self._news(*one)) for one in scraped.items()]):  # noqa: C419 - each is to be read
                worst, quiet = now(), monotonic()
        return worst

    async def _discover(self) -> None:
        """Raises CouldNotObserve too where somebody switched by hand: the version to be watched serves no more."""
        instances = await discover(self._estate.service(self._spec.service).nginx)
        if self._pool and instances.pool and instances.pool != self._pool:
            raise CouldNotObserve(
                f"nginx passes requests to pool {instances.pool}, no longer to {self._pool}, so there is nothing to "
                "watch; where somebody switched by hand, `tminus rollback LAUNCH --reason WHY` makes the launch follow"
            )
        self._serving, self._idle = instances.serving, instances.idle

    async def _scrape(self, within: float) -> Scraped:
        path = self._estate.service(self._spec.service).metrics
        return await scrape(self._estate.http, self._serving, path, within, self._spec.names)

    async def _probe(self, count: int, within: float) -> list[Probe]:
        return await probe(self._estate, self._spec, self._idle, count, within)

    def _news(self, address: str, counted: Totals) -> Totals:
        """What an instance counted since it was last read; at first sight nothing, unless it was started since."""
        before = self._known.get(address)
        self._known[address] = counted
        if before is not None:
            return difference(before, counted)
        return counted if counted.started is not None and counted.started > self._began else Totals()

    def _unmeasured(self, scraped: Scraped) -> dict[str, str]:
        """Address → why its durations cannot be held against the limits."""
        wanted = {self._limits.slow_over or 0.0: "the p95 limit", self._old.slower_than: "the old version's p95"}
        wanted.pop(0.0, None)
        found = {address: self._lacks(counted, wanted) for address, counted in scraped.items()}
        return {address: why for address, why in found.items() if why}

    def _lacks(self, counted: Totals, wanted: dict[float, str]) -> str:
        name = self._spec.duration
        if not counted.buckets:
            lacking = bool(wanted and counted.requests)
            return f"exports no histogram {name}; if it is called otherwise, say so with `duration`" if lacking else ""
        for bound, what in wanted.items():
            if bound not in counted.bounds:
                known = ", ".join(f"{upper * 1000:g}" for upper in counted.bounds) or "none"
                return (
                    f"no bucket of {name} ends at {what}, {bound * 1000:g} ms, so nobody counts what is slower; choose "
                    f"a limit among {known} ms, or add a bucket"
                )
        return ""

    def _bad(self, counted: Totals) -> bool:
        return counted.errors > 0 or max(self._slow(counted), self._slower(counted)) * 2 > counted.requests

    def _slow(self, counted: Totals) -> int:
        return counted.slower_than(self._limits.slow_over).surely if self._limits.slow_over else 0

    def _slower(self, counted: Totals) -> int:
        return counted.slower_than(self._old.slower_than).surely if self._old.slower_than else 0

    def _made(self, counted: Totals, probed: list[Probe], why_missing: str) -> ev.Sample:
        p95 = counted.quantile(0.95)
        return ev.Sample(
            at=now(),
            requests=counted.requests,
            failed=counted.errors,
            slow=min(self._slow(counted), counted.requests),
            slower_than_before=min(self._slower(counted), counted.requests),
            p95_ms=round(p95.seconds * 1000) if p95 else None,
            probes=len(probed),
            probes_failed=sum(not one.well for one in probed),
            probes_slow=self._took_longer(probed, self._limits.slow_over),
            probes_slower_than_before=self._took_longer(probed, self._old.slower_than),
            missing=bool(why_missing),
            why_missing=why_missing,
        )

    def _took_longer(self, probed: list[Probe], bound: float | None) -> int:
        """How many probes took longer; the way from here to there is not held against the old version."""
        allowed = max(bound or 0.0, self._old.probe_slowest)
        return sum(one.seconds > allowed for one in probed) if bound else 0


def _said(unread: dict[str, str]) -> str:
    """Each reason once, after the instances that have it."""
    alike: dict[str, list[str]] = {}
    for address, why in unread.items():
        alike.setdefault(why, []).append(address)
    return "; ".join(f"{', '.join(addresses)}: {why}" for why, addresses in alike.items())
