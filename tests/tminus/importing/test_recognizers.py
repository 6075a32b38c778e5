"""A line that is understood gets a check with its own numbers, and one that is not gets none."""

import pytest

from tasks.vocabulary import KINDS
from tests.tminus.importing.imports import checks_of, imported, lines_of, seen
from tminus.importing.percentiles import percentiles
from tminus.importing.recognizers import recognize
from tminus.importing.seen import Seen
from tminus.readiness.book import Holds
from tminus.runbook import Spec

UNDERSTOOD: dict[str, list[tuple[str, dict[str, str]]]] = {
    ">80% code coverage": [("artifact.coverage", {"lines": "> 80 %"})],
    "Test coverage at least 75 percent": [("artifact.coverage", {"lines": ">= 75 %"})],
    "Load tests: p99 <10ms, 1,000 concurrent users, 500 rps, error rate <0.1%": [
        ("artifact.load", {"p99": "< 10 ms", "rate": ">= 500 requests/s", "errors": "< 0.1 %", "users": ">= 1000"})
    ],
    "Spike test: 0 → 5,000 users in 30 seconds with p99 <15ms": [
        ("artifact.load", {"p99": "< 15 ms", "users": ">= 5000", "ramp": "<= 30 s"})
    ],
    "API latency: p95 < 200ms, p99 < 1s": [("http.latency", {"p95": "< 200 ms", "p99": "< 1 s"})],
    "Query performance (p99 <100ms)": [("metrics.prometheus", {"seconds": "< 100 ms"})],
    "Error Rate: <0.1%": [("metrics.prometheus", {"ratio": "< 0.1 %"})],
    "Throughput: 10,000 orders/sec": [("artifact.load", {"rate": ">= 10000 requests/s"})],
    "Uptime: 99.9%": [("pagerduty.incidents", {"uptime": ">= 99.9 %"})],
    "MTTR: <15 minutes": [("pagerduty.incidents", {"mttr": "< 15 min"})],
    "Zero security incidents": [("pagerduty.incidents", {"incidents": "= 0"})],
    "Cache Hit Rate: >80%": [("redis.stats", {"hit_rate": "> 80 %"})],
    "RTO: <1 hour": [("artifact.setting", {"seconds": "< 1 h"})],
    "Recovery point objective (RPO): 15 min": [("artifact.setting", {"seconds": "<= 15 min"})],
    "CockroachDB backups every 6 hours": [("cockroach.backups", {"every": "<= 6 h", "failures": "= 0"})],
    "Backups every 6 hours, kept for 30 days": [
        ("aws.objects", {"objects": ">= 2", "newest": "<= 6 h", "gaps": "= 0"}),
        ("aws.bucket", {"retention": "= 30 d"}),
    ],
    "Automated daily backups": [("aws.objects", {"objects": ">= 2", "newest": "<= 24 h", "gaps": "= 0"})],
    "Backup retention policy: 30 days": [("aws.bucket", {"retention": "= 30 d"})],
    "Jaeger configured with 7-day retention": [("artifact.setting", {"days": "= 7 d"})],
    "Log retention (30 days)": [("aws.log_groups", {"present": "= all", "retention": "= 30 d"})],
    "Prometheus with 15-day retention": [("prometheus.retention", {"retention": "= 15 d"})],
    "Kafka topic replication factor = 3": [
        ("kafka.topics", {"present": "= all", "replication": "= 3", "offline": "= 0"})
    ],
    "Encryption in transit (TLS 1.3)": [
        ("tls.endpoint", {"version": "= TLSv1.3", "older": "= refused", "trusted": "= yes", "hostname": "= match"})
    ],
    "Rate limiting: 100 req/min per user": [("http.rate_limit", {"allowed": "<= 100", "refused": ">= 1"})],
    "Rate limiting (5/min login, 3/min register)": [
        ("http.rate_limit", {"allowed": "<= 5", "refused": ">= 1"}),
        ("http.rate_limit", {"allowed": "<= 3", "refused": ">= 1"}),
    ],
    "Token expiration (1 hour)": [("jwt.token", {"issued": "= yes", "lifetime": "<= 1 h"})],
    "CSP and HSTS": [
        ("http.headers", {"present": "= yes"}),
        ("http.headers", {"present": "= yes", "max_age": "> 0 s"}),
    ],
    "X-Content-Type-Options: nosniff": [("http.headers", {"value": "= nosniff"})],
    "X-Frame-Options: SAMEORIGIN": [("http.headers", {"value": "= SAMEORIGIN"})],
    "Referrer-Policy": [("http.headers", {"present": "= yes"})],
    "No hardcoded credentials": [("artifact.scan", {"reports": ">= 1", "critical": "= 0", "high": "= 0"})],
    "No critical vulnerabilities": [("artifact.scan", {"reports": ">= 1", "critical": "= 0"})],
    "No high or critical vulnerabilities": [
        ("artifact.scan", {"reports": ">= 1", "critical": "= 0", "high": "= 0"}),
    ],
    "Health endpoints: `/healthz`, `/ready`": [
        ("endpoint.health", {"status": "= 200", "healthy": "= yes"}),
        ("endpoint.health", {"status": "= 200", "healthy": "= yes"}),
    ],
    "EKS cluster with 3+ nodes": [
        ("aws.cluster", {"status": "= ACTIVE", "nodes": ">= 3"}),
        ("kubernetes.nodes", {"ready": ">= 3"}),
    ],
    "Pod resource limits configured": [("kubernetes.limits", {"limited": "= all"})],
    "Horizontal Pod Autoscaler (HPA) configured": [("kubernetes.autoscalers", {"scaled": "= all", "able": "= all"})],
    "Pod Disruption Budgets (PDB)": [("kubernetes.disruption_budgets", {"covered": "= all", "blocking": "= 0"})],
    "Network policies enforced": [("kubernetes.network_policies", {"default_deny": "= yes", "covered": "= all"})],
    "Rollback procedures documented": [("document.page", {"present": "= yes", "placeholders": "= 0"})],
    "On-call runbook created": [("document.page", {"present": "= yes", "placeholders": "= 0"})],
    "Terms of service updated": [("document.page", {"present": "= yes", "placeholders": "= 0"})],
    "Statement timeout (30s)": [("sql.query", {"seconds": "= 30 s"})],
    "Connection pooling (20 min, 40 max)": [
        ("artifact.setting", {"value": "= 20"}),
        ("artifact.setting", {"value": "= 40"}),
    ],
    "Kafka consumer lag <100ms": [("kafka.lag", {"members": ">= 1", "behind": "< 100 ms"})],
    "Service down alerts": [("prometheus.rules", {"loaded": ">= 1", "health": "= ok"})],
    "Service health dashboard (latency)": [
        ("grafana.dashboard", {"present": "= yes", "panels": ">= 1", "datasources": "= all"})
    ],
    "E2E tests passing": [("artifact.tests", {"tests": ">= 1", "failed": "= 0"})],
}


@pytest.mark.parametrize("title", UNDERSTOOD)
def test_a_line_that_is_understood_gets_a_check_with_its_numbers(title: str) -> None:
    """What is expected is what the line says, in its own unit."""
    assert checks_of(recognize(seen(title), KINDS)) == UNDERSTOOD[title]


@pytest.mark.parametrize(
    "title",
    [
        "Coverage report generated and reviewed",
        "Backup testing completed (restore from backup)",
        "Penetration testing completed",
        "Disaster recovery plan tested",
        "Disaster recovery team trained",
        "Deployment plan reviewed",
        "TLS 1.2 or newer",
        "Response time < 200 ms",
        "Rate limiting configured",
        "Kafka retention policy configured",
        "Error rate < 0,1 %",
        "Dashboards reviewed and approved",
        "Retention of 30 days",
        "Uptime 99.9%, error rate < 0.1%",
        "RPO: 15 min, RTO: 1 h",
        "Load test with 100 users, then 1,000 users",
        "Access tokens expire after 15 min, refresh tokens after 7 days",
        "Code review completed",
        "Cross-region replication configured",
    ],
)
def test_a_line_that_is_not_understood_gets_none(title: str) -> None:
    """What people do, what names no number, and what could mean two things is not guessed."""
    assert recognize(seen(title), KINDS).checks == ()


@pytest.mark.parametrize(
    ("title", "above", "expected"),
    [
        ("p99 latency >10ms", "Alert rules configured:", ("prometheus.rules", {"p99_alert": "10 ms"})),
        ("Error rate >1%", "Alerts", ("prometheus.rules", {"error_alert": "1 %"})),
        ("p99 latency >10ms for 5 minutes", "Alerts", ("prometheus.rules", {"p99_alert": "10 ms"})),
        ("Database connectivity", "Health checks include:", ("endpoint.health", {})),
        ("Withdrawal calculations", "Unit tests passing", ("artifact.tests", {})),
        ("Redis → CockroachDB persistence", "Integration tests passing", ("artifact.tests", {})),
        ("Kafka consumer lag", "Metrics exported for:", ("prometheus.metrics", {})),
    ],
)
def test_a_part_is_understood_by_what_it_stands_under(
    title: str, above: str, expected: tuple[str, dict[str, str]]
) -> None:
    """The same words under an alert are another claim than by themselves."""
    found = recognize(seen(title, above, part=True), KINDS)

    assert (found.checks[0].kind, dict(found.promises)) == expected


@pytest.mark.parametrize(
    ("title", "promises"),
    [
        ("RTO: 1 hour", {"rto": "1 h"}),
        ("Redis persistence with 1-hour RPO", {"rpo": "1 h"}),
        ("Backups every 6 hours", {"backup_every": "6 h"}),
        ("Incremental backups every 15 minutes", {"incremental_every": "15 min"}),
        ("Uptime: 99.9%", {"uptime": "99.9 %"}),
        ("Error rate <0.1%", {"error_rate": "0.1 %"}),
        ("API p99 latency <10ms", {"p99": "10 ms"}),
        ("CockroachDB replication factor of 3", {"replication": "3"}),
        ("Replication factor = 3", {"replication": "3"}),
        ("A cluster of 3+ nodes", {"nodes": "3"}),
    ],
)
def test_what_a_line_promises_is_said_for_finding_contradictions(title: str, promises: dict[str, str]) -> None:
    """By the names that contradictions are looked for under."""
    assert dict(recognize(seen(title), KINDS).promises) == promises


def test_vendors_that_the_file_speaks_of_are_asked() -> None:
    """Datadog where only Datadog is named, Prometheus where it is."""
    kinds = [
        recognize(seen(title, document=document), KINDS).checks[0].kind
        for document in ("datadog", "datadog and prometheus", "grafana and prometheus")
        for title in ("Service down alerts", "p99 latency <10ms")
    ]

    assert kinds == [
        "datadog.monitors",
        "http.latency",
        "prometheus.rules",
        "metrics.prometheus",
        "prometheus.rules",
        "metrics.prometheus",
    ]


@pytest.mark.parametrize(
    ("command", "run"),
    [
        ("./scripts/validate-deployment.sh", True),
        ("./bin/security-audit.sh --strict", True),
        ("./scripts/deploy-production.sh", False),
        ("./scripts/check-and-fix.sh", False),
        ("./scripts/restore.sh <service>", False),
        ("./scripts/verify.sh | tee log", False),
        ("./scripts/verify.sh '", False),
        ("kubectl get pods", False),
        ("rm -rf ./check", False),
    ],
)
def test_only_a_script_that_says_that_it_looks_is_run(command: str, run: bool) -> None:
    """A sweep runs what is suggested every night, so nothing that changes anything may be."""
    found = recognize(Seen(command, holds=Holds.OPERATIONS), KINDS)

    assert [check.kind for check in found.checks] == (["command.run"] if run else [])


@pytest.mark.parametrize(
    ("title", "needs"),
    [
        ("Primary: [Name] - [Phone]", ["reach.phone", "name"]),
        ("Hosting: help@host.example", ["reach.email"]),
        ("AWS: [Support Plan]", ["support.plan"]),
        ("SMS: [Account SID]", ["support.account"]),
        ("Payment: [Account Manager]", ["name"]),
        ("Desk: +1 202 555 0100", ["reach.phone"]),
    ],
)
def test_a_contact_needs_what_its_line_names(title: str, needs: list[str]) -> None:
    """Placeholders say what belongs there."""
    (check,) = recognize(Seen(title, holds=Holds.CONTACTS), KINDS).checks

    assert check.given["needs"] == needs


def test_nothing_is_suggested_that_the_vocabulary_does_not_have() -> None:
    """Neither a kind that is unknown nor one that would refuse the parameters; a promise stays."""
    kinds: dict[str, type[Spec]] = {kind: spec for kind, spec in KINDS.items() if kind != "pagerduty.incidents"}

    found = recognize(seen("Uptime: 99.9%"), kinds)
    assert (found.checks, dict(found.promises)) == ((), {"uptime": "99.9 %"})

    assert recognize(seen("Rate limiting: 100000 req/min"), KINDS).checks == ()


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("p95 < 200ms, p99 < 1s", {"p95": "200 ms", "p99": "1 s"}),
        ("< 200ms p95, < 1s p99", {"p95": "200 ms", "p99": "1 s"}),
        ("p99 latency < 10 ms for 5 minutes", {"p99": "10 ms"}),
        ("after 30 seconds p99 < 15 ms", {"p99": "15 ms"}),
        ("< 15 ms p99 after 30 seconds", {"p99": "15 ms"}),
        ("p95 and p99 < 15 ms", {}),
        ("p99 < 15 ms, p99 < 20 ms", {}),
        ("p99", {}),
    ],
)
def test_each_percentile_has_its_own_limit(title: str, expected: dict[str, str]) -> None:
    """Where the line does not say whose a limit is, nobody's is guessed."""
    assert {name: one.said for name, one in percentiles(seen(title)).items()} == expected


def test_the_headings_help() -> None:
    """`30-day retention policy` under backups is the backups'."""
    (line,) = lines_of("# Backup strategy\n- [ ] 30-day retention policy\n")
    (drafted,) = imported("# Backup strategy\n- [ ] 30-day retention policy\n").lines()

    assert line.title == "30-day retention policy"
    assert checks_of(drafted.suggestion) == [("aws.bucket", {"retention": "= 30 d"})]


@pytest.mark.parametrize("title", UNDERSTOOD)
def test_a_name_that_only_the_reader_knows_is_one_that_nothing_has(title: str) -> None:
    """Buckets, endpoints, reports and the like are marked in the value too, so that none is there by accident."""
    found = recognize(seen(title), KINDS)

    usual = {"backups", "api", "web", "main", "cache", "shop", "orders", "load.json", "coverage.xml", "openapi.yaml"}
    given = [value for check in found.checks for value in check.given.values()]
    flat = [str(one) for value in given for one in (value if isinstance(value, list) else [value])]
    assert not usual & set(flat)
    assert not any(one.startswith(("tests/", "scans/", "settings/", "evidence/", "/shop")) for one in flat)
