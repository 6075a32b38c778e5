"""What breaks the lines of Vatic's chapter on deployment."""

from collections.abc import Mapping

from bench.proofs.file_faults import ending, finished, found, page, ran, scanned, value
from bench.proofs.proof import Fault
from bench.proofs.vatic_performance import TRAFFIC

_SERVICES = ("orders", "market-data", "risk", "withdrawals", "notifications", "auth")
_ALERTS = (
    *("HighLatency", "HighErrorRate", "KafkaConsumerLag", "RedisPoolExhausted", "DatabasePoolExhausted", "ServiceDown"),
)
_GROUPS = ("/vatic/orders", "/vatic/market-data", "/vatic/risk")
_DAY = 25  # hours, an hour too many
_SMOKE = (*ending("smoke", "every_service_is_healthy"), ran("smoke", _DAY))
_STAGED, _OUT = "evidence/staging-deployment.json", "evidence/production-deployment.json"
_STEADY, _ORDERS, _SPIKE = "load/steady.json", "load/orders.json", "load/spike.json"
_P99 = "/metrics/http_req_duration/values/p(99)"


def _sees(alert: str) -> tuple[Fault, ...]:
    """An alert is not loaded, fails, or nothing sends what it measures."""
    return tuple(("prometheus", fault, alert) for fault in ("rule_gone", "rule_fails", "rule_blind"))


_BEFORE: Mapping[str, tuple[Fault, ...]] = {
    "pre-deployment/1": (
        *ending("unit", "saga_rollback_after_payment_fails", ends=("failure", "error", "skipped")),
        *ending("integration", "order_is_placed_with_auth", ends=("failure", "error", "skipped")),
        *ending("e2e", "real_time_prices", ends=("failure", "error", "skipped")),
        *ending("smoke", "every_service_is_healthy", ends=("failure", "error", "skipped")),
        *(ran(report, _DAY) for report in ("unit", "integration", "e2e", "smoke")),
    ),
    "staging-deployment/1": (
        value(_STAGED, "/status", '"failed"'),
        value(_STAGED, "/replicas_unavailable", "1"),
        finished(_STAGED, 7),
    ),
    "staging-deployment/2": tuple(fault for fault in _SMOKE if "gone" not in fault),
    "staging-deployment/3": (
        value(_STEADY, _P99, "10"),
        value(_STEADY, "/metrics/vus/values/max", "999"),
        value(_STEADY, "/metrics/http_req_failed/values/passes", "2470"),
        value(_STEADY, "/state/testRunDurationMs", "299000"),
        value(_ORDERS, "/metrics/http_reqs/rate", "9999"),
        value(_ORDERS, "/metrics/http_reqs/count", "600000"),
        value(_ORDERS, "/metrics/http_req_failed/passes", "1260"),
        value(_SPIKE, _P99, "15"),
        value(_SPIKE, "/metrics/vus/values/max", "4999"),
        value(_SPIKE, "/options/scenarios/spike/stages/0/duration", '"31s"'),
        *(("artifacts", "file_old", report, "7.1") for report in (_STEADY, _ORDERS, _SPIKE)),
    ),
    "staging-deployment/4": (
        *found("zap.json", "3"),
        *found("trivy.json", "CRITICAL", "HIGH"),
        ("artifacts", "misconfigured", "HIGH"),
        *found("npm-audit.json", "critical", "high"),
        *found("pip-audit.json", "PYSEC-2026-1"),
        *found("code.sarif", "9.8", "7.5", ""),
        *found("secrets.sarif", "9.8", "5.0", ""),
        *scanned(_DAY),
    ),
}
_IN_PRODUCTION: Mapping[str, tuple[Fault, ...]] = {
    "production-deployment/1": (
        value(_OUT, "/status", '"rolled-back"'),
        finished(_OUT, 7),
        ("kubernetes", "changed", "replica_unavailable"),
        ("kubernetes", "changed", "rollout_stuck"),
        ("kubernetes", "changed", "change_not_taken_up"),
        ("kubernetes", "changed", "paused"),
        ("kubernetes", "gone", "deployment_gone"),
    ),
    "production-deployment/2": (
        *(("web", "part_is", name, "down") for name in ("database", "redis", "kafka", "stripe")),
        *(("web", "part_is", name, "") for name in ("database", "redis", "kafka", "stripe")),
        ("web", "says_unwell"),
        ("web", "answers_with", "/health", "503"),
        ("web", "answers_with", "/ready", "503"),
        ("web", "shows_a_page", "/ready"),
        ("kubernetes", "changed", "no_readiness_probe"),
        ("kubernetes", "changed", "no_liveness_probe"),
    ),
    "production-deployment/3": (
        *(("prometheus", "target_down", service) for service in _SERVICES),
        *(("prometheus", "target_gone", service) for service in _SERVICES),
        ("prometheus", "target_stale", "auth"),
        ("prometheus", "query_gives", TRAFFIC, "0"),
    ),
    "production-deployment/4": (
        *(("aws-logs", "group_fell_silent", group, "6") for group in _GROUPS),
        *(("aws-logs", "group_gone", group) for group in _GROUPS),
    ),
    "production-deployment/5": (
        *(("jaeger", "never_reported", service) for service in _SERVICES),
        ("jaeger", "nothing_new", "16 min"),
    ),
    "production-deployment/6": (
        *(fault for alert in _ALERTS for fault in _sees(alert)),
        ("pagerduty-history", "the_test_page_is_old", "8"),
        ("pagerduty-history", "nobody_sent_a_test_page"),
        ("pagerduty-history", "nobody_answered"),
        ("pagerduty-history", "only_the_integration_answered"),
        ("pagerduty-history", "the_answer_took_an_hour"),
    ),
    "post-deployment/1": (
        *(("grafana", "dashboard_gone", uid) for uid in ("service-health", "kafka", "database", "business")),
        ("grafana", "panel_broken", "service-health", "http_requests_total"),
        ("grafana", "points_stopped", "301"),
        ("grafana", "nothing_scraped"),
        *(("prometheus", "target_down", service) for service in _SERVICES),
        ("prometheus", "target_gone", "risk"),
    ),
    "post-deployment/2": (
        ("alertmanager", "silenced"),
        ("alertmanager", "silenced_forever"),
        ("alertmanager", "routed_elsewhere"),
        ("alertmanager", "swallowed_before"),
        ("alertmanager", "receiver_emptied"),
        ("pagerduty", "the_service", "status", "maintenance"),
        ("pagerduty", "the_service", "status", "disabled"),
        ("pagerduty", "the_service", "policy", "PTRADES"),
        ("pagerduty", "the_service", "name", "something-else"),
        ("pagerduty", "nothing_is_integrated"),
    ),
    "post-deployment/3": (
        *(("aws-logs", "lines_like", "2026-11-22 10:00:00 INFO order placed", group) for group in _GROUPS),
        *(("aws-logs", "lines_like", '{"level": "loud", "message": "order placed"}', group) for group in _GROUPS),
        *(("aws-logs", "lines_like", '{"message": "order placed"}', group) for group in _GROUPS),
        ("aws-logs", "nobody_writes", "request"),
        ("aws-logs", "group_fell_silent", "/vatic/orders", "61"),
    ),
    "post-deployment/4": (
        ("jaeger", "never_reported", "orders"),
        ("jaeger", "never_reported", "withdrawals"),
        ("jaeger", "never_reported", "risk"),
        ("jaeger", "context_lost"),
        ("jaeger", "parent_lost"),
        ("jaeger", "parent_unknown", "withdrawals"),
    ),
    "post-deployment/5": (
        ("pagerduty-history", "nobody_was_told"),
        ("pagerduty-history", "no_deployment_was_told"),
        ("pagerduty-history", "the_deployment_was_long_ago", "8"),
    ),
    "post-deployment/6": page("deployment-log.md", "Version", "Changes", "Course", "Follow-ups", days=7, short=False),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    f"vatic/8-deployment/{line}": faults for line, faults in (*_BEFORE.items(), *_IN_PRODUCTION.items())
}
