"""Lines with a limit on how the system runs: coverage, load tests, latency, error rate, throughput, uptime, repair."""

from collections.abc import Mapping

from pydantic import JsonValue

from tminus.importing.amounts import Amount
from tminus.importing.percentiles import percentiles
from tminus.importing.seen import Check, Recognizer, Seen, Suggestion, suggest

_LOAD: dict[str, JsonValue] = {"report": "load.json", "tool": "k6"}
_REQUESTS = {"requests", "orders", "transactions", "messages", "events", "operations", "ops", "calls", "hits"}
_OF_REQUESTS = "name_yours_http_request_duration_seconds"
_PROBED = {"p50", "p95", "p99"}
_USERS = {"users", "vus", "clients", "concurrent", "simultaneous", "virtual"}
_QUANTILES = {"p50": "0.5", "p90": "0.9", "p95": "0.95", "p99": "0.99", "p999": "0.999"}


def coverage(seen: Seen) -> Suggestion | None:
    """`>80% code coverage`."""
    if not seen.has(r"\bcoverage\b") or seen.share is None or seen.has(r"\b(?:ci|audit|alert|insurance)\b"):
        return None
    lines = Check("artifact.coverage", {"report": "coverage.xml"}, {"lines": seen.share.expected(">=")})
    if seen.has(r"\btests? pass|\btests?:|\bunit tests? \w*ing\b") and seen.has(r"\bunit\b"):
        return Suggestion((_unit_tests(), lines))
    return Suggestion((lines,))


def _unit_tests() -> Check:
    return Check("artifact.tests", {"reports": "tests/unit.xml"}, {"tests": ">= 1", "failed": "= 0"})


def load_test(seen: Seen) -> Suggestion | None:
    """`Load tests achieving p99 <10ms with 1,000 concurrent users`: every number in it is expected of the report."""
    if not seen.has(r"\b(?:load|stress|spike|soak|performance|capacity)[- ]tests?\b"):
        return None
    if _several(seen):
        return None
    slowest = {name: limit for name, limit in percentiles(seen).items() if name in _PROBED}
    expect = {name: limit.expected("<") for name, limit in slowest.items()}
    if (rate := _rate(seen)) is not None:
        expect["rate"] = f"{rate.compared('>=')} {rate.number} requests/s"
    if (failing := _failing(seen)) is not None:
        expect["errors"] = failing.expected("<")
    if (users := _users(seen)) is not None:
        expect["users"] = f"{users.compared('>=')} {users.number}"
    if (within := seen.only(lambda one: one.is_time and one.unit != "ms")) and seen.has(r"→|->|\bramp|\bspike"):
        expect["ramp"] = within.expected("<=")
    promises = {"error_rate": failing.said} if failing else {}
    if "p99" in slowest and not seen.has(r"\b(?:spike|stress)\b"):
        promises["p99"] = slowest["p99"].said
    return Suggestion((Check("artifact.load", _LOAD, expect),), promises) if expect else None


def _several(seen: Seen) -> bool:
    """Whether two numbers are of one sort, so that which is meant would have to be guessed."""
    sorts = [(one.is_share, one.per, one.unit in _USERS) for one in seen.amounts if one.is_share or one.per or one.unit]
    known = [sort for sort in sorts if any(sort)]
    return len(known) != len(set(known))


def _users(seen: Seen) -> Amount | None:
    return seen.only(lambda one: int(float(one.number)) > 0 and not one.per and one.unit in _USERS)


def _rate(seen: Seen) -> Amount | None:
    return seen.only(lambda one: one.per == "s" and one.unit in _REQUESTS)


def _failing(seen: Seen) -> Amount | None:
    return seen.share if seen.has(r"\berrors?\b|\bfailures?\b|\b5xx\b") else None


def latency(seen: Seen) -> Suggestion | None:
    """`API response time p99 <10ms`, `Database Query Time: <50ms avg`; which percentile it is must be said."""
    if seen.under(r"\balert") or not seen.has(
        r"\b(?:latency|response times?|duration|query times?|queries|query performance)"
    ):
        return None
    if limits := percentiles(seen):
        return _at_percentiles(seen, limits)
    if seen.time is None or not seen.has(r"\b(?:avg|average|mean)\b"):
        return None
    of = _timed(seen)
    given: dict[str, JsonValue] = {"query": f"sum(rate({of}_sum[1h])) / sum(rate({of}_count[1h]))"}
    return suggest("metrics.prometheus", given, {"seconds": seen.time.expected("<")})


def _at_percentiles(seen: Seen, limits: Mapping[str, Amount]) -> Suggestion:
    of = _timed(seen)
    promises = {"p99": limits["p99"].said} if "p99" in limits and of == _OF_REQUESTS else {}
    if of == _OF_REQUESTS and set(limits) <= _PROBED and not seen.speaks_of("prometheus"):
        expect = {name: limit.expected("<") for name, limit in limits.items()}
        return suggest("http.latency", {"endpoint": "api", "path": "/"}, expect, **promises)
    checks = tuple(
        Check(
            "metrics.prometheus",
            {"query": f"histogram_quantile({_QUANTILES[name]}, sum by (le) (rate({of}_bucket[1h])))"},
            {"seconds": limit.expected("<")},
        )
        for name, limit in limits.items()
    )
    return Suggestion(checks, promises)


def _timed(seen: Seen) -> str:
    return "name_yours_sql_query_duration_seconds" if seen.has(r"\bquer(?:y|ies)\b|\bsql\b") else _OF_REQUESTS


def error_rate(seen: Seen) -> Suggestion | None:
    """`Error rate <0.1%`."""
    if seen.under(r"\balert") or not seen.has(r"\berror rate\b|\berrors? ratio\b") or seen.share is None:
        return None
    failed = '(sum(rate(name_yours_http_requests_total{status=~"5.."}[1h])) or vector(0))'
    given: dict[str, JsonValue] = {"query": f"{failed} / sum(rate(name_yours_http_requests_total[1h]))"}
    return suggest("metrics.prometheus", given, {"ratio": seen.share.expected("<")}, error_rate=seen.share.said)


def throughput(seen: Seen) -> Suggestion | None:
    """`Throughput: 10,000 orders/sec`: of a load test, since today's load need not be the most that it can bear."""
    rate = _rate(seen)
    if rate is None or seen.has(r"\brate[- ]limit|\bthrottl"):
        return None
    return suggest("artifact.load", _LOAD, {"rate": f"{rate.compared('>=')} {rate.number} requests/s"})


def uptime(seen: Seen) -> Suggestion | None:
    """`Uptime: 99.9%`, over the last 30 days, by the incidents that PagerDuty knows of."""
    if not seen.has(r"\buptime\b|\bavailability\b") or seen.share is None:
        return None
    given: dict[str, JsonValue] = {"service": seen.system, "since": "30d"}
    return suggest("pagerduty.incidents", given, {"uptime": seen.share.expected(">=")}, uptime=seen.share.said)


def repair(seen: Seen) -> Suggestion | None:
    """`MTTR: <15 minutes`, `MTTA < 5 min`, over the last 90 days."""
    name = next((name for name, said in _REPAIR if seen.has(said)), None)
    if name is None or seen.time is None:
        return None
    return suggest("pagerduty.incidents", {"service": seen.system, "since": "90d"}, {name: seen.time.expected("<")})


_REPAIR = (
    ("mttr", r"\bmttr\b|mean time to re(?:pair|cover|store|solve)"),
    ("mtta", r"\bmtta\b|mean time to acknowledge"),
)


def incidents(seen: Seen) -> Suggestion | None:
    """`Security Incidents: 0`, over the last 30 days, by PagerDuty."""
    count = seen.only(lambda one: not one.unit and not one.per)
    none = seen.has(r"\b(?:zero|no) (?:\w+ )?incidents\b") or (count is not None and count.number == "0")
    if not none or not seen.has(r"\bincidents\b"):
        return None
    given: dict[str, JsonValue] = {"service": seen.system, "since": "30d"}
    if seen.has(r"\bsecurity\b"):
        given["title_contains"] = "security"
    return suggest("pagerduty.incidents", given, {"incidents": "= 0"})


def hit_rate(seen: Seen) -> Suggestion | None:
    """`Cache Hit Rate: >80%`."""
    if not seen.has(r"\bhit[- ]rat(?:e|io)\b") or seen.share is None:
        return None
    return suggest("redis.stats", {"redis": "cache"}, {"hit_rate": seen.share.expected(">=")})


RECOGNIZERS: tuple[Recognizer, ...] = (
    coverage,
    load_test,
    latency,
    error_rate,
    throughput,
    uptime,
    repair,
    incidents,
    hit_rate,
)
