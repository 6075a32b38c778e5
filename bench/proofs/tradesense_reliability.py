"""What breaks the lines of TradeSense's third phase, on backups and on staying up."""

from collections.abc import Mapping

from bench.proofs import tradesense_queries as asked
from bench.proofs.file_faults import ending, page, ran, value
from bench.proofs.proof import Fault
from bench.proofs.tradesense_database import experiment, gives

_WEEK = 7 * 24 + 1  # hours, an hour too many
_RAILWAY = "settings/railway.json"
_ALARMS = ("tradesense-backup-failed", "tradesense-backup-missing")
_SERVICES = ("api", "web", "worker")


def _alarm(name: str) -> tuple[Fault, ...]:
    return (
        ("aws-alarms", "alarm_gone", name),
        ("aws-alarms", "alarm_only_recovers", name),
        ("aws-alarms", "quiet_and_never_measured", name),
        ("aws-alarms", "alarm_without_actions", name),
        ("aws-alarms", "alarm_with_actions_off", name),
        ("aws-alarms", "alarm_state", "INSUFFICIENT_DATA", name),
    )


_BACKUPS: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        ("stored-backups", "taken", "25.1"),
        *(("stored-backups", "no_row_of", table) for table in ("public.accounts", "public.orders")),
        *(("stored-backups", fault) for fault in ("another_store", "unrecorded", "altered", "none", "never_completed")),
        *(("stored-backups", fault) for fault in ("replaced", "cut", "file_gone")),
        ("aws-storage", "none_between", "", "46", "75"),
        ("aws-storage", "stopped", "", "25.1"),
        ("aws-storage", "newest_is_empty"),
        ("aws-storage", "nothing_stored"),
    ),
    "2": (
        ("aws-storage", "encryption_dropped"),
        ("aws-storage", "public_access_open"),
        ("aws-storage", "public_access_partly_open"),
        ("aws-storage", "newest_in_clear", "cockroach/"),
        ("stored-backups", "in_the_clear"),
    ),
    "3": (
        *(("aws-storage", "expires_after", days) for days in ("7", "29", "31")),
        ("aws-storage", "nothing_expires"),
        ("aws-storage", "old_versions_kept_for_ever"),
        ("aws-storage", "old_versions_kept_for", "1"),
        ("aws-storage", "some_expire_after_a_week"),
        ("aws-storage", "only_some_expire"),
        ("aws-storage", "one_never_deleted", "grafana/", "31.1"),
        ("aws-storage", "none_between", "", "46", "75"),
        ("aws-storage", "nothing_stored"),
    ),
    "4": (
        ("postgres", "archiving_is_off"),
        ("postgres", "nothing_is_archived"),
        ("postgres", "archiving_fails"),
        *(("verified-backups", "came_out", verdict) for verdict in ("fail", "unknown")),
        *(("verified-backups", fault) for fault in ("never", "another_store", "an_older_one_is_bad")),
        ("verified-backups", "verified", "24.1"),
        ("verified-backups", "took", "3601"),
        ("verified-backups", "lost", "3601"),
    ),
    "5": page("restore.md", "When to restore", "Steps", "To a point in time", "Verification"),
    "6": (
        *(fault for name in _ALARMS for fault in _alarm(name)),
        ("aws-alarms", "nobody_confirmed"),
        ("aws-alarms", "topic_gone"),
    ),
}
_UP: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        *(("web", "part_is", name, word) for name in ("database", "redis") for word in ("down", "")),
        ("web", "says_unwell"),
        ("web", "answers_with", "/health", "503"),
        ("web", "site_answers_with", "/health", "503"),
        ("web", "shows_a_page", "/health"),
    ),
    "2": (
        *(("railway", "in_production", name, "restart", "ON_FAILURE") for name in _SERVICES),
        ("railway", "the_worker", "restart", "NEVER"),
        ("railway", "the_worker", "status", "FAILED"),
        ("railway", "the_worker", "name", "worker-old"),
        ("railway", "the_worker_was_never_deployed"),
        ("railway", "an_instance_crashed"),
        ("railway", "an_instance_is", "RESTARTING"),
        ("railway", "an_instance_is", "EXITED"),
        ("railway", "the_deployment_is_stopped", "api"),
        ("railway", "the_service_is_deleted", "web"),
        *experiment("service-failure"),
    ),
    "4": (
        value(_RAILWAY, "/deploy/drainingSeconds", "9"),
        ("artifacts", "says", _RAILWAY, "drainingSeconds", "overlapSeconds"),
        *experiment("rolling-restart"),
        *ending("integration", "graceful_shutdown_answers_what_was_begun"),
        ran("integration", _WEEK),
    ),
    "5": (
        gives(asked.BREAKERS, 0, 0),
        *experiment("vendor-outage"),
        *ending("integration", "circuit_breaker_opens_after_failures", "circuit_breaker_half_opens_for_one_call"),
        *ending("integration", "circuit_breaker_closes_again"),
        ran("integration", _WEEK),
    ),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    f"tradesense/phase-3-reliability-backup/{section}/{number}": faults
    for section, lines in (("backup-strategy", _BACKUPS), ("high-availability", _UP))
    for number, faults in lines.items()
}
