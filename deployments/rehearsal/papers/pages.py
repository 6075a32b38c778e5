"""The documents of a healthy system, in Markdown."""

from collections.abc import Sequence

from deployments.rehearsal.papers.reports import ago

_SECTIONS = {
    "runbook.md": (
        *("Common issues", "HighLatency", "HighErrorRate", "KafkaConsumerLag", "RedisPoolExhausted"),
        *("DatabasePoolExhausted", "ServiceDown", "Service down", "High error rate", "Slow responses"),
        *("Security incident", "Cost threshold", "Troubleshooting", "Symptoms", "Diagnosis", "Remedies"),
    ),
    "incident-response.md": (
        *("Roles", "Detection", "Triage", "Mitigation", "Recovery", "Severity", "SEV1", "SEV2", "SEV3", "SEV4"),
        *("Communication", "Customers", "Team", "Management", "Review", "Timeline", "Causes", "Follow-ups", "Contacts"),
    ),
    "disaster-recovery.md": ("Order", "Database", "Redis", "Kafka", "Services", "Cluster", "Region", "Vendors"),
    "deployment.md": (
        *("Deployment", "Preparation", "Steps", "Verification", "Rollback", "When to roll back", "How to roll back"),
        *(
            "Database migrations",
            "Applying a migration",
            "Reverting a migration",
            "Configuration",
            "Settings",
            "Secrets",
        ),
    ),
    "monitoring.md": (
        *("Setup", "Prometheus", "Grafana", "Jaeger", "CloudWatch", "Dashboards", "Service health", "Kafka"),
        *("Database", "Business", "Alerts", "HighLatency", "HighErrorRate", "KafkaConsumerLag", "RedisPoolExhausted"),
        *("DatabasePoolExhausted", "ServiceDown", "Metrics", "http_request_duration_seconds", "http_requests_total"),
        *("kafka_consumer_lag", "redis_pool_in_use", "redis_pool_size", "sql_query_duration_seconds"),
        *("websocket_connections", "orders_placed_total", "assessments_created_total"),
        *("withdrawals_processed_total", "rule_violations_total"),
    ),
    "on-call.md": ("On-call", "Handover", "Access", "First steps", "Escalation", "Levels", "Contacts"),
    "rotation-policy.md": ("Database credentials", "API keys", "Stripe", "JWT signing key", "Encryption key"),
    "data-retention.md": ("Customer data", "Trading records", "Logs", "Backups"),
    "data-deletion.md": ("Request", "Deletion", "Backups", "Verification"),
    "privacy-policy.md": ("What is kept", "Why", "For how long", "Rights"),
    "terms-of-service.md": ("Service", "Prices", "Liability", "Ending"),
    "launch-communications.md": ("Customers", "Team", "Status page", "Press"),
    "restore.md": ("When to restore", "Steps", "To a point in time", "Verification"),
    "capacity.md": ("Measured", "Breaking point"),
    "deployment-log.md": ("Version", "Changes", "Course", "Follow-ups"),
}
_ARCHITECTURE = (
    *("Diagrams", "Service dependencies", "Orders", "Market data", "Risk", "Withdrawals", "Notifications", "Auth"),
    *("Data flows", "Order flow", "Market data flow", "Withdrawal flow", "Deployment", "Cluster", "Regions", "Network"),
)


def page(title: str, sections: Sequence[str], reviewed_days_ago: int = 5) -> str:
    """A page in the shape of a real one: front matter, headings, prose, a list, a block of code."""
    reviewed = ago(days=reviewed_days_ago).date()
    parts = [f"---\nowner: platform\nreviewed: {reviewed}\n---\n\n# {title}\n"]
    for number, section in enumerate(sections, start=1):
        parts.append(
            f"## {number}. {section}\n\n"
            f"Whoever is on duty begins here when it is about {section.lower()}. The state before is written into the "
            "incident's channel first, then one change is made at a time, and each is watched for five minutes before "
            "the next. What did not help is taken back.\n\n"
            "1. Look at the dashboard **Service health**, and name the first minute in which it looks different.\n"
            "2. Ask the owner of the service, who is named in the on-call schedule.\n\n"
            "```sh\nkubectl --namespace vatic get pods --sort-by=.status.startTime  # not [Name]: a real command\n```\n"
        )
    return "\n".join(parts)


def documents() -> dict[str, str]:
    """All pages, with the picture that one of them shows."""
    architecture = page("Architecture", _ARCHITECTURE).replace(
        "about diagrams.",
        "about diagrams.\n\n![All services](diagrams/overview.svg), [the order flow](#10-order-flow).",
    )
    architecture += "\nSee [what to do at night](on-call.md#2-handover) and [metrics](./monitoring.md).\n"
    today, later = ago(days=3).date(), ago(days=-27).date()
    review = f"**Last Updated:** {today}\n**Next Review:** {later}\n**Status:** APPROVED\n"
    soon, launch = ago(days=-4).date(), ago(days=-14).date()
    weekly = f"**Last Updated:** {today}\n**Next Review:** {soon}\n**Status:** two lines are open\n"
    plan = f"# Launch plan\n\nLaunch date: {launch}\nAgreed by: product, engineering, security\n"
    return {
        **{name: page(name.removesuffix(".md"), sections) for name, sections in _SECTIONS.items()},
        "architecture.md": architecture,
        "diagrams/overview.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>\n',
        "launch-plan.md": plan,
        "readiness-review.md": f"# Readiness review\n\nThe checklist is gone through every week.\n\n{weekly}",
        "production-readiness.md": f"# Production readiness\n\nEvery line is checked before a launch.\n\n{review}",
    }
