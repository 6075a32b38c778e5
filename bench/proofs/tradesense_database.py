"""What breaks the lines of TradeSense's second phase, on its database, its cache and their speed."""

from collections.abc import Mapping

from bench.proofs import tradesense_queries as asked
from bench.proofs.file_faults import ending, ran
from bench.proofs.proof import Fault

_WEEK = 7 * 24 + 1  # hours, an hour too many
_SETTINGS = "settings/api.yaml"
_ENDS = ("deviated", "aborted", "unsteady", "looked", "old")


def gives(query: str, *values: float) -> Fault:
    """Datadog gives a series for each of these values."""
    return ("datadog", "the_metric", query, *map(str, values))


def experiment(name: str) -> tuple[Fault, ...]:
    """It deviated, was given up, had no steady state before or none that was looked at after; or is too old."""
    return tuple(("artifacts", "experiment", name, came_to) for came_to in _ENDS)


def _says(old: str, new: str) -> Fault:
    return ("artifacts", "says", _SETTINGS, old, new)


def _set(name: str, *values: str) -> tuple[Fault, ...]:
    return tuple(("postgres", "setting", name, value) for value in values)


def _done(breaks: str, mends: str) -> Fault:
    return ("postgres", "statement", breaks, mends)


_VALID = "UPDATE pg_index SET {} WHERE indexrelid = 'orders_by_account'::regclass"
_LARGE = "CREATE TABLE large AS SELECT generate_series(1, {}) AS id; SELECT count(*) FROM large"

_DATABASE: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        _says("pool: {min: 20, max: 40}", "pool: {min: 19, max: 40}"),
        _says("pool: {min: 20, max: 40}", "pool: {min: 20, max: 41}"),
        gives(asked.POOL_LEAST, 19, 24),
        gives(asked.POOL_MOST, 32, 41),
        gives(asked.POOL_LEAST, 20),
        gives(asked.POOL_MOST, 40),
    ),
    "2": (
        *_set("log_min_duration_statement", "-1", "0", "1001ms"),
        *_set("pg_stat_statements.track", "none"),
        _done("DROP EXTENSION pg_stat_statements", "CREATE EXTENSION pg_stat_statements"),
    ),
    "3": (
        *(("artifacts", "found", "sql.sarif", severity) for severity in ("9.8", "7.5", "5.0", "")),
        ("artifacts", "time_is", "scans/sql.sarif", "/runs/0/invocations/0/endTimeUtc", str(_WEEK)),
        _says("after_uses: 5", "after_uses: 6"),
        _says("after_uses: 5", ""),
        *ending("integration", "prepared_statement_is_used_again"),
        ran("integration", _WEEK),
    ),
    "4": (
        _done("DROP INDEX orders_by_account", "CREATE INDEX orders_by_account ON orders (account_id, id DESC)"),
        _done(_VALID.format("indisvalid = false"), _VALID.format("indisvalid = true")),
        _done(_VALID.format("indisready = false"), _VALID.format("indisready = true")),
        _done(_LARGE.format(10_001), "DROP TABLE large"),
        _done("SELECT pg_stat_reset()", "ANALYZE; SET enable_seqscan = off; SELECT FROM orders WHERE id = 1"),
    ),
    "5": (
        *experiment("database-restart"),
        *ending("integration", "connection_reconnects_after_a_restart"),
        ran("integration", _WEEK),
    ),
    "6": (
        *_set("statement_timeout", "0", "31s", "5min"),
        _done("ALTER ROLE trading SET statement_timeout = '0'", "ALTER ROLE trading RESET statement_timeout"),
        _done(
            "ALTER DATABASE trading SET statement_timeout = '5min'", "ALTER DATABASE trading RESET statement_timeout"
        ),
    ),
}
_CACHE: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        ("redis", "services_gone"),
        ("redis", "emptied"),
        ("redis", "configured", "maxmemory", "0"),
        ("web", "part_is", "redis", "down"),
        ("web", "part_is", "redis", ""),
    ),
    "2": (
        ("redis", "key_left", "tmp", "60", "1"),
        ("redis", "key_left", "4711", "60", "1"),
        ("redis", "key_left", "users:1", "60", "1"),
        ("redis", "emptied"),
    ),
    "3": (
        ("redis", "key_left", "session:kept", "0", "1"),
        ("redis", "key_left", "session:long", "86460", "1"),
        ("redis", "emptied"),
    ),
    "4": (
        *ending("integration", "cache_is_invalidated_on_write", "cache_is_invalidated_on_delete"),
        ran("integration", _WEEK),
    ),
    "5": (
        ("redis", "key_left", "quote:plain", "60", "10240"),
        ("redis", "key_left", "quote:plain", "60", "20000"),
        ("redis", "keys_gone", "quote:book-*"),
    ),
    "6": (gives(asked.REDIS_MEMORY, 0), gives(asked.REDIS_KEYS, 0)),
}
_WATCHED: Mapping[str, tuple[Fault, ...]] = {
    "1": (("postgres", "nothing_is_counted"), gives(asked.QUERY_TIME, 0)),
    "2": (
        gives(asked.POOL_LEAST, 0, 24),
        gives(asked.POOL_LEAST, 20),
        gives(asked.POOL_SHARE, 0.4, 1.01),
        gives(asked.POOL_SHARE, 0.4),
    ),
    "3": (gives(asked.CACHE_HITS, 0), gives(asked.CACHE_MISSES, 0)),
    "4": (
        gives(asked.P95, 0),
        ("datadog", "the_monitor", "Slow responses", "name", "Slow responses (old)"),
        ("datadog", "the_monitor", "Slow responses", "message", "Slow responses. Owner: ops@tradesense.example"),
        ("datadog", "the_monitor", "Slow responses", "state", "No Data"),
    ),
    "5": (
        gives(asked.CPU, 0.2, 0.3),
        gives(asked.CPU, 0.2, 0, 0.3),
        gives(asked.MEMORY, 2e8, 1.5e8),
        gives(asked.MEMORY, 2e8, 0, 1.5e8),
        gives(asked.DATABASE_SIZE, 0),
    ),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    f"tradesense/phase-2-database-performance/{section}/{number}": faults
    for section, lines in (
        ("database-optimization", _DATABASE),
        ("caching-strategy", _CACHE),
        ("performance-monitoring", _WATCHED),
    )
    for number, faults in lines.items()
}
