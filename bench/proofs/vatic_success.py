"""What breaks Vatic's success criteria."""

from collections.abc import Mapping

from bench.proofs.file_faults import ending, finished, found, ran, scanned, value
from bench.proofs.proof import Fault
from bench.worlds.prometheus import PrometheusWorld
from bench.worlds.world import World

_JOBS = "orders|market-data|risk|withdrawals|notifications|auth"
_UP = f'max by (job) (up{{job=~"{_JOBS}"}})'
UPTIME = f"avg_over_time(min({_UP})[15d:1m])"
LOOKED = f"min(count_over_time({_UP}[15d:1m]))"
KNOWN = f"count(count_over_time({_UP}[15d:1m]))"
_STEADY, _ORDERS, _DRILL, _API = "load/steady.json", "load/orders.json", "evidence/drill.json", "openapi.yaml"
_WEEK = 7 * 24 + 1  # hours, an hour too many
_LISTS = "summary: Lists the customer's orders"


def prepare(worlds: Mapping[str, World]) -> None:
    """All services were up, and looked at in every minute."""
    prometheus = worlds["prometheus"]
    assert isinstance(prometheus, PrometheusWorld)
    for query, answer in {UPTIME: "0.9997", LOOKED: "21600", KNOWN: "6"}.items():
        prometheus.prometheus.register(query, answer)


def _served(endpoint: str) -> tuple[Fault, ...]:
    """A server takes what is older, or who it is cannot be trusted."""
    return (
        ("tls", "offers", "1.2", "1.3", endpoint),
        ("tls", "offers", "1.2", "1.2", endpoint),
        ("tls", "certificate_is_of_nobody", endpoint),
        ("tls", "certificate_is_for", "old.vatic.example", endpoint),
    )


_CRITERIA: Mapping[str, tuple[Fault, ...]] = {
    "testing/1": (
        ("artifacts", "package_covered", "withdrawals", "72", "26"),  # 72 of 90 lines are 80 %, which is not more
        ("artifacts", "package_covered", "trading", "117", "52"),  # so are 440 of all 550
        *(("artifacts", "package_missing", name) for name in ("rules", "withdrawals", "saga")),
        ("artifacts", "coverage_old"),
        *ending("unit", "pnl_of_a_short_position", ends=("failure", "skipped")),
        *ending("unit", "profit_after_slippage", "a_fee_is_rounded_up", "drawdown_stops_trading"),
        *ending("unit", "risk_per_trade_is_capped", "withdrawal_after_profit_split"),
        *ending("unit", "saga_rolls_back_in_reverse", ends=("failure", "skipped")),
        ran("unit", _WEEK),
    ),
    "testing/2": (
        *ending(
            "integration", "order_is_placed_with_auth", "market_data_ingestion", "monte_carlo_run_ends_in_a_report"
        ),
        *ending("integration", "withdrawal_sends_a_notification", "kafka_message_reaches_the_websocket"),
        *ending("integration", "redis_state_is_persisted_in_cockroach_database"),
        ran("integration", _WEEK),
    ),
    "testing/3": (
        *ending("e2e", *(f"assessment_{step}" for step in ("registration", "trading", "passed", "failed"))),
        ran("e2e", _WEEK),
    ),
    "testing/4": (
        value(_STEADY, "/metrics/http_req_duration/values/p(99)", "10"),
        value(_STEADY, "/metrics/vus/values/max", "999"),
        value(_STEADY, "/metrics/http_req_failed/values/passes", "2470"),
        value(_STEADY, "/state/testRunDurationMs", "299000"),
        value(_ORDERS, "/metrics/http_reqs/rate", "9999"),
        value(_ORDERS, "/metrics/http_req_failed/passes", "6300"),
        value(_ORDERS, "/metrics/http_reqs/count", "620000"),
        *(("artifacts", "file_old", report, "30.1") for report in (_STEADY, _ORDERS)),
    ),
    "reliability/1": (
        ("pagerduty-history", "an_incident_lasted", "36"),  # with another of 8 min, 44 of the 43,200 min of 30 days
        ("pagerduty-history", "an_old_incident_is_open"),
        ("prometheus", "query_gives", UPTIME, "0.9989"),
        ("prometheus", "query_gives", LOOKED, "21383"),
        ("prometheus", "query_gives", KNOWN, "5"),
    ),
    "reliability/2": (
        ("pagerduty-history", "an_incident_lasted", "22"),  # with another of 8 min, 15 min on average
    ),
    "reliability/3": (
        value(_DRILL, "/recovery_seconds", "3600"),
        finished(_DRILL, 31),
    ),
    "reliability/4": (
        value(_DRILL, "/loss_seconds", "3600"),
        finished(_DRILL, 31),
        ("cockroach", "schedule_recurs", "889001", "@hourly"),
        ("cockroach", "scratch_besides", "paused"),
        ("cockroach", "scratch_besides", "stale"),
        ("cockroach", "scratch_besides", "gone"),
        ("cockroach", "schedule_paused", "889001"),
        ("cockroach", "newest_backup_is", "61"),
        ("redis", "configured", "appendonly", "no", "save", "7200 1"),
        ("redis", "snapshot_fails"),
    ),
    "security/1": (
        ("web", "path_is_open", "/api/account"),
        *(
            ("web", "believes", switch)
            for switch in ("takes_unsigned", "takes_any_signature", "takes_expired", "refuses_all")
        ),
        ("artifacts", "says", _API, _LISTS, f"security: []\n      {_LISTS}"),
        ("artifacts", "says", _API, _LISTS, f"security: [{{bearer: []}}, {{}}]\n      {_LISTS}"),
        ("websocket", "is_open_to_all"),
        ("websocket", "is_closed"),
    ),
    "security/2": (
        *(fault for endpoint in ("api", "web", "ws") for fault in _served(endpoint)),
        ("tls", "plain_answers", ""),
        ("tls", "plain_answers", "http://127.0.0.1/"),
        ("tls", "plain_is_closed"),
        ("istio", "changed", "permissive"),
        ("istio", "added", "workload_permissive"),
        ("istio", "added", "port_in_clear"),
        ("istio", "changed", "tls_off_for_a_client"),
        ("istio", "changed", "no_proxy"),
    ),
    "security/3": (
        *(("aws-secrets", fault) for fault in ("gone", "deleted", "empty", "old_value", "key_of_aws")),
        ("aws-secrets", "old_value", "vatic/database", "31"),
        ("aws-secrets", "unnamed", "vatic", "stripe"),
        *found("secrets.sarif", "9.8", "5.0", ""),
        ("artifacts", "time_is", "scans/secrets.sarif", "/runs/0/invocations/0/endTimeUtc", str(_WEEK)),
    ),
    "security/4": (
        *found("zap.json", "3", "2"),
        *found("trivy.json", "CRITICAL", "HIGH", "MEDIUM", "UNKNOWN"),
        ("artifacts", "misconfigured", "MEDIUM"),
        *found("npm-audit.json", "critical", "high", "moderate"),
        *found("pip-audit.json", "PYSEC-2026-1"),
        *found("code.sarif", "9.8", "7.5", "5.0", ""),
        *(fault for fault in scanned(_WEEK) if "scans/secrets.sarif" not in fault),
    ),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    f"vatic/appendix-success-criteria/{line}": faults for line, faults in _CRITERIA.items()
}
