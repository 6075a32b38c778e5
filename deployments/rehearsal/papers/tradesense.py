"""What TradeSense's build and its drills leave behind beside what Vatic's do, where all is well."""

import json
from datetime import datetime

from deployments.rehearsal.papers import scans
from deployments.rehearsal.papers.reports import Files, Test, ago, junit
from tminus.clock import now

UNIT: tuple[Test, ...] = (
    ("input.SanitizeTest", "test_sanitize_removes_markup", ""),
    ("input.SanitizeTest", "test_sanitize_refuses_a_control_char", ""),
    ("keys.KeyTest", "test_key_generation_length", ""),
    ("keys.KeyTest", "test_key_generation_is_unique", ""),
)
INTEGRATION: tuple[Test, ...] = (
    ("accounts.PasswordTest", "test_register_refuses_a_weak_password", ""),
    ("accounts.PasswordTest", "test_reset_refuses_a_weak_password", ""),
    ("accounts.PasswordTest", "test_change_refuses_a_weak_password", ""),
    ("accounts.SessionTest", "test_session_ends_after_idle_time", ""),
    ("accounts.SessionTest", "test_session_ends_at_log_out", ""),
    ("accounts.LockTest", "test_account_locks_after_wrong_passwords", ""),
    ("accounts.LockTest", "test_locked_to_the_right_password_too", ""),
    ("keys.RotationTest", "test_what_was_encrypted_before_a_rotation_is_read", ""),
    ("database.StatementTest", "test_prepared_statement_is_used_again", ""),
    ("database.ConnectionTest", "test_connection_reconnects_after_a_restart", ""),
    ("cache.CacheTest", "test_cache_is_invalidated_on_delete", ""),
    ("services.StopTest", "test_graceful_shutdown_answers_what_was_begun", ""),
    ("vendors.BreakerTest", "test_circuit_breaker_opens_after_failures", ""),
    ("vendors.BreakerTest", "test_circuit_breaker_half_opens_for_one_call", ""),
    ("vendors.BreakerTest", "test_circuit_breaker_closes_again", ""),
    ("services.TracingTest", "test_trace_context_is_handed_on", ""),
)
END_TO_END: tuple[Test, ...] = (
    *(
        ("accounts.SecondFactorTest", f"test_mfa_{step}", "")
        for step in ("enrolment", "takes_the_right_code", "refuses_a_wrong_code", "takes_a_recovery_code_once")
    ),
    ("consent.CookieTest", "test_cookie_is_not_set_before_consent", ""),
    ("consent.CookieTest", "test_cookie_consent_can_be_refused", ""),
    ("consent.CookieTest", "test_cookie_consent_can_be_withdrawn", ""),
)
_RESTORED: tuple[Test, ...] = (
    ("restored.AccountsTest", "test_every_account_is_there", ""),
    ("restored.OrdersTest", "test_every_order_is_there", ""),
)
CHAOS = {
    "database-restart": "PostgreSQL restarts",
    "rolling-restart": "Instances stop while requests come in",
    "vendor-outage": "A vendor does not answer",
}

_API = """\
# Settings of the API, as it is deployed.
database:
  dsn: ${DATABASE_URL}
  ssl_mode: verify-full
  pool: {min: 20, max: 40}
  prepare: {after_uses: 5}
redis:
  url: ${REDIS_URL}
jwt:
  key: ${JWT_KEY}
stripe:
  secret: ${STRIPE_SECRET}
rate_limit:
  logins_per_minute: 5
  logins_per: address-and-account
  registrations_per_minute: 3
middleware:
  - request_id
  - sanitize_input
"""
_KEYS = """\
#!/bin/sh
# Makes a key for signing, and prints it once.
set -eu
openssl rand -base64 48
"""
_TOKENS = """\
#!/bin/sh
# Makes a token for a new service, and prints it once.
set -eu
head -c 32 /dev/urandom | base64
"""


def tradesense_files() -> Files:
    """Each file's path and content."""
    return {
        "settings/api.yaml": _API,
        "settings/railway.json": json.dumps({"build": {"builder": "DOCKERFILE"}, "deploy": {"drainingSeconds": 30}}),
        "scripts/generate-keys.sh": _KEYS,
        "scripts/generate-tokens.sh": _TOKENS,
        "tests/restored.xml": junit("restored", _RESTORED, ago(days=3)),
        "scans/sql.sarif": scans.sarif("semgrep", now()),
        "scans/penetration-test.sarif": scans.sarif("penetration-test", ago(days=2)),
        **{f"chaos/{name}.json": scans.journal(title, ago(days=5)) for name, title in CHAOS.items()},
        **_evidence(now()),
    }


def _evidence(finished: datetime) -> Files:
    """What audits and updates came to."""
    at = finished.isoformat()
    said: dict[str, dict[str, object]] = {
        "audit": {
            "status": "completed",
            "compliance": 100,
            "controls": ["access", "backups", "encryption", "logging"],
            "open": {"critical": 0, "high": 0},
            "finished_at": at,
        },
        "patches": {"worst_hours": 9, "waiting": 0, "measured_at": at},
        "dependencies": {"security_updates_left": 0, "finished_at": at},
        "penetration-test": {"status": "completed", "finished_at": at, "tester": "Red Harbour", "findings": 4},
    }
    return {f"evidence/{name}.json": json.dumps(document) for name, document in said.items()}
