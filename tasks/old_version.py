"""The old version beside the new one: how it did before, and how it answers now."""

import asyncio
import math
from collections.abc import Sequence
from http import HTTPStatus
from time import monotonic
from typing import NamedTuple

import httpx

from tasks.checks.watch import ReleaseWatch
from tasks.estate import Estate
from tasks.http_body import answer_to
from tasks.instances import discover
from tasks.probe import at
from tasks.samples import scrape, total
from tasks.totals import Totals
from tminus.watch_tests import OldVersion

_FIRST = 20  # probes by which it is learnt how long one takes from here
_AT_ONCE = 4  # probes under way at a time: a flood would be slow by itself, and say so of the old version
_WITHIN = 2.0  # seconds for an instance's metrics
_SLOW_UNLESS_SAID = 1.0  # seconds, where the book sets no p95
_PATIENCE = 5  # times as long as slow: then it counts as failed, too
_NEARLY = 0.9  # of that: whoever was asked at once is given up at the same moment as all of them
_LONGEST = 60.0  # seconds


class Probe(NamedTuple):
    """One request to the old version: how long it took, and whether it was answered, with a status below 500."""

    seconds: float
    well: bool


async def old_version(estate: Estate, spec: ReleaseWatch) -> OldVersion:
    """How the old version's instances did since they started; nothing where they are gone or cannot be read.

    Raises CouldNotObserve where it is not known which they are.
    """
    service = estate.service(spec.service)
    instances = await discover(service.nginx)
    old, new, probes = await asyncio.gather(
        scrape(estate.http, instances.idle, service.metrics, _WITHIN, spec.names),
        scrape(estate.http, instances.serving, service.metrics, _WITHIN, spec.names),
        probe(estate, spec, instances.idle, _FIRST, _WITHIN),
    )
    counted, bounds = total(old.values()), total(new.values()).bounds
    # Only at a bound that both versions have can one be compared with the other.
    comparable = counted.at(bounds) if bounds else counted
    return described(comparable, max((one.seconds for one in probes if one.well), default=0.0))


def described(counted: Totals, probe_slowest: float = 0.0) -> OldVersion:
    """What is remembered of these counts; without its p95 where that lies in no bucket with an upper bound."""
    p95 = counted.quantile(0.95)
    known = OldVersion(requests=counted.requests, failed=counted.errors, probe_slowest=probe_slowest)
    if p95 is None or p95.unbounded:
        return known
    slower = counted.slower_than(p95.high).surely
    update = {"slower_than": p95.high, "slower": slower, "choices": len(counted.buckets)}
    return known.model_copy(update=update)


async def probe(
    estate: Estate, spec: ReleaseWatch, addresses: Sequence[str], count: int, within: float = math.inf
) -> list[Probe]:
    """Asks the old version's instances in turn something harmless; nothing where there is none, or nothing to ask.

    Args:
        estate: the systems.
        spec: the watch.
        addresses: the instances.
        count: how often.
        within: seconds for all of them, though never less than one of them may take; what was not answered by then, and
            could still have been, is left out.
    """
    path, few = estate.service(spec.service).control, asyncio.Semaphore(_AT_ONCE)
    if path is None or not addresses:
        return []
    patience = (spec.limits().slow_over or _SLOW_UNLESS_SAID) * _PATIENCE
    asked: dict[int, float] = {}

    async def ask(number: int) -> Probe:
        async with few:
            asked[number] = started = monotonic()
            url = at(f"http://{addresses[number % len(addresses)]}", path)
            well = await _answers_well(estate.http, url, patience)
            return Probe(monotonic() - started, well)

    asking = [asyncio.create_task(ask(number)) for number in range(count)]
    try:
        done, _ = await asyncio.wait(asking, timeout=min(max(within, patience), _LONGEST))
    finally:
        for one in asking:
            one.cancel()
    ended = monotonic()
    under_way = [ended - asked[number] for number, one in enumerate(asking) if one not in done and number in asked]
    hung = [Probe(seconds, well=False) for seconds in under_way if seconds > patience * _NEARLY]
    return [one.result() for one in asking if one in done] + hung


async def _answers_well(client: httpx.AsyncClient, url: str, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            answer = await answer_to(client, client.build_request("GET", url, timeout=within))
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR  # as in the metrics: 5xx is an error
