"""What breaks each observed line of Vatic's chapter on testing."""

from collections.abc import Iterable

from bench.proofs.file_faults import page
from bench.proofs.proof import Fault

_UNIT, _INTEGRATION, _E2E = "tests/unit.xml", "tests/integration.xml", "tests/e2e.xml"
_CI = "ci/workflow.yaml"
_STEP = "--cov-fail-under=$COVERAGE_MINIMUM"
_ALL_ENDS = ("failure", "error", "skipped")
_PURCHASE = ("registration", "login", "purchase", "trading", "passed", "failed")


def _tests(report: str, *names: str, ends: Iterable[str] = ("failure", "gone")) -> tuple[Fault, ...]:
    """Each of these tests of a report ends so."""
    return tuple(("artifacts", "test_is", report, f"test_{name}", end) for name in names for end in ends)


def _load(report: str, pointer: str, value: str) -> Fault:
    return ("artifacts", "value_is", f"load/{report}.json", f"/{pointer}", value)


def _experiment(name: str) -> tuple[Fault, ...]:
    """It deviated, was given up, had no steady state before or none that was looked at after; or is too old."""
    return tuple(
        ("artifacts", "experiment", name, came_to) for came_to in ("deviated", "aborted", "unsteady", "looked", "old")
    )


_UNITS: dict[str, tuple[Fault, ...]] = {
    "1": (
        ("artifacts", "package_covered", "trading", "117", "52"),  # 440 of 550 lines are 80 %, which is not more
        *_tests(_UNIT, "a_fee_is_rounded_up", ends=_ALL_ENDS),
        ("artifacts", "tests_old"),
        ("artifacts", "coverage_old"),
    ),
    "2": (
        *_tests(_UNIT, "pnl_of_a_short_position", ends=["failure"]),
        *_tests(_UNIT, "profit_after_slippage", "a_fee_is_rounded_up"),
    ),
    "3": _tests(_UNIT, "drawdown_stops_trading", "risk_per_trade_is_capped", ends=("skipped", "gone")),
    "4": _tests(_UNIT, "withdrawal_after_profit_split"),
    "5": (
        *_tests(_UNIT, "saga_rolls_back_in_reverse", ends=["failure"]),
        ("artifacts", "says", _UNIT, "saga_roll", "saga_work"),
    ),
    "7": (
        ("artifacts", "says", _CI, "COVERAGE_MINIMUM: 80", "COVERAGE_MINIMUM: 79.9"),
        ("artifacts", "says", _CI, _STEP, ""),
        ("artifacts", "says", _CI, _STEP, f"{_STEP} || true"),
        ("artifacts", "says", _CI, "- run: pytest", "- continue-on-error: true\n        run: pytest"),
        ("artifacts", "says", _CI, "- run: pytest", "- env:\n          COVERAGE_MINIMUM: 0\n        run: pytest"),
    ),
}
_INTEGRATIONS: dict[str, tuple[Fault, ...]] = {
    "1": _tests(_INTEGRATION, "cache_is_invalidated_on_write", ends=_ALL_ENDS),
    "2": _tests(_INTEGRATION, "kafka_message_reaches_the_websocket"),
    "3": _tests(_INTEGRATION, "redis_state_is_persisted_in_cockroach_database"),
    "4": _tests(_INTEGRATION, "market_data_ingestion", ends=("skipped", "gone")),
    "5": _tests(_INTEGRATION, "monte_carlo_run_ends_in_a_report"),
    "6": (
        *_tests(_INTEGRATION, "order_is_placed_with_auth", "market_data_ingestion", "withdrawal_sends_a_notification"),
        *_tests(_INTEGRATION, "monte_carlo_run_ends_in_a_report"),
        ("artifacts", "says", _INTEGRATION, "_with_auth", "_for_a_customer"),
        ("artifacts", "says", _INTEGRATION, "_sends_a_notification", "_is_paid_out"),
    ),
    "7": _tests(_INTEGRATION, "correlation_id_goes_through_every_service"),
}
_JOURNEYS: dict[str, tuple[Fault, ...]] = {
    "1": _tests(_E2E, "real_time_prices", ends=_ALL_ENDS),
    "2": _tests(_E2E, *(f"assessment_{step}" for step in _PURCHASE)),
    "3": _tests(_E2E, *(f"funded_{step}" for step in ("passed", "activation", "withdrawal"))),
    "4": _tests(_E2E, "violation_auto_close", "violation_failure", ends=("skipped", "gone")),
    "5": (("websocket", "ends_after", "1"), *_tests(_E2E, "real_time_prices")),
    "6": (
        *_tests(_E2E, "kafka_events_are_published"),
        *(("kafka", "topic_gone", topic) for topic in ("orders", "trades", "market-data", "notifications")),
        ("kafka", "no_leader", "trades"),
    ),
    "7": (
        ("websocket", "is_open_to_all"),
        ("websocket", "ends_after", "0"),
        *_tests(_E2E, "websocket_notification_arrives"),
    ),
}
_P99 = "metrics/http_req_duration/values/p(99)"
_USERS = "metrics/vus/values/max"
_FAILED = "metrics/http_req_failed/values/passes"
_LOADS: dict[str, tuple[Fault, ...]] = {
    "1": (
        _load("steady", _P99, "10"),
        _load("steady", _USERS, "999"),
        _load("steady", _FAILED, "2463"),  # 0.1 % of 2.46 million
        _load("steady", "state/testRunDurationMs", "299000"),
    ),
    "2": (
        _load("orders", "metrics/http_reqs/rate", "9999"),
        _load("orders", "metrics/http_req_failed/passes", "1260"),  # 0.1 % of 1.26 million
        _load("orders", "metrics/http_reqs/count", "590000"),  # which takes less than a minute
    ),
    "3": (
        _load("spike", "options/scenarios/spike/stages/0/duration", '"31s"'),
        _load("spike", _P99, "15"),
        _load("spike", _USERS, "4999"),
        _load("spike", _FAILED, "20900"),  # more than 1 % of 2.05 million
    ),
    "4": (
        _load("stress", _FAILED, "0"),
        _load("stress", _USERS, "5000"),
        ("artifacts", "value_is", "evidence/capacity.json", "/breaking_point/users", "5000"),
        *page("capacity.md", "Breaking point", short=False),
    ),
}
_CHAOS = ("service-failure", "network-partition", "database-outage", "kafka-broker", "redis-connection")

BROKEN: dict[str, tuple[Fault, ...]] = {
    f"vatic/1-testing/{section}/{number}": faults
    for section, lines in (
        ("unit-tests", _UNITS),
        ("integration-tests", _INTEGRATIONS),
        ("e2e-tests", _JOURNEYS),
        ("load-tests", _LOADS),
        ("chaos-testing", {str(number): _experiment(name) for number, name in enumerate(_CHAOS, 1)}),
    )
    for number, faults in lines.items()
}
