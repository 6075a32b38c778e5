"""What is asked of Vatic's CockroachDB, and what must make each of it fail."""

from bench.worlds.world import Case
from deployments.rehearsal.vendors.cockroach_state import COLLECTION

_MAIN = {"database": "main"}
ORDERS = "SELECT count(*) FROM orders WHERE status = 'stuck'"
P99 = "SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY latency) FROM order_latencies"
LAST = "SELECT max(placed_at) FROM orders"

CASES = (
    Case(
        "cockroach.nodes",
        _MAIN,
        {"live": "= all", "version": "= v24.3.4"},
        ("node_dead", "node_forgotten", "versions_mixed"),
    ),
    Case(
        "cockroach.replication",
        _MAIN,
        {"replicas": ">= 3", "under_replicated": "= 0", "unavailable": "= 0", "localities": ">= 3"},
        (
            ("ranges", "underreplicated"),
            ("ranges", "unavailable"),
            ("zone_asks_for", "DATABASE vatic", "1"),
            "one_zone",
        ),
    ),
    Case(
        "cockroach.backups",
        {**_MAIN, "schedule": "vatic"},
        {
            "every": "<= 1 h",
            "newest": "< 2 h",
            "encrypted": "= yes",
            "retention": ">= 30 d",
            "failures": "= 0",
            "incremental": "= yes",
            "schedules": "= all",
            "backups": ">= 30",
        },
        (
            ("schedule_paused", "889001"),
            ("schedule_paused", "889002"),
            ("schedule_recurs", "889001", "0 */6 * * *"),
            "schedules_dropped",
            "schedule_relabelled",
            "backups_stale",
            "backup_failed",
            "not_encrypted",
            "deleted_early",
            "collection_empty",
        ),
    ),
    Case(
        "cockroach.backups",
        {**_MAIN, "of": "vatic"},
        {
            "every": "<= 1 h",
            "newest": "< 2 h",
            "encrypted": "= yes",
            "retention": ">= 30 d",
            "incremental": "= yes",
        },
        (
            ("scratch_besides", "paused"),
            ("scratch_besides", "stale"),
            ("scratch_besides", "gone"),
            ("backed_up_only", "TABLE vatic.public.orders"),
            ("backed_up_only", "DATABASE Staging, reporting"),
            ("schedule_paused", "889001"),
            "schedules_dropped",
        ),
    ),
    Case("cockroach.backups", {**_MAIN, "of": "vatic"}, {"failures": "= 0"}, (("scratch_besides", "gone"),)),
    Case(
        "cockroach.backups",
        _MAIN,
        {"every": "<= 1 h", "newest": "< 1 h"},
        (("scratch_besides", "paused"), ("scratch_besides", "stale"), ("newest_backup_is", "61")),
    ),
    Case(
        "cockroach.backups",
        {**_MAIN, "collection": COLLECTION},
        {"retention": ">= 30 d"},
        ("deleted_early", "collection_empty"),
    ),
    Case(
        "sql.query",
        {**_MAIN, "on": "cockroach", "query": ORDERS},
        {"value": "= 0"},
        (("query_gives", ORDERS, "3"),),
    ),
    Case(
        "sql.query",
        {**_MAIN, "on": "cockroach", "query": ORDERS, "as_of": "10s"},
        {"value": "= 0"},
        (("query_gives", ORDERS, "3"),),
    ),
    Case(
        "sql.query",
        {**_MAIN, "on": "cockroach", "query": P99},
        {"milliseconds": "< 100 ms"},
        (("query_gives", P99, '{"seconds": 0.45}'),),
    ),
    Case(
        "sql.query",
        {**_MAIN, "on": "cockroach", "query": LAST},
        {"age": "< 1 h"},
        (("query_gives", LAST, '{"hours_ago": 26}'),),
    ),
    Case(
        "sql.query",
        {**_MAIN, "on": "cockroach", "query": "SHOW CLUSTER SETTING cluster.organization;"},
        {"word": "= Vatic"},
        (("query_gives", "SHOW CLUSTER SETTING cluster.organization", "Other"),),
    ),
)
