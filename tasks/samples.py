"""What instances count about their own requests, read from their `/metrics`, all at once."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from http import HTTPStatus
from itertools import accumulate

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tasks.http_body import answer_to
from tasks.probe import at, said
from tasks.totals import Totals, difference, restarted, total

__all__ = ["Names", "NotExportedError", "Scraped", "Totals", "difference", "read", "restarted", "scrape", "total"]

_STARTED = "process_start_time_seconds"


@dataclass(frozen=True, slots=True)
class Names:
    """What the metrics are called.

    Attributes:
        requests: a counter with one series a status.
        duration: a histogram in seconds, without `_bucket`.
        status: the label that holds the HTTP status; a value that begins with 5 is an error, and a series without the
            label is a mistake, since nothing would tell its errors from its successes.
        labels: only series with these labels count.
    """

    requests: str = "http_requests_total"
    duration: str = "http_request_duration_seconds"
    status: str = "status"
    labels: Mapping[str, str] = field(default_factory=dict)


class NotExportedError(ValueError):
    """Metrics without the counter: it is called otherwise, or nothing was counted yet."""


class Scraped(dict[str, Totals]):
    """Address → what its instance counted; an instance that could not be asked is absent.

    Attributes:
        missing: address of an absent instance → why.
    """

    def __init__(self, totals: Mapping[str, Totals], missing: Mapping[str, str]) -> None:
        super().__init__(totals)
        self.missing = missing


def read(text: str, names: Names = Names()) -> Totals:
    """Totals from Prometheus' text format; raises ValueError where it is not that, or does not tell errors.

    Raises NotExportedError where there are metrics, and no such counter among them: some clients export a counter with
    labels only from its first request on.
    Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
    """
    bucket = f"{names.duration}_bucket"
    prefixes = (names.requests, bucket, _STARTED)
    # The parser is slow, and a service exports far more than is asked for here.
    wanted = [line for line in text.splitlines() if line.startswith(prefixes)]
    if not _exports(names.requests, text, wanted):
        error = NotExportedError if "# TYPE " in text else ValueError
        raise error(f"exports no {names.requests}; if it is called otherwise, say so with `requests`")
    requests, errors, started = 0, 0, None
    counts: dict[float, int] = {}
    for line in wanted:
        labelled, brace, value_of_labelled = line.rpartition("}")
        bare, _, value_of_bare = line.replace("\t", " ").partition(" ")
        sample, value = _series(labelled + brace or bare), _value(value_of_labelled if brace else value_of_bare)
        if sample.name == _STARTED:
            started = value
        elif any(sample.labels.get(label) != wished for label, wished in names.labels.items()):
            continue
        elif sample.name == names.requests:
            requests += _whole(value)
            errors += _whole(value) if _status(sample, names).startswith("5") else 0
        elif sample.name == bucket:
            upper = float(sample.labels.get("le", ""))
            counts[upper] = counts.get(upper, 0) + _whole(value)
    return Totals(requests, errors, _monotonic(counts), started)


async def scrape(
    client: httpx.AsyncClient,
    addresses: Sequence[str],
    path: str,
    within: float,
    names: Names = Names(),
) -> Scraped:
    """Asks all instances at once, and never raises: what did not answer well in time is missing, and says why.

    An instance without the counter has counted nothing yet where another one shows that it is called so; where none
    does, it is missing.

    Args:
        client: shared, so that connections are kept.
        addresses: `host:port` of each instance.
        path: where each exports its metrics.
        within: seconds that an answer is waited for.
        names: what the metrics are called.
    """
    answers = await asyncio.gather(*(_scrape_one(client, address, path, within, names) for address in addresses))
    pairs = list(zip(addresses, answers, strict=True))
    found = {address: answer for address, answer in pairs if isinstance(answer, Totals)}
    if found:
        found |= {address: Totals() for address, answer in pairs if isinstance(answer, NotExportedError)}
    return Scraped(found, {address: str(answer) for address, answer in pairs if address not in found})


async def _scrape_one(
    client: httpx.AsyncClient, address: str, path: str, within: float, names: Names
) -> Totals | str | NotExportedError:
    try:
        async with asyncio.timeout(within):
            request = client.build_request("GET", at(f"http://{address}", path), timeout=within)
            response = await answer_to(client, request)
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as e:
        return said(e, timedelta(seconds=within))
    if response.status_code != HTTPStatus.OK:
        return f"status {response.status_code}"
    try:
        return read(response.text, names)
    except NotExportedError as e:
        return e
    except ValueError as e:
        return str(e)


def _exports(counter: str, text: str, lines: Sequence[str]) -> bool:
    """Whether there is such a counter, perhaps one without series: nothing was counted yet."""
    declared = (f"# TYPE {counter} ", f"# TYPE {counter.removesuffix('_total')} ")
    return any(line.startswith(counter) for line in lines) or any(line in text for line in declared)


def _status(sample: Sample, names: Names) -> str:
    status = sample.labels.get(names.status, "")
    if status[:1].isdecimal():
        return status
    if status:
        raise ValueError(f"{names.requests} has {names.status}={status!r}, which is no HTTP status; see `status`")
    known = ", ".join(sorted(sample.labels)) or "none"
    raise ValueError(
        f"{names.requests} has no label {names.status!r} (its labels: {known}), so errors are not told from successes; "
        "name the label that holds the HTTP status with `status`"
    )


@lru_cache(maxsize=65_536)
def _series(text: str) -> Sample:
    """`name{label="value"}` parsed. The same series come again with every scrape, and the parser is slow."""
    try:
        for family in text_string_to_metric_families(f"{text} 0"):
            for sample in family.samples:
                return sample
    except (ValueError, IndexError) as e:
        raise ValueError("is not in Prometheus' text format") from e
    raise ValueError("is not in Prometheus' text format")


def _value(text: str) -> float:
    """The value, which a timestamp may follow."""
    try:
        return float(text.split(maxsplit=1)[0])
    except (ValueError, IndexError) as e:
        raise ValueError("is not in Prometheus' text format") from e


def _whole(value: float) -> int:
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"a counter stands at {value}")
    return round(value)


def _monotonic(counts: Mapping[float, int]) -> tuple[tuple[float, int], ...]:
    """Buckets in order, without the dips of counters that were read while they were counting."""
    bounds = sorted(counts)
    if bounds and not math.isinf(bounds[-1]):
        raise ValueError('a histogram without a bucket le="+Inf"')
    return tuple(zip(bounds, accumulate((counts[bound] for bound in bounds), max), strict=True))
