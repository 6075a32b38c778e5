"""What TradeSense's checklist asks of Datadog, Prometheus and PostgreSQL, and what a healthy platform answers."""

from collections.abc import Mapping

from bench.worlds.datadog import Datadog
from bench.worlds.postgres import PostgresWorld
from bench.worlds.prometheus import PrometheusWorld
from bench.worlds.world import World
from deployments.rehearsal.trading_schema import create_trading_schema

_API, _REDIS, _ALL = (
    "{service:tradesense-api,env:production}",
    "{service:tradesense-redis,env:production}",
    "{env:production}",
)


def _of_a_day(counted: str, seconds: int = 86400) -> str:
    return f"moving_rollup({counted}, {seconds}, 'sum')"


_FOUND, _MISSED = f"sum:redis.stats.keyspace_hits{_REDIS}", f"sum:redis.stats.keyspace_misses{_REDIS}"
_ASKED, _FAILED = f"sum:trace.http.request.hits{_API}.as_count()", f"sum:trace.http.request.errors{_API}.as_count()"

POOL_LEAST = f"min:tradesense.db.pool.size{_API} by {{host}}"
POOL_MOST = f"max:tradesense.db.pool.size{_API} by {{host}}"
POOL_SHARE = f"max:tradesense.db.pool.in_use{_API} by {{host}} / {POOL_MOST}"
QUERY_TIME = f"avg:trace.postgres.query{_API}"
REDIS_MEMORY, REDIS_KEYS = f"max:redis.mem.used{_REDIS}", f"sum:redis.keys{_REDIS}"
CACHE_HITS, CACHE_MISSES = _of_a_day(_FOUND), _of_a_day(_MISSED)
HIT_RATE = f"{CACHE_HITS} / ({CACHE_HITS} + {CACHE_MISSES})"
P95 = f"p95:trace.http.request{_API}"
CPU = f"avg:container.cpu.usage{_ALL} by {{service}}"
MEMORY = f"max:container.memory.usage{_ALL} by {{service}}"
DATABASE_SIZE = "max:postgresql.database_size{db:tradesense,env:production}"
BREAKERS = f"max:tradesense.circuit_breaker.open{_API} by {{dependency}}"
TRADES = _of_a_day(f"sum:tradesense.trades.placed{_ALL}.as_count()")
ACTIVE = f"max:tradesense.accounts.active{_ALL}"
REVENUE = _of_a_day(f"sum:tradesense.revenue.cents{_ALL}.as_count()")
HITS_HOUR, HITS_DAY = _of_a_day(_ASKED, 3600), _of_a_day(_ASKED)
ERROR_RATE = f"{_of_a_day(f'default_zero({_FAILED})')} / {HITS_DAY}"
LOGINS = _of_a_day(f"sum:tradesense.auth.logins{_ALL}.as_count()")
LOGINS_FAILED = _of_a_day("sum:tradesense.auth.logins{env:production,result:failed}.as_count()")
COSTS = f"sum:tradesense.cost.usd_per_day{_ALL} by {{vendor}}"

_DATADOG: Mapping[str, tuple[float, ...]] = {
    POOL_LEAST: (20, 24),
    POOL_MOST: (32, 28),
    POOL_SHARE: (0.4, 0.3),
    QUERY_TIME: (0.004,),
    REDIS_MEMORY: (90_000_000,),
    REDIS_KEYS: (4200,),
    CACHE_HITS: (920_000,),
    CACHE_MISSES: (80_000,),
    HIT_RATE: (0.92,),
    P95: (0.12,),
    CPU: (0.2, 0.1, 0.3),
    MEMORY: (2e8, 1.5e8, 2.5e8),
    DATABASE_SIZE: (5e9,),
    BREAKERS: (0, 0, 0),
    TRADES: (5400,),
    ACTIVE: (610,),
    REVENUE: (310_000,),
    HITS_HOUR: (9000,),
    HITS_DAY: (210_000,),
    ERROR_RATE: (0.0004,),
    LOGINS: (800,),
    LOGINS_FAILED: (12,),
    COSTS: (41, 12, 9),
}

_PROBES = 'job="outside-probe"'
UPTIME_30D = f"min(avg_over_time(probe_success{{{_PROBES}}}[30d]))"
LOOKS_30D = f"min(count_over_time(probe_success{{{_PROBES}}}[30d]))"
PROBE_P95_30D = f"max(quantile_over_time(0.95, probe_duration_seconds{{{_PROBES}}}[30d]))"
UPTIME_90D = f"min(avg_over_time(probe_success{{{_PROBES}}}[90d]))"
LOOKS_90D = f"min(count_over_time(probe_success{{{_PROBES}}}[90d]))"
_PROMETHEUS = {
    UPTIME_30D: "0.9996",
    LOOKS_30D: "43190",
    PROBE_P95_30D: "0.14",
    UPTIME_90D: "0.9997",
    LOOKS_90D: "129500",
}

# 500 customers, 70 % of whom ordered a day after they came; 150 of them are there on each day, growing by 1 a day.
_TABLES = (
    """
    ALTER TABLE accounts ADD closed_at timestamptz;
    CREATE INDEX sessions_by_user ON sessions (user_id);
    CREATE TABLE operators (id int PRIMARY KEY, email text NOT NULL, mfa_enabled_at timestamptz);
    CREATE TABLE login_sessions (id int PRIMARY KEY, created_at timestamptz NOT NULL,
                                 last_seen_at timestamptz NOT NULL, expires_at timestamptz);
    CREATE TABLE activity (day date, account_id uuid, PRIMARY KEY (day, account_id));
    CREATE TABLE cookie_consents (id int PRIMARY KEY, answered_at timestamptz NOT NULL);
    """,
    """
    INSERT INTO accounts (email, password_hash, created_at, closed_at)
        SELECT CASE WHEN i % 100 = 0 THEN 'deleted-' || i ELSE i || '@customers.example' END, '1$00$00',
               now() - i * interval '3 hours', CASE WHEN i % 100 = 0 THEN now() - interval '31 days' END
        FROM generate_series(1, 500) i;
    INSERT INTO orders (account_id, symbol, side, quantity, price, service_version, placed_at)
        SELECT id, 'EURUSD', 'buy', 1, 1.1, '1.9.0', created_at + interval '1 day'
        FROM (SELECT id, created_at, row_number() OVER (ORDER BY created_at) AS i FROM accounts) a WHERE i % 10 < 7;
    INSERT INTO operators SELECT i, i || '@operators.example', now() - i * interval '30 days'
        FROM generate_series(1, 3) i;
    INSERT INTO login_sessions
        SELECT i, at, at + interval '20 minutes', at + interval '50 minutes'
        FROM (SELECT i, now() - i * interval '9 hours' AS at FROM generate_series(0, 200) i) s;
    INSERT INTO activity
        SELECT current_date - ago, id
        FROM generate_series(0, 60) ago,
             (SELECT id, row_number() OVER (ORDER BY created_at) AS i FROM accounts) a
        WHERE (i + ago * 37) % 500 < 150 - ago;
    INSERT INTO cookie_consents SELECT i, now() - i * interval '3 hours' FROM generate_series(1, 100) i;
    INSERT INTO revenue SELECT current_date - i, 100000 - i * 100 FROM generate_series(30, 60) i;
    """,
)
_COUNTED = ("ANALYZE", "SELECT pg_stat_statements_reset()", *["SELECT count(*) FROM operators"] * 10)


def prepare(worlds: Mapping[str, World]) -> None:
    """Each query has its answer, and the database its tables."""
    datadog, prometheus, postgres = worlds["datadog"], worlds["prometheus"], worlds["postgres"]
    assert isinstance(datadog, Datadog)
    assert isinstance(prometheus, PrometheusWorld)
    assert isinstance(postgres, PostgresWorld)
    for query, values in _DATADOG.items():
        datadog.gives(query, *values)
    for query, value in _PROMETHEUS.items():
        prometheus.prometheus.register(query, value)
    create_trading_schema(postgres.server.address.dsn("postgres").get_secret_value())
    postgres.execute(*_TABLES)
    postgres.execute(*_COUNTED)  # in a session of its own: rows are counted twice by the one that wrote them
    postgres.configure("log_min_duration_statement", "250ms")
