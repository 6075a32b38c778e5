"""What breaks the lines of TradeSense's chapter before a launch day: what it runs on, security, speed, monitoring."""

from collections.abc import Mapping

from bench.proofs.file_faults import found, page, value
from bench.proofs.proof import Fault
from bench.proofs.tradesense_queries import P95
from bench.proofs.tradesense_success import sql

_SECRETS = ("tradesense/database", "tradesense/jwt", "tradesense/stripe", "tradesense/encryption-key")
_API, _STEADY, _TESTED = "openapi.yaml", "load/steady.json", "evidence/penetration-test.json"
_FINDINGS = "scans/penetration-test.sarif"
_ENDED = "/runs/0/invocations/0/endTimeUtc"
_DURATION = "/metrics/http_req_duration/values"
_POLICY, _TRANSPORT, _SNIFF = "Content-Security-Policy", "Strict-Transport-Security", "X-Content-Type-Options"
_FRAME, _XSS, _REFERRER, _FEATURES = "X-Frame-Options", "X-XSS-Protection", "Referrer-Policy", "Permissions-Policy"
_PREVIEW = "/api/orders/preview"
_OURS = "tradesense"
_MONITORS = ("Service down", "High error rate", "Slow responses", "Security incident", "Cost threshold")
_WEEK, _HALF_A_YEAR = 7 * 24 + 1, 180 * 24 + 1  # hours, an hour too many
_COUNTED_ANEW = "SELECT pg_stat_statements_reset()"
_ASKED_OFTEN = ";".join([_COUNTED_ANEW, *["SELECT count(*) FROM operators"] * 10])


def _site(name: str, *values: str) -> tuple[Fault, ...]:
    """A header of the website says something else, or is not sent."""
    return tuple(("web", "header_differs", "site", name, value) for value in ("", *values))


def _served(endpoint: str) -> tuple[Fault, ...]:
    """A certificate is signed by nobody, is another host's, or ends soon."""
    return (
        ("tls", "certificate_is_of_nobody", endpoint),
        ("tls", "certificate_is_for", "old.tradesense.example", endpoint),
        ("tls", "certificate_ends", "13", endpoint),
    )


def _leads_away(endpoint: str) -> tuple[Fault, ...]:
    """A name has no address, or one that leads elsewhere."""
    host = f"{endpoint}.tradesense.example"
    return (("dns", "name_is_gone", host), ("dns", "name_leads_elsewhere_too", host))


_INFRASTRUCTURE: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        ("railway", "the_worker", "status", "FAILED"),
        ("railway", "the_worker", "name", "worker-old"),
        ("railway", "an_instance_crashed"),
        ("railway", "an_instance_is", "STOPPED"),
        ("railway", "the_deployment_is_stopped", "api"),
        ("railway", "the_service_is_deleted", "web"),
        ("railway", "the_worker_runs_once"),
    ),
    "2": (
        ("postgres", "setting", "default_transaction_read_only", "on"),
        ("postgres", "connections_taken"),
        ("postgres", "setting", "password_encryption", "md5"),
        ("postgres", "standby_gone"),
        ("artifacts", "says", "settings/api.yaml", "ssl_mode: verify-full", "ssl_mode: require"),
        ("artifacts", "says", "settings/api.yaml", "ssl_mode: verify-full", ""),
    ),
    "3": (
        ("redis", "replica_gone"),
        ("redis", "demoted"),
        ("redis", "snapshot_fails"),
        ("redis", "nearly_full"),
        ("redis", "configured", "maxmemory", "0"),
    ),
    "4": (
        *(fault for endpoint in ("api", "web", "cdn") for fault in _served(endpoint)),
        ("tls", "plain_answers", ""),
        ("tls", "plain_answers", "http://127.0.0.1/"),
        ("tls", "plain_is_closed"),
    ),
    "5": tuple(fault for endpoint in ("api", "web", "cdn") for fault in _leads_away(endpoint)),
}
_SECURITY: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        *(("aws-secrets", fault, name) for fault in ("gone", "deleted", "empty") for name in _SECRETS),
        *(("aws-secrets", "old_value", name, "91") for name in _SECRETS),
        *(("aws-secrets", "unnamed", "tradesense", name) for name in ("database", "jwt", "stripe", "encryption-key")),
        ("aws-secrets", "old_value", "tradesense/database", "31"),
    ),
    "2": (
        *_site(_POLICY, "default-src 'self' 'unsafe-inline'", "default-src 'self' 'unsafe-eval'", "default-src *"),
        *_site(_POLICY, "script-src 'self'")[1:],
        *_site(_TRANSPORT, "max-age=31535999; includeSubDomains"),
        *_site(_SNIFF),
        *_site(_FRAME, "SAMEORIGIN"),
        *(fault for name in (_XSS, _REFERRER, _FEATURES) for fault in _site(name)),
        ("web", "header_differs", "api", _TRANSPORT, "max-age=31535999"),
        ("web", "header_differs", "api", _TRANSPORT, ""),
        ("web", "header_differs", "api", _SNIFF, ""),
        *found("zap.json", "3", "2"),
        ("artifacts", "time_is", "scans/zap.json", "/created", str(_WEEK)),
    ),
    "4": (
        ("artifacts", "says", _API, ", schema: {type: integer, maximum: 100}", ""),
        ("artifacts", "says", _API, "schema: {$ref: '#/components/schemas/Order'}", "schema: {}"),
        ("artifacts", "says", _API, "'#/components/schemas/Order'", "'#/components/schemas/Odrer'"),
        ("web", "orders_of_any", "quantity"),
        ("web", "orders_of_any", "side"),
        ("web", "answers_with", _PREVIEW, "500"),
        ("web", "believes", "refuses_all"),
    ),
    "5": (
        value(_TESTED, "/status", '"planned"'),
        ("artifacts", "time_is", _TESTED, "/finished_at", str(_HALF_A_YEAR)),
        ("artifacts", "says", _TESTED, '"tester"', '"scanner"'),
        ("artifacts", "says", _TESTED, '"findings"', '"scanned"'),
        *found("penetration-test.sarif", "9.8", "7.5", "5.0", ""),
        ("artifacts", "time_is", _FINDINGS, _ENDED, str(_HALF_A_YEAR)),
    ),
}
_SPEED: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        value(_STEADY, "/metrics/vus/values/max", "499"),
        value(_STEADY, "/state/testRunDurationMs", "299000"),
        value(_STEADY, f"{_DURATION}/p(95)", "200"),
        value(_STEADY, "/metrics/http_req_failed/values/passes", "2463"),  # a little over 0.1 % of 2.46 million
        ("artifacts", "file_old", _STEADY, "30.1"),
    ),
    "2": (
        sql(_COUNTED_ANEW, _ASKED_OFTEN),
        sql(";".join(["SELECT pg_sleep(0.051)"] * 10), _ASKED_OFTEN),
        sql(
            "CREATE TABLE unseen WITH (autovacuum_enabled = off) AS SELECT generate_series(1, 1001)",
            "DROP TABLE unseen",
        ),
    ),
    "3": (
        ("redis", "lookups_miss", "50"),
        ("redis", "configured", "maxmemory-policy", "noeviction"),
        ("redis", "key_left", "tmp", "60", "1"),
        ("redis", "key_left", "session:kept", "0", "1"),
        ("redis", "emptied"),
    ),
    "4": (
        ("web", "files_are_not_cached"),
        ("web", "files_are_not_compressed"),
        ("web", "files_are_kept_for", "86399"),
        ("web", "files_are_kept_for", "0"),
        ("web", "file_is_gone"),
    ),
    "5": (
        ("datadog", "the_metric", P95, "0.2"),
        ("web", "is_slow", "0.2"),
        ("web", "answers_with", "/api/portfolio", "500"),
        value(_STEADY, "/metrics/vus/values/max", "499"),
        value(_STEADY, "/state/testRunDurationMs", "299000"),
        value(_STEADY, f"{_DURATION}/p(95)", "200"),
        value(_STEADY, "/metrics/http_req_failed/values/passes", "2463"),
        ("artifacts", "file_old", _STEADY, "30.1"),
    ),
}
_MONITORING: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        ("web", "part_is", "worker", "down"),
        ("web", "part_is", "worker", ""),
        ("web", "part_is", "redis", "down"),
        ("web", "part_is", "database", "down"),
        ("web", "is_slow", "0.2"),
        ("web", "site_answers_with", "/health", "503"),
        ("railway", "an_instance_crashed"),
        ("railway", "an_instance_is", "STOPPED"),
        ("railway", "the_deployment_is_stopped", "api"),
        ("railway", "the_service_is_deleted", "web"),
    ),
    "2": (
        *(("aws-logs", "group_gone", f"/tradesense/{service}") for service in ("api", "web", "worker")),
        *(("aws-logs", "group_fell_silent", f"/tradesense/{service}", "15") for service in ("web", "worker")),
        ("aws-logs", "nobody_writes", "request", "/tradesense/api"),
    ),
    "4": (
        *(("datadog", "the_monitor", name, "name", "renamed") for name in _MONITORS),
        ("datadog", "the_monitor", "Cost threshold", "message", "Cost threshold: see the runbook."),
        ("datadog", "the_monitor", "Service down", "state", "No Data"),
        ("datadog", "the_monitor", "Service down", "draft_status", "draft"),
        ("datadog", "the_monitor", "Security incident", "state", "Skipped"),
        ("datadog", "the_monitor_is_muted", "Slow responses"),
        ("pagerduty", "the_service", "name", "something-else", _OURS),
        ("pagerduty", "the_service", "policy", "PVATIC", _OURS),
        ("pagerduty", "the_service", "status", "maintenance", _OURS),
        ("pagerduty", "the_service", "status", "disabled", _OURS),
        ("pagerduty", "nothing_is_integrated", _OURS),
        ("pagerduty-history", "the_test_page_is_old", "31", _OURS),
        ("pagerduty-history", "the_answer_took", "15.1", _OURS),
        ("pagerduty-history", "nobody_answered", _OURS),
        ("pagerduty-history", "nobody_sent_a_test_page", _OURS),
    ),
    "5": page("runbook.md", *_MONITORS, "Diagnosis", "Remedies"),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    f"tradesense/pre-launch-checklist/{section}/{number}": faults
    for section, lines in (
        ("infrastructure", _INFRASTRUCTURE),
        ("security", _SECURITY),
        ("performance", _SPEED),
        ("monitoring", _MONITORING),
    )
    for number, faults in lines.items()
}
