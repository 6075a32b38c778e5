"""What breaks the lines of Vatic's chapter on documentation, and of the checklist's own review."""

from collections.abc import Mapping

from bench.proofs.file_faults import page
from bench.proofs.proof import Fault

_API = "openapi.yaml"
_ARCHITECTURE, _RUNBOOK, _ON_CALL = "architecture.md", "runbook.md", "on-call.md"
_DEPLOYMENT, _MONITORING, _INCIDENTS = "deployment.md", "monitoring.md", "incident-response.md"
_ALERTS = (
    *("HighLatency", "HighErrorRate", "KafkaConsumerLag", "RedisPoolExhausted", "DatabasePoolExhausted", "ServiceDown"),
)
_METRICS = (
    *("http_request_duration_seconds", "http_requests_total", "kafka_consumer_lag", "redis_pool_in_use"),
    *("redis_pool_size", "sql_query_duration_seconds", "websocket_connections", "orders_placed_total"),
    *("assessments_created_total", "withdrawals_processed_total", "rule_violations_total"),
)
_SERVICES = ("Orders", "Market data", "Risk", "Withdrawals", "Notifications", "Auth")

_PAGES: Mapping[str, tuple[Fault, ...]] = {
    "architecture-documentation/1": (
        *page(_ARCHITECTURE, "Diagrams"),
        ("documents", "page_missing", "diagrams/overview.svg"),
    ),
    "architecture-documentation/2": page(_ARCHITECTURE, "Service dependencies", *_SERVICES),
    "architecture-documentation/3": (
        *page(_ARCHITECTURE, "Data flows", "Order flow", "Market data flow", "Withdrawal flow"),
        ("documents", "link_to", "#10-order-flow", "#order-flow"),
    ),
    "architecture-documentation/4": page(_ARCHITECTURE, "Deployment", "Cluster", "Regions", "Network"),
    "runbooks/1": page(_RUNBOOK, "Common issues", *_ALERTS),
    "runbooks/2": (
        *page(_RUNBOOK, "Troubleshooting", "Symptoms", "Diagnosis", "Remedies"),
        ("documents", "section_empty", _RUNBOOK),
    ),
    "runbooks/3": page(_ON_CALL, "Escalation", "Levels", "Contacts"),
    "runbooks/4": page(_ON_CALL, "Handover", "Access", "First steps"),
    "deployment-guide/1": page(_DEPLOYMENT, "Preparation", "Steps", "Verification"),
    "deployment-guide/2": page(_DEPLOYMENT, "Rollback", "When to roll back", "How to roll back"),
    "deployment-guide/3": page(_DEPLOYMENT, "Database migrations", "Applying a migration", "Reverting a migration"),
    "deployment-guide/4": page(_DEPLOYMENT, "Configuration", "Settings", "Secrets"),
    "monitoring-guide/1": page(_MONITORING, "Setup", "Prometheus", "Grafana", "Jaeger", "CloudWatch"),
    "monitoring-guide/2": page(_MONITORING, "Dashboards", "Service health", "Kafka", "Database", "Business"),
    "monitoring-guide/3": page(_MONITORING, "Alerts", *_ALERTS),
    "monitoring-guide/4": page(_MONITORING, "Metrics", *_METRICS),
    "incident-response/1": page(_INCIDENTS, "Roles", "Detection", "Triage", "Mitigation", "Recovery"),
    "incident-response/2": page(_INCIDENTS, "Severity", "SEV1", "SEV2", "SEV3", "SEV4"),
    "incident-response/3": page(_INCIDENTS, "Communication", "Customers", "Team", "Management"),
    "incident-response/4": page(_INCIDENTS, "Review", "Timeline", "Causes", "Follow-ups"),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    "vatic/7-documentation/api-documentation/1": (
        ("artifacts", "says", _API, "      summary: Shows one order\n", ""),
        ("artifacts", "says", _API, "title: Vatic, ", ""),
        ("artifacts", "says", _API, "'#/components/schemas/Order'", "'#/components/schemas/Odrer'"),
    ),
    "vatic/7-documentation/api-documentation/3": (
        ("web", "answers_with", "/openapi.json", "404"),
        ("web", "describes"),
    ),
    **{f"vatic/7-documentation/{line}": faults for line, faults in _PAGES.items()},
    "vatic/review/1": (
        ("documents", "dates_say", "updated", "31"),
        ("documents", "dates_say", "updated", "[DATE]"),
        ("documents", "page_missing", "production-readiness.md"),
    ),
    "vatic/review/2": (
        ("documents", "dates_say", "review", "1"),
        ("documents", "dates_say", "next", "[DATE]"),
        ("documents", "page_missing", "production-readiness.md"),
    ),
    "vatic/review/3": (
        ("documents", "dates_say", "status", "[APPROVED / REJECTED]"),
        ("documents", "dates_say", "status", "TBD"),
        ("documents", "dates_say", "status", ""),
        ("documents", "page_missing", "production-readiness.md"),
    ),
}
