"""Vatic's Prometheus: what it scrapes, what it knows, which alerts it holds, and how long it keeps everything."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.prometheus import PrometheusFake, Rule, Sample, Target

JOBS = ("orders", "market-data", "risk", "withdrawals", "notifications", "auth")
METRICS = (
    "http_request_duration_seconds_bucket",
    "http_requests_total",
    "kafka_consumer_lag",
    "redis_pool_in_use",
    "redis_pool_size",
    "sql_query_duration_seconds_bucket",
    "websocket_connections",
    "orders_placed_total",
    "assessments_created_total",
    "withdrawals_processed_total",
    "rule_violations_total",
)
P99 = "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))"
ERRORS = 'sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))'
TRAFFIC = "sum(rate(http_requests_total[5m]))"
BEHIND = "max by (group) (kafka_consumer_lag)"
REDIS_POOL = "redis_pool_in_use / redis_pool_size"
VOLUMES = "kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes"
FREE = VOLUMES.replace("_bytes", '_bytes{job="kubelet"}')
DATABASE_POOL = "sql_pool_in_use / sql_pool_size"

_BUCKETS = tuple({"le": le} for le in ("0.005", "0.01", "0.1", "1", "+Inf"))
_RULE = {"alert": "HighLatency"}
_WHOLE = {"loaded": "= 1", "seconds": "<= 10 ms", "fires": "= above", "for": "<= 5 min"}
_SEEN = {"severity": "= critical", "health": "= ok", "measured": "= yes"}


class PrometheusWorld(World):
    """Six services, each scraped twice, with alerts on what they send.

    Attributes:
        prometheus: the fake, whose registry of queries, rules and series may be added to while the world runs.
        queries: query → what it gives in the healthy world; those of a subclass come on top.
    """

    system: ClassVar[str] = "prometheus"
    real: ClassVar[bool] = False
    queries: ClassVar[dict[str, str]] = {P99: "0.0062", ERRORS: "0.0004", TRAFFIC: "312.5", BEHIND: "13"}

    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "prometheus.targets",
            {"jobs": list(JOBS)},
            {"up": "= all", "jobs": "= all", "scraped": "< 60 s"},
            (("target_down", "orders"), ("target_gone", "risk"), ("target_stale", "auth"), ("never_scraped", "auth")),
        ),
        Case("prometheus.targets", {"jobs": list(JOBS)}, {"jobs": "= all"}, (("job_down", "orders"),)),
        Case(
            "prometheus.metrics",
            {"metrics": ["http_request_duration_seconds", "http_requests_total"], "labels": {"job": "orders"}},
            {"present": "= all"},
            (("metric_gone", "http_requests_total"), ("metric_gone", "http_request_duration_seconds_bucket")),
        ),
        Case("prometheus.metrics", {"metrics": list(METRICS)}, {"present": "= all"}, (("metric_gone", METRICS[-1]),)),
        Case(
            "prometheus.metrics",
            {"metrics": ["sql_query_duration_seconds_bucket"], "labels": {"le": "0.1"}},
            {"present": "= all"},
            (("series_gone", "sql_query_duration_seconds_bucket", "le", "0.1"),),
        ),
        Case(
            "prometheus.rules",
            _RULE,
            {**_WHOLE, **_SEEN},
            (
                ("rule_gone", "HighLatency"),
                ("rule_threshold", "HighLatency", "1"),
                ("rule_upside_down", "HighLatency"),
                ("rule_waits", "HighLatency", "1800"),
                ("rule_severity", "HighLatency", "info"),
                ("rule_fails", "HighLatency"),
                ("rule_blind", "HighLatency"),
                ("rule_doubled", "HighLatency", "2.5"),
                ("rule_blind_by_default", "HighLatency"),
            ),
            (("rule_always_fires", "HighLatency"),),
        ),
        Case(
            "prometheus.rules",
            {"alert": "HighErrorRate", "labels": {"severity": "critical"}},
            {"ratio": "<= 1 %"},
            (("rule_gone", "HighErrorRate"), ("rule_threshold", "HighErrorRate", "5e-2")),
        ),
        Case(
            "prometheus.rules",
            {"alert": "ServiceDown"},
            {"threshold": "= 0", "fires": "= at"},
            (("rule_threshold", "ServiceDown", "2"),),
        ),
        Case(
            "prometheus.rules",
            {"alert": "RedisPoolExhausted"},
            {"percent": "<= 90 %"},
            (("rule_threshold", "RedisPoolExhausted", "99"),),
        ),
        Case("prometheus.retention", {}, {"retention": ">= 15 d"}, (("keeps", "7d"), ("keeps", "2d or 10GiB"))),
        Case("metrics.prometheus", {"query": P99}, {"seconds": "< 10 ms"}, (("query_gives", P99, "0.2"),)),
        Case("metrics.prometheus", {"query": ERRORS}, {"ratio": "< 0.1 %"}, (("query_gives", ERRORS, "0.011"),)),
        Case(
            "metrics.prometheus",
            {"query": "websocket_connections", "take": "sum"},
            {"value": ">= 1", "series": "= 12"},
            (("metric_is", "websocket_connections", "0"),),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.prometheus = PrometheusFake("made-up-for-this-world")
        self._url = ""
        self._fill()

    def _fill(self) -> None:
        fake = self.prometheus
        for job in JOBS:
            for instance in (f"{job}-0:9100", f"{job}-1:9100"):
                fake.targets.append(Target(job, instance))
                for metric in ("up", *METRICS):
                    for bucket in _BUCKETS if metric.endswith("_bucket") else ({},):
                        fake.add(metric, "1", job=job, instance=instance, **bucket)
        for metric in VOLUMES.split(" / "):
            fake.add(metric, "5e10", job="kubelet", persistentvolumeclaim="cockroach-0")
        for query, value in self.queries.items():
            fake.register(query, value)
        fake.rules += [
            Rule("HighLatency", P99, ">", "0.01", value="0.0062"),
            Rule("HighErrorRate", f"({ERRORS})", ">", "0.01", value="0.0004", guard=f"and {TRAFFIC} > 1"),
            Rule("HighErrorRate", f"100 * {ERRORS}", ">", "0.5", value="0.04", labels={"severity": "warning"}),
            Rule("KafkaConsumerLag", BEHIND, ">", "1000", value="13"),
            Rule("RedisPoolExhausted", f"100 * {REDIS_POOL}", ">=", "90", value="31"),
            Rule("DatabasePoolExhausted", f"100 * {DATABASE_POOL}", ">=", "90", value="44"),
            Rule("ServiceDown", "up", "==", "0", value="1", seconds=60),
            Rule("KubePersistentVolumeFillingUp", FREE, "<", "0.03", value="0.62", seconds=60),
        ]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serves the fake."""
        with served(self.prometheus.app()) as self._url:
            yield

    def sections(self) -> Sections:
        """Its address and token."""
        return {"prometheus": {"url": self._url, "token": "env:WORLD_PROMETHEUS_TOKEN"}}

    def secrets(self) -> dict[str, str]:
        """The token."""
        return {"WORLD_PROMETHEUS_TOKEN": self.prometheus.token}

    def _rule(self, alert: str) -> Rule:
        return next(rule for rule in self.prometheus.rules if rule.name == alert)

    @fault
    def query_gives(self, query: str, value: str) -> Iterator[None]:
        """A registered query gives another value."""
        with patch.dict(self.prometheus.answers, {query: [Sample(value)]}):
            yield

    @fault
    def metric_gone(self, metric: str) -> Iterator[None]:
        """Nobody sends a metric any more."""
        with patch.dict(self.prometheus.series, {metric: []}):
            yield

    @fault
    def series_gone(self, metric: str, label: str, value: str) -> Iterator[None]:
        """Nobody sends the series of a metric that have this label."""
        left = [one for one in self.prometheus.series[metric] if one.labels.get(label) != value]
        with patch.dict(self.prometheus.series, {metric: left}):
            yield

    @fault
    def metric_is(self, metric: str, value: str) -> Iterator[None]:
        """Every series of a metric has this value."""
        changed = [Sample(value, one.labels) for one in self.prometheus.series[metric]]
        with patch.dict(self.prometheus.series, {metric: changed}):
            yield

    @fault
    def rule_gone(self, alert: str) -> Iterator[None]:
        """An alert was never loaded."""
        left = [rule for rule in self.prometheus.rules if rule.name != alert]
        with patch.object(self.prometheus, "rules", left):
            yield

    @fault
    def rule_threshold(self, alert: str, number: str) -> Iterator[None]:
        """An alert compares with another number."""
        with patch.object(self._rule(alert), "number", number):
            yield

    @fault
    def rule_upside_down(self, alert: str) -> Iterator[None]:
        """An alert fires below its number."""
        with patch.object(self._rule(alert), "sign", "<"):
            yield

    @fault
    def rule_waits(self, alert: str, seconds: str) -> Iterator[None]:
        """An alert must hold for long before it fires."""
        with patch.object(self._rule(alert), "seconds", float(seconds)):
            yield

    @fault
    def rule_severity(self, alert: str, severity: str) -> Iterator[None]:
        """An alert calls itself harmless."""
        with patch.object(self._rule(alert), "labels", {"severity": severity}):
            yield

    @fault
    def rule_fails(self, alert: str) -> Iterator[None]:
        """An alert's last evaluation failed."""
        with patch.object(self._rule(alert), "health", "err"):
            yield

    @fault
    def rule_blind(self, alert: str) -> Iterator[None]:
        """Nothing sends what an alert measures."""
        with patch.dict(self.prometheus.answers, {self._rule(alert).measured: []}):
            yield

    @fault
    def rule_blind_by_default(self, alert: str) -> Iterator[None]:
        """Nothing sends what an alert measures, and it measures a default instead."""
        rule = self._rule(alert)
        with self.rule_blind(alert), patch.object(rule, "measured", f"({rule.measured} or vector(0))"):
            yield

    @fault
    def rule_always_fires(self, alert: str) -> Iterator[None]:
        """An alert's comparison is 0 or 1, and both are a reason to fire."""
        rule = self._rule(alert)
        with patch.object(rule, "sign", f"{rule.sign} bool"):
            yield

    @fault
    def rule_doubled(self, alert: str, number: str) -> Iterator[None]:
        """A second, more lenient rule has the same name."""
        second = replace(self._rule(alert), number=number)
        with patch.object(self.prometheus, "rules", [*self.prometheus.rules, second]):
            yield

    def _of(self, job: str) -> list[Target]:
        return [target for target in self.prometheus.targets if target.job == job]

    @fault
    def target_down(self, job: str) -> Iterator[None]:
        """One of a job's targets cannot be scraped."""
        with patch.object(self._of(job)[0], "health", "down"):
            yield

    @fault
    def job_down(self, job: str) -> Iterator[None]:
        """None of a job's targets can be scraped."""
        down = [replace(one, health="down") if one.job == job else one for one in self.prometheus.targets]
        with patch.object(self.prometheus, "targets", down):
            yield

    @fault
    def target_gone(self, job: str) -> Iterator[None]:
        """A job has no target at all: its discovery finds nothing."""
        left = [target for target in self.prometheus.targets if target.job != job]
        with patch.object(self.prometheus, "targets", left):
            yield

    @fault
    def target_stale(self, job: str) -> Iterator[None]:
        """A target was last scraped ten minutes ago."""
        with patch.object(self._of(job)[0], "scraped_ago", 600.0):
            yield

    @fault
    def never_scraped(self, job: str) -> Iterator[None]:
        """A target was found and not scraped yet."""
        with patch.object(self._of(job)[0], "scraped_ago", None):
            yield

    @fault
    def keeps(self, retention: str) -> Iterator[None]:
        """What it stores is thrown away sooner."""
        with patch.object(self.prometheus, "retention", retention):
            yield
