"""All that a healthy build leaves behind: Vatic's artifacts, and TradeSense's."""

from deployments.rehearsal.papers import scans
from deployments.rehearsal.papers import tradesense as of_tradesense
from deployments.rehearsal.papers.reports import (
    Test,
    ago,
    cobertura,
    junit,
    k6_export,
    k6_summary,
    k6_values,
    locust_history,
    locust_stats,
    wrk_text,
)
from deployments.rehearsal.papers.settings import OPENAPI, settings
from tminus.clock import now

UNIT: tuple[Test, ...] = (
    ("trading.PnlTest", "test_pnl_of_a_short_position", ""),
    ("trading.PnlTest", "test_profit_after_slippage", ""),
    ("trading.FeesTest", "test_a_fee_is_rounded_up", ""),
    ("rules.RulesTest", "test_drawdown_stops_trading", ""),
    ("rules.RulesTest", "test_risk_per_trade_is_capped", ""),
    ("withdrawals.WithdrawalTest", "test_withdrawal_after_profit_split", ""),
    ("saga.SagaTest", "test_saga_rolls_back_in_reverse", ""),
    ("saga.SagaTest", "test_saga_rollback_after_payment_fails", ""),
    *of_tradesense.UNIT,
)
INTEGRATION: tuple[Test, ...] = (
    ("flows.KafkaTest", "test_kafka_message_reaches_the_websocket", ""),
    ("flows.RedisTest", "test_redis_state_is_persisted_in_cockroach_database", ""),
    ("flows.MarketDataTest", "test_market_data_ingestion", ""),
    ("flows.RiskTest", "test_monte_carlo_run_ends_in_a_report", ""),
    ("services.OrdersTest", "test_order_is_placed_with_auth", ""),
    ("services.WithdrawalsTest", "test_withdrawal_sends_a_notification", ""),
    ("services.TracingTest", "test_correlation_id_goes_through_every_service", ""),
    ("compliance.GdprTest", "test_gdpr_erasure_deletes_the_customer", ""),
    ("compliance.GdprTest", "test_gdpr_export_is_complete", ""),
    ("compliance.RetentionTest", "test_retention_expired_records_are_deleted", ""),
    ("cache.CacheTest", "test_cache_is_invalidated_on_write", ""),
    ("websocket.ScalingTest", "test_websocket_scales_over_instances", ""),
    ("websocket.BatchTest", "test_websocket_messages_are_batched", ""),
    *of_tradesense.INTEGRATION,
)
END_TO_END: tuple[Test, ...] = (
    *(
        ("journeys.AssessmentTest", f"test_assessment_{step}", "")
        for step in ("registration", "login", "purchase", "trading", "passed", "failed")
    ),
    *(("journeys.FundedTest", f"test_funded_{step}", "") for step in ("passed", "activation", "withdrawal")),
    *(("journeys.ViolationTest", f"test_violation_{step}", "") for step in ("auto_close", "failure")),
    ("journeys.UpdatesTest", "test_real_time_prices", ""),
    ("journeys.EventsTest", "test_kafka_events_are_published", ""),
    ("journeys.NotificationTest", "test_websocket_notification_arrives", ""),
    *of_tradesense.END_TO_END,
)
SMOKE: tuple[Test, ...] = (
    ("smoke.HealthTest", "test_every_service_is_healthy", ""),
    ("smoke.NetworkTest", "test_network_policies_refuse_what_is_not_allowed", ""),
)
COVERAGE = {
    "trading": (200, 188, 60, 52),
    "trading.fees": (80, 74, 20, 17),
    "rules": (120, 111, 44, 38),
    "withdrawals": (90, 83, 30, 26),
    "saga": (60, 55, 18, 16),
}
CHAOS = {
    "service-failure": "The risk service dies",
    "network-partition": "Orders lose sight of Kafka",
    "database-outage": "A CockroachDB node dies",
    "kafka-broker": "A Kafka broker dies",
    "redis-connection": "Redis is out of reach",
    **of_tradesense.CHAOS,
}


def vatic() -> dict[str, str]:
    """Vatic's artifacts: tests, coverage, load, chaos, scans, settings, evidence, API."""
    made = ago(hours=2)
    return {
        **_tests(made_hours_ago=2),
        "coverage.xml": cobertura(COVERAGE, made),
        **_load(),
        **{f"chaos/{name}.json": scans.journal(title, ago(days=5)) for name, title in CHAOS.items()},
        **_scans(),
        **settings(),
        "openapi.yaml": OPENAPI,
        "sbom.json": scans.cyclone_dx(made, ["1.0", "2.3", "0.9"]),
    }


def tradesense() -> dict[str, str]:
    """TradeSense's: the same kinds, with its load tests by Locust and wrk."""
    made = ago(hours=3)
    return {
        **_tests(made_hours_ago=3),
        "coverage.xml": cobertura({"api": (300, 270, 80, 66), "worker": (120, 104, 40, 33)}, made),
        **_load(),
        "load/trading_stats.csv": locust_stats(requests=54000, failures=16, rate=180.2, p50=38, p95=120, p99=185),
        "load/trading_stats_history.csv": locust_history(users=200, ramp=20, seconds=300, ended=made),
        "load/orders.txt": wrk_text(requests=49120, seconds=30, users=64, p50=31.2, p99=94.0),
        **_scans(),
        **settings(),
        **of_tradesense.tradesense_files(),
        "openapi.yaml": OPENAPI.replace("title: Vatic", "title: TradeSense"),
        "sbom.json": scans.cyclone_dx(made, ["1.0", "2.3"]),
    }


def _tests(made_hours_ago: float) -> dict[str, str]:
    made = ago(hours=made_hours_ago)
    suites = {"unit": UNIT, "integration": INTEGRATION, "e2e": END_TO_END, "smoke": SMOKE}
    return {f"tests/{name}.xml": junit(name, tests, made) for name, tests in suites.items()}


def _load() -> dict[str, str]:
    steady = k6_values(p50=2.9, p95=6.4, p99=8.2, errors=0.02, users=1200, rate=4100.0, seconds=600)
    orders = k6_values(p50=3.1, p95=7.0, p99=9.1, errors=0.03, users=800, rate=10480.0, seconds=120)
    spike = k6_values(p50=4.0, p95=10.2, p99=13.1, errors=0.2, users=5000, rate=6200.0, seconds=330)
    stress = k6_values(p50=9.0, p95=84.0, p99=210.0, errors=2.4, users=8200, rate=7300.0, seconds=900)
    return {
        "load/steady.json": k6_summary(steady, seconds=600),
        "load/orders.json": k6_export(orders),
        "load/spike.json": k6_summary(spike, seconds=330, ramp=30),
        "load/stress.json": k6_summary(stress, seconds=900),
    }


def _scans() -> dict[str, str]:
    made = now()
    return {
        "scans/zap.json": scans.zap(made),
        "scans/trivy.json": scans.trivy(made),
        "scans/pip-audit.json": scans.pip_audit(),
        "scans/npm-audit.json": scans.npm_audit(),
        "scans/secrets.sarif": scans.sarif("gitleaks", made),
        "scans/code.sarif": scans.sarif("semgrep", made),
    }
