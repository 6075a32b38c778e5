"""What breaks TradeSense's success metrics."""

from collections.abc import Mapping

from bench.proofs.file_faults import finished, found, value
from bench.proofs.proof import Fault
from bench.proofs.tradesense_queries import (
    ERROR_RATE,
    HIT_RATE,
    HITS_DAY,
    LOOKS_30D,
    P95,
    PROBE_P95_30D,
    QUERY_TIME,
    UPTIME_30D,
)

_PATCHES, _AUDIT, _TRIVY = "evidence/patches.json", "evidence/audit.json", "scans/trivy.json"
_MONITOR = "Security incident"
_TWO_DAYS = "49"  # hours, an hour too many
_COUNTED_ANEW = "SELECT pg_stat_statements_reset()"
_ASKED_OFTEN = ";".join(["SELECT count(*) FROM operators"] * 10)
_ORDERED_AFTER = "UPDATE orders SET placed_at = placed_at"
_SEVENTH_OF_TEN = (
    "WHERE account_id IN (SELECT id FROM (SELECT id, row_number() OVER (ORDER BY created_at) AS i FROM accounts) a "
    "WHERE i % 10 = 6)"
)
_IN_28_DAYS = "day >= current_date - 28 AND day < current_date"


def _gives(query: str, number: str) -> Fault:
    return ("datadog", "the_metric", query, number)


def _probe(query: str, number: str) -> Fault:
    return ("prometheus", "query_gives", query, number)


def sql(breaks: str, mends: str) -> Fault:
    """Rows of the database are as the first statement makes them."""
    return ("postgres", "statement", breaks, mends)


def _without(table: str, rows: str) -> Fault:
    """A table does not have some of its rows."""
    away = f"CREATE TABLE away AS SELECT * FROM {table} WHERE {rows}; DELETE FROM {table} WHERE {rows}"  # noqa: S608 - our own
    return sql(away, f"INSERT INTO {table} TABLE away; DROP TABLE away")


_LINES: Mapping[str, tuple[Fault, ...]] = {
    "technical-kpis/1": (
        _probe(UPTIME_30D, "0.9989"),
        _probe(LOOKS_30D, "42767"),
        ("pagerduty-history", "tradesense_had", "Service down", "10", "44", "high"),  # of the 43,200 min of 30 days
    ),
    "technical-kpis/2": (_gives(P95, "0.2"), _probe(PROBE_P95_30D, "0.2")),
    "technical-kpis/3": (_gives(ERROR_RATE, "0.001"), _gives(HITS_DAY, "999")),
    "technical-kpis/4": (("redis", "lookups_miss", "80"), _gives(HIT_RATE, "0.8")),
    "technical-kpis/5": (
        sql(f"{_COUNTED_ANEW};{';'.join(['SELECT pg_sleep(0.2)'] * 8)}", f"{_COUNTED_ANEW};{_ASKED_OFTEN}"),
        _gives(QUERY_TIME, "0.05"),
    ),
    "security-kpis/1": (  # 25 of 500 are 5 %, which is not less
        sql("UPDATE logins SET succeeded = id % 20 <> 0", "UPDATE logins SET succeeded = id % 50 <> 0"),
    ),
    "security-kpis/2": (
        ("pagerduty-history", "tradesense_had", "Security incident: a leaked key", "10", "30", "low"),
        ("pagerduty-history", "tradesense_had", "Security incident: a leaked key", "180", "0", "high"),
        ("datadog", "the_monitor", _MONITOR, "name", "renamed"),
        ("datadog", "the_monitor", _MONITOR, "message", "Security incident: see the runbook."),
        ("datadog", "the_monitor", _MONITOR, "state", "No Data"),
        ("datadog", "the_monitor", _MONITOR, "draft_status", "draft"),
        ("datadog", "the_monitor_is_muted", _MONITOR),
    ),
    "security-kpis/3": (
        value(_PATCHES, "/worst_hours", "24"),
        value(_PATCHES, "/waiting", "1"),
        ("artifacts", "time_is", _PATCHES, "/measured_at", _TWO_DAYS),
        *found("trivy.json", "CRITICAL", "HIGH"),
        ("artifacts", "time_is", _TRIVY, "/CreatedAt", _TWO_DAYS),
    ),
    "security-kpis/4": (
        value(_AUDIT, "/compliance", "99.9"),
        value(_AUDIT, "/controls", "[]"),
        finished(_AUDIT, 90),
    ),
    "business-kpis/1": (  # those of every tenth customer come a week later, and 60 % are not more than 60 %
        sql(
            f"{_ORDERED_AFTER} + interval '7 days' {_SEVENTH_OF_TEN}",
            f"{_ORDERED_AFTER} - interval '7 days' {_SEVENTH_OF_TEN}",
        ),
    ),
    "business-kpis/2": (
        _without("activity", "day = current_date - 10"),
        _without("activity", f"{_IN_28_DAYS} AND hashtext(account_id::text) % 2 = 0"),
    ),
    "business-kpis/3": (
        _without("revenue", "day = current_date - 10"),
        sql(
            "UPDATE revenue SET cents = cents / 2 WHERE day >= current_date - 30",
            "UPDATE revenue SET cents = cents * 2 WHERE day >= current_date - 30",
        ),
    ),
    "business-kpis/4": (  # with the tickets that are there, 5 % of those who were active, which is not less
        sql(
            "INSERT INTO tickets SELECT i, 'low', now() FROM generate_series(21, (SELECT ceil(0.05 * "
            "count(DISTINCT account_id))::int FROM activity WHERE day >= current_date - 30)) i",
            "DELETE FROM tickets WHERE id > 20",
        ),
    ),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    f"tradesense/success-metrics/{line}": faults for line, faults in _LINES.items()
}
