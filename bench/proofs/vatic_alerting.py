"""What breaks each observed line on alerting, of Vatic's chapter on observability."""

from bench.proofs.proof import Fault

_ALERTS = (
    *("HighLatency", "HighErrorRate", "KafkaConsumerLag", "RedisPoolExhausted", "DatabasePoolExhausted"),
    "ServiceDown",
)


def _rule(alert: str, *thresholds: str) -> tuple[Fault, ...]:
    """It compares with another number, the wrong way round, cannot see, or was never loaded."""
    return (
        *(("prometheus", "rule_threshold", alert, threshold) for threshold in thresholds),
        ("prometheus", "rule_upside_down", alert),
        ("prometheus", "rule_blind", alert),
        ("prometheus", "rule_gone", alert),
        ("prometheus", "rule_fails", alert),
    )


_LINES: dict[str, tuple[Fault, ...]] = {
    "1": (
        *(("prometheus", "rule_gone", alert) for alert in _ALERTS),
        *(("prometheus", "rule_fails", alert) for alert in _ALERTS),
        ("prometheus", "rule_severity", "HighErrorRate", "info"),
    ),
    "2": _rule("HighLatency", "0.011", "0.1"),
    "3": _rule("HighErrorRate", "0.011", "5e-2"),
    "4": _rule("KafkaConsumerLag", "1001", "10000"),
    "5": _rule("RedisPoolExhausted", "100"),
    "6": _rule("DatabasePoolExhausted", "100"),
    "7": _rule("ServiceDown", "2"),
    "8": (
        ("alertmanager", "routed_elsewhere"),
        ("alertmanager", "swallowed_before"),
        ("alertmanager", "everything_to_one"),
        ("alertmanager", "muted_at_night"),
        ("alertmanager", "notifies_nobody", "pagerduty"),
        ("alertmanager", "notifies_nobody", "slack"),
        ("pagerduty", "the_service", "policy", "PTRADES"),
        ("pagerduty", "the_service", "status", "maintenance"),
        ("pagerduty", "the_service", "status", "disabled"),
        ("pagerduty", "the_service", "name", "something-else"),
        ("pagerduty", "nothing_is_integrated"),
    ),
    "9": (
        ("pagerduty", "nobody_is_on_call"),
        ("pagerduty", "nobody_is_on_call_on_thursday"),
        ("pagerduty", "nobody_is_on_call_for_an_hour"),
        ("pagerduty", "the_second_level_is_empty"),
        ("pagerduty", "both_levels_are_one_person"),
        ("pagerduty", "both_levels_are_one_person_later"),
        ("pagerduty", "somebody_has_only_mail"),
        ("pagerduty", "somebody_later_has_only_mail"),
        ("pagerduty", "nobody_said_how_to_tell_somebody"),
        ("pagerduty", "somebody_is_told_by", "phone", "10", "high"),
        ("pagerduty", "somebody_is_told_by", "phone", "0", "low"),
    ),
    "10": (
        ("alertmanager", "lost"),
        ("pagerduty-history", "the_test_page_is_old", "31"),
        ("pagerduty-history", "nobody_sent_a_test_page"),
        ("pagerduty-history", "nobody_answered"),
        ("pagerduty-history", "the_answer_took_an_hour"),
    ),
}

BROKEN = {f"vatic/2-observability/alerting/{number}": faults for number, faults in _LINES.items()}
