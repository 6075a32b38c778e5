"""What breaks the lines of Vatic's chapter on performance."""

from collections.abc import Mapping

from bench.proofs.file_faults import ending, ran, value
from bench.proofs.proof import Fault
from bench.worlds.cockroach import CockroachWorld
from bench.worlds.prometheus import PrometheusWorld
from bench.worlds.world import World
from deployments.rehearsal.vendors.cockroach_state import now
from deployments.rehearsal.vendors.prometheus import Sample

HITS = (
    "sum(rate(redis_keyspace_hits_total[1h])) / "
    "(sum(rate(redis_keyspace_hits_total[1h])) + sum(rate(redis_keyspace_misses_total[1h])))"
)
QUERIES_P99 = "histogram_quantile(0.99, sum by (le) (rate(sql_query_duration_seconds_bucket[5m])))"
TRAFFIC = "sum(rate(http_requests_total[5m])) or vector(0)"
HOUR_P99 = "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[1h])))"
FAILED = '(sum(rate(http_requests_total{status=~"5.."}[1h])) or vector(0)) / sum(rate(http_requests_total[1h]))'
STATUSLESS = 'count(http_requests_total{status!~"[1-5].."}) or vector(0)'
_METRICS = {HITS: "0.91", QUERIES_P99: "0.041", TRAFFIC: "312.5", HOUR_P99: "0.0067", FAILED: "0.0004", STATUSLESS: "0"}

_STATEMENTS = "SELECT count(*) FROM crdb_internal.statement_statistics WHERE aggregated_ts > now() - INTERVAL '1 day'"
_ADVISED = f"{_STATEMENTS} AND array_length(index_recommendations, 1) > 0"
_LIMIT = "SELECT value FROM crdb_internal.cluster_settings WHERE variable = 'sql.log.slow_query.latency_threshold'"
_COUNTED = 'SELECT max("createdAt") FROM system.table_statistics WHERE "tableID" = \'{}\'::REGCLASS::OID::INT8'
_TABLES = ("orders", "trades")

_SETTINGS = "settings/application.yaml"
_STEADY, _ORDERS = "load/steady.json", "load/orders.json"
_TOPICS = ("orders", "trades", "market-data", "notifications")
_WEEK, _MONTH = 7 * 24 + 1, 30 * 24 + 1  # hours, an hour too many


def prepare(worlds: Mapping[str, World]) -> None:
    """What is asked of Prometheus and CockroachDB has the values of a healthy platform."""
    prometheus, cockroach = worlds["prometheus"], worlds["cockroach"]
    assert isinstance(prometheus, PrometheusWorld)
    assert isinstance(cockroach, CockroachWorld)
    for query, answer in _METRICS.items():
        prometheus.prometheus.register(query, answer)
    pools = prometheus.prometheus.series
    pools["redis_pool_size"] = [Sample("32", one.labels) for one in pools["redis_pool_size"]]
    cockroach.fake.gives(_STATEMENTS, 418)
    cockroach.fake.gives(_ADVISED, 0)
    cockroach.fake.gives(_LIMIT, "250ms")
    for table in _TABLES:
        cockroach.fake.gives(_COUNTED.format(table), now())


def _says(old: str, new: str) -> Fault:
    return ("artifacts", "says", _SETTINGS, old, new)


BROKEN: Mapping[str, tuple[Fault, ...]] = {
    "vatic/5-performance/caching/1": (
        _says("{min: 10, max: 50}", "{min: 9, max: 50}"),
        _says("{min: 10, max: 50}", "{min: 10, max: 51}"),
        ("prometheus", "metric_is", "redis_pool_size", "9"),
        ("prometheus", "metric_is", "redis_pool_size", "51"),
    ),
    "vatic/5-performance/caching/2": (
        *ending("integration", "cache_is_invalidated_on_write", ends=("failure", "skipped")),
        ("artifacts", "says", "tests/integration.xml", "cache_is_invalidated", "cache_is_used"),
        ran("integration", _WEEK),
    ),
    "vatic/5-performance/caching/3": (
        ("redis", "lookups_miss"),
        ("prometheus", "query_gives", HITS, "0.8"),
    ),
    "vatic/5-performance/caching/4": (
        ("redis", "key_left", "session:kept", "0", "1"),
        ("redis", "key_left", "session:long", "86500", "1"),
        ("redis", "emptied"),
    ),
    "vatic/5-performance/database/1": (
        _says("min: 20", "min: 19"),
        _says("max: 100", "max: 101"),
    ),
    "vatic/5-performance/database/2": (
        ("cockroach", "query_gives", _STATEMENTS, "0"),
        ("cockroach", "query_gives", _ADVISED, "1"),
    ),
    "vatic/5-performance/database/3": (
        ("prometheus", "query_gives", QUERIES_P99, "0.1"),
        ("prometheus", "series_gone", "sql_query_duration_seconds_bucket", "le", "0.1"),
    ),
    "vatic/5-performance/database/4": (
        ("cockroach", "query_gives", _LIMIT, "0s"),
        ("cockroach", "query_gives", _LIMIT, "1.1s"),
    ),
    "vatic/5-performance/database/5": tuple(
        ("cockroach", "query_gives", _COUNTED.format(table), '{"hours_ago": 169}') for table in _TABLES
    ),
    "vatic/5-performance/message-queue/1": (
        ("kafka", "behind", "orders", "1", "1"),
        ("kafka", "behind", "trades", "1", "1"),
        ("kafka", "behind", "notifications", "1", "1"),
        ("kafka", "nobody_in", "risk"),
        ("kafka", "nobody_in", "notifications"),
        ("prometheus", "query_gives", TRAFFIC, "0"),
    ),
    "vatic/5-performance/message-queue/2": (
        *(("kafka", "topic_has", topic, "2", "partitions") for topic in _TOPICS),
        ("kafka", "topic_gone", "market-data"),
        ("kafka", "behind", "orders", "1000", "0"),
        ("kafka", "behind", "notifications", "1000", "0"),
        ("kafka", "nobody_in", "risk"),
        ("kafka", "nobody_in", "notifications"),
    ),
    "vatic/5-performance/message-queue/4": (
        *(("kafka", "set_to", topic, "retention.ms", "518400000") for topic in _TOPICS),
        ("kafka", "set_to", "orders", "retention.ms", "3600000"),
        ("kafka", "set_to", "trades", "retention.ms", "-1"),
        *(("kafka", "set_to", topic, "cleanup.policy", "compact") for topic in _TOPICS),
    ),
    "vatic/5-performance/websocket/1": (
        ("websocket", "has_one_instance"),
        *ending("integration", "websocket_scales_over_instances"),
        ran("integration", _MONTH),
    ),
    "vatic/5-performance/websocket/2": (
        ("istio", "rule_says", "notifications", "trafficPolicy/loadBalancer", '{"simple": "ROUND_ROBIN"}'),
        ("websocket", "forgets_customers"),
    ),
    "vatic/5-performance/websocket/3": (
        ("istio", "rule_says", "notifications", "trafficPolicy/connectionPool", "null"),
        ("istio", "rule_says", "notifications", "trafficPolicy/connectionPool/tcp/maxConnections", "null"),
    ),
    "vatic/5-performance/websocket/4": (
        _says("max_messages: 50", "max_messages: 1"),
        _says("max_wait: 50ms", "max_wait: 101ms"),
        *ending("integration", "websocket_messages_are_batched"),
        ran("integration", _MONTH),
    ),
    "vatic/5-performance/api/1": (
        ("prometheus", "query_gives", HOUR_P99, "0.01"),
        ("prometheus", "series_gone", "http_request_duration_seconds_bucket", "le", "0.01"),
        value(_STEADY, "/metrics/http_req_duration/values/p(99)", "10.1"),
        value(_STEADY, "/metrics/vus/values/max", "999"),
        value(_STEADY, "/metrics/http_req_failed/values/passes", "2470"),
        value(_STEADY, "/state/testRunDurationMs", "299000"),
        ("artifacts", "file_old", _STEADY, "30.1"),
    ),
    "vatic/5-performance/api/2": (
        value(_ORDERS, "/metrics/http_reqs/rate", "9999"),
        value(_ORDERS, "/metrics/http_req_failed/passes", "1260"),
        value(_ORDERS, "/metrics/http_reqs/count", "600000"),
        ("artifacts", "file_old", _ORDERS, "30.1"),
    ),
    "vatic/5-performance/api/3": (
        ("prometheus", "query_gives", FAILED, "0.001"),
        ("prometheus", "query_gives", STATUSLESS, "1"),
        value(_ORDERS, "/metrics/http_reqs/rate", "9999"),
        value(_ORDERS, "/metrics/http_reqs/count", "600000"),
        value(_ORDERS, "/metrics/http_req_failed/passes", "1260"),
        ("artifacts", "file_old", _ORDERS, "30.1"),
    ),
}
