"""What breaks TradeSense's lines on what the law asks, and on going on after an emergency."""

from collections.abc import Mapping

from bench.proofs.file_faults import ENDS, ending, finished, page, ran, value
from bench.proofs.proof import Fault
from bench.proofs.tradesense_success import sql

_RESTORE = "evidence/restore.json"
_OURS = "tradesense"
_HALF_A_YEAR, _MONTH = 180, 31  # days
_ERASED = ("retention_expired_records_are_deleted", "gdpr_erasure_deletes_the_customer")
_ASKED = ("cookie_is_not_set_before_consent", "cookie_consent_can_be_refused", "cookie_consent_can_be_withdrawn")
_RESTORED = ("every_account_is_there", "every_order_is_there")
_INCIDENT = ("Roles", "Severity", "Detection", "Triage", "Mitigation", "Recovery", "Communication", "Review")
_CONSENTS = "INSERT INTO cookie_consents SELECT i, now() - i * interval '3 hours' FROM generate_series(1, 100) i"
_ON_CALL = (
    *("nobody_is_on_call", "nobody_is_on_call_on_thursday", "nobody_is_on_call_for_an_hour"),
    *("the_second_level_is_empty", "both_levels_are_one_person", "both_levels_are_one_person_later"),
    *("somebody_has_only_mail", "somebody_later_has_only_mail", "nobody_said_how_to_tell_somebody"),
)

_LAW: Mapping[str, tuple[Fault, ...]] = {
    "2": (
        *page("data-retention.md", "Customer data", "Trading records", "Logs", "Backups", days=_HALF_A_YEAR),
        sql(
            "INSERT INTO login_sessions SELECT 9999, at, at FROM (SELECT now() - interval '91 days' AS at) a",
            "DELETE FROM login_sessions WHERE id = 9999",
        ),
        sql(
            "UPDATE accounts SET email = 'kept-' || email WHERE closed_at IS NOT NULL",
            "UPDATE accounts SET email = substr(email, 6) WHERE closed_at IS NOT NULL",
        ),
        *ending("integration", *_ERASED),
        ran("integration", 30 * 24 + 1),
    ),
    "3": page("privacy-policy.md", "What is kept", "Why", "For how long", "Rights", days=_HALF_A_YEAR),
    "4": page("terms-of-service.md", "Service", "Prices", "Liability", "Ending", days=_HALF_A_YEAR),
    "5": (
        ("web", "shows_a_page", "/", "<!doctype html><title>TradeSense</title>"),
        ("web", "site_answers_with", "/", "503"),
        *ending("e2e", *_ASKED),
        ran("e2e", 7 * 24 + 1),
        sql(
            "UPDATE cookie_consents SET answered_at = answered_at - interval '7 days'",
            f"TRUNCATE cookie_consents; {_CONSENTS}",
        ),
        sql("TRUNCATE cookie_consents", _CONSENTS),
    ),
}
_AFTERWARDS: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        *(("verified-backups", "came_out", verdict) for verdict in ("fail", "unknown")),
        *(
            ("verified-backups", fault)
            for fault in ("never", "another_store", "an_older_one_is_bad", "one_failed_before")
        ),
        ("verified-backups", "verified", "24.1"),
        ("verified-backups", "took", "3601"),
        ("verified-backups", "lost", "90001"),
    ),
    "2": (
        value(_RESTORE, "/steps_failed", "1"),
        finished(_RESTORE, _MONTH),
        *ending("restored", *_RESTORED, ends=[end for end in ENDS if end != "gone"]),
        ran("restored", _MONTH * 24 + 1),
    ),
    "3": page("disaster-recovery.md", "Order", "Database", "Redis", "Services", "Vendors"),
    "4": page("incident-response.md", *_INCIDENT),
    "5": (*(("pagerduty", fault, _OURS) for fault in _ON_CALL), ("pagerduty", "no_policy", _OURS)),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    f"tradesense/pre-launch-checklist/{section}/{number}": faults
    for section, lines in (("compliance", _LAW), ("business-continuity", _AFTERWARDS))
    for number, faults in lines.items()
}
