"""What is asked of TradeSense's PostgreSQL, and what must make each of it fail."""

from bench.worlds.world import Case

_SLOWEST = "SELECT coalesce(max(mean_exec_time), 0) FROM pg_stat_statements WHERE query NOT ILIKE 'create%'"

CASES = (
    Case(
        "postgres.streaming_replicas",
        {"database": "main"},
        {"streaming": ">= 1", "lag": "< 500 ms", "lag_bytes": "< 16 MB"},
        ("standby_gone", "replay_paused"),
    ),
    Case(
        "postgres.health",
        {"database": "main"},
        {"connections_used": "< 80 %", "writable": "= yes", "longest_transaction": "< 1 s"},
        (
            "connections_taken",
            ("setting", "default_transaction_read_only", "on"),
            ("setting", "synchronous_standby_names", "nobody"),
            "transaction_open",
        ),
    ),
    Case(
        "sql.query",
        {"database": "main", "query": "SHOW statement_timeout"},
        {"seconds": "= 30 s", "milliseconds": "<= 30 s"},
        (("setting", "statement_timeout", "0"), ("setting", "statement_timeout", "5min")),
    ),
    Case(
        "sql.query",
        {"database": "main", "query": "SHOW idle_in_transaction_session_timeout"},
        {"seconds": "<= 60 s"},
        (("setting", "idle_in_transaction_session_timeout", "0"),),
    ),
    Case(
        "sql.query",
        {"database": "main", "query": "SHOW password_encryption"},
        {"word": "= scram-sha-256"},
        (("setting", "password_encryption", "md5"),),
    ),
    Case(
        "sql.query",
        {"database": "main", "query": "SHOW archive_mode"},
        {"word": "= on"},
        ("archiving_is_off",),
    ),
    Case(
        "sql.query",
        {"database": "main", "query": "SELECT coalesce(last_archived_time, 'epoch') FROM pg_stat_archiver"},
        {"age": "< 1 h"},
        ("nothing_is_archived",),
    ),
    Case(
        "sql.query",
        {
            "database": "main",
            "query": "SELECT count(*) FROM pg_stat_archiver "
            "WHERE last_failed_time > coalesce(last_archived_time, '-infinity')",
        },
        {"value": "= 0"},
        ("archiving_fails",),
    ),
    Case(
        "sql.query",
        {"database": "main", "query": "SELECT count(*) FROM pg_stat_statements WHERE calls > 0"},
        {"value": ">= 1"},
        ("nothing_is_counted",),
    ),
    Case(
        "sql.query",
        {"database": "main", "query": "SHOW maintenance_work_mem"},
        {"bytes": ">= 64 MiB"},
        (("setting", "maintenance_work_mem", "1MB"),),
    ),
    Case(
        "sql.query",
        {"database": "main", "query": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"},
        {"value": "<= 50"},
        ("connections_taken",),
    ),
    Case(
        "sql.query",
        {"database": "main", "query": _SLOWEST},
        {"milliseconds": "< 100 ms"},
        ("queries_slow",),
    ),
    Case(
        "sql.query",
        {
            "database": "main",
            "query": "SELECT count(*) FILTER (WHERE NOT succeeded)::numeric / nullif(count(*), 0) FROM logins "
            "WHERE at > now() - interval '24 hours'",
        },
        {"ratio": "< 5 %"},
        (
            (
                "statement",
                "UPDATE logins SET succeeded = false WHERE id % 3 = 0",
                "UPDATE logins SET succeeded = id % 50 <> 0",
            ),
        ),
    ),
    Case(
        "sql.query",
        {
            "database": "main",
            "query": "SELECT 100.0 * count(*) FILTER (WHERE active_at > now() - interval '7 days') / "
            "nullif(count(*), 0) FROM users -- of all who ever signed up",
        },
        {"percent": ">= 90 %"},
        (
            (
                "statement",
                "UPDATE users SET active_at = now() - interval '30 days' WHERE id % 2 = 0",
                "UPDATE users SET active_at = now() - id * interval '10 minutes'",
            ),
        ),
    ),
    Case(
        "sql.query",
        {"database": "main", "query": "SELECT avg(length) FROM sessions"},
        {"seconds": ">= 5 min"},
        (
            (
                "statement",
                "UPDATE sessions SET length = interval '20 seconds'",
                "UPDATE sessions SET length = interval '12 minutes'",
            ),
        ),
    ),
    Case(
        "sql.query",
        {"database": "main", "query": "SELECT max(at) FROM logins"},
        {"age": "< 1 h"},
        (
            (
                "statement",
                "UPDATE logins SET at = at - interval '3 hours'",
                "UPDATE logins SET at = at + interval '3 hours'",
            ),
        ),
    ),
    Case(
        "sql.query",
        {"database": "main", "query": "SELECT count(*) = 30 AND min(cents) > 0 FROM revenue"},
        {"word": "= yes"},
        (
            (
                "statement",
                "DELETE FROM revenue WHERE day = current_date",
                "INSERT INTO revenue VALUES (current_date, 100000)",
            ),
        ),
    ),
    Case(
        "sql.query",
        {
            "database": "main",
            "query": "SELECT id, severity FROM tickets WHERE severity = 'critical' AND closed_at IS NULL",
        },
        {"rows": "= 0"},
        (
            (
                "statement",
                "INSERT INTO tickets VALUES (99, 'critical', now(), NULL)",
                "DELETE FROM tickets WHERE id = 99",
            ),
        ),
    ),
)
"""The checks of the world, and the queries that a book could ask of its tables."""
