"""What breaks the lines of TradeSense's first phase, on security."""

from collections.abc import Mapping

from bench.proofs.file_faults import ending, ran
from bench.proofs.proof import Fault

_WEEK, _MONTH = 7 * 24 + 1, 30 * 24 + 1  # hours, an hour too many
_SETTINGS, _ENVIRONMENT = "settings/api.yaml", "settings/worker.env"
_KEYS, _TOKENS = "scripts/generate-keys.sh", "scripts/generate-tokens.sh"
_POLICY, _HTTPS, _SNIFF = "Content-Security-Policy", "Strict-Transport-Security", "X-Content-Type-Options"
_XSS, _REFERRER, _PERMISSIONS = "X-XSS-Protection", "Referrer-Policy", "Permissions-Policy"
_SECRETS = ("tradesense/database", "tradesense/jwt", "tradesense/stripe", "tradesense/encryption-key")
_PREVIEW = "/api/orders/preview"
_ENDS = "UPDATE login_sessions SET expires_at = {} WHERE id = 1"
_RIGHTLY = _ENDS.format("last_seen_at + interval '30 minutes'")


def _web(*names: str) -> tuple[Fault, ...]:
    return tuple(("web", name) for name in names)


def _believes(*switches: str) -> tuple[Fault, ...]:
    return tuple(("web", "believes", switch) for switch in switches)


def _header(name: str, *values: str) -> tuple[Fault, ...]:
    """It says something else, or is not sent."""
    return tuple(("web", "header_is", name, value) for value in (*values, ""))


def _on_one_side(name: str, *values: str) -> tuple[Fault, ...]:
    """The same, of the API alone and of the website alone."""
    return tuple(("web", "header_differs", side, name, value) for side in ("api", "site") for value in (*values, ""))


def _says(old: str, new: str, file: str = _SETTINGS) -> Fault:
    return ("artifacts", "says", file, old, new)


def _rows(breaks: str, mends: str) -> Fault:
    return ("postgres", "statement", breaks, mends)


def _secret(name: str, *faults: str) -> tuple[Fault, ...]:
    return tuple(("aws-secrets", fault, name) for fault in faults)


def _scanned(report: str, *severities: str) -> tuple[Fault, ...]:
    """A scan found something so bad, or is of last week."""
    when = ("artifacts", "time_is", f"scans/{report}", "/runs/0/invocations/0/endTimeUtc", str(_WEEK))
    return (*(("artifacts", "found", report, severity) for severity in severities), when)


_ACCESS: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        ("tokens", "lives_for", "3601"),
        ("tokens", "lives_for", "86400"),
        ("tokens", "switch", "endless"),
        ("tokens", "switch", "unsigned"),
        ("tokens", "nobody_gets_in"),
        ("web", "path_is_open", "/api/orders"),
        ("web", "path_is_open", "/api/portfolio"),
        ("web", "path_takes_any_token", "/api/portfolio"),
        *_believes("takes_unsigned", "takes_any_signature", "takes_expired", "refuses_all"),
        *_secret("tradesense/jwt", "key_of_aws", "gone", "empty"),
    ),
    "2": (
        *(("web", "password_rule_is_gone", rule) for rule in ("length", "capital", "small", "digit", "sign")),
        *_web("no_password_is_good_enough"),
        ("web", "answers_with", "/api/passwords/check", "500"),
        ("web", "answers_with", "/api/passwords/check", "404"),
        *ending("integration", *(f"{when}_refuses_a_weak_password" for when in ("register", "reset", "change"))),
        ran("integration", _WEEK),
    ),
    "3": (
        ("web", "logins_allowed", "6"),
        ("web", "logins_allowed", "none"),
        ("web", "registrations_allowed", "4"),
        ("web", "registrations_allowed", "none"),
        *_web("limit_does_not_say_when"),
        ("web", "window_is", "120"),
        _says("logins_per_minute: 5", "logins_per_minute: 50"),
        _says("logins_per: address-and-account", "logins_per: account"),
        _says("registrations_per_minute: 3", "registrations_per_minute: 30"),
    ),
    "4": (
        *ending("e2e", "mfa_enrolment", "mfa_takes_the_right_code", "mfa_refuses_a_wrong_code"),
        *ending("e2e", "mfa_takes_a_recovery_code_once"),
        ran("e2e", _WEEK),
        ("web", "path_is_open", "/api/mfa"),
        ("web", "answers_with", "/api/mfa", "404"),
        _rows(
            "UPDATE operators SET mfa_enabled_at = NULL WHERE id = 1",
            "UPDATE operators SET mfa_enabled_at = now() - interval '30 days' WHERE id = 1",
        ),
        _rows(
            "ALTER TABLE operators RENAME TO kept; CREATE TABLE operators (LIKE kept)",
            "DROP TABLE operators; ALTER TABLE kept RENAME TO operators",
        ),
    ),
    "5": (
        _rows(_ENDS.format("NULL"), _RIGHTLY),
        _rows(_ENDS.format("last_seen_at + interval '31 minutes'"), _RIGHTLY),
        _rows(
            "UPDATE login_sessions SET created_at = created_at - interval '1 day'",
            "UPDATE login_sessions SET created_at = created_at + interval '1 day'",
        ),
        ("tokens", "switch", "reuses"),
        ("tokens", "answers_with", "/api/refresh", "404"),
        ("tokens", "nobody_gets_in"),
        *ending("integration", "session_ends_after_idle_time", "session_ends_at_log_out"),
        ran("integration", _WEEK),
    ),
    "6": (
        ("web", "guesses_allowed", "6"),
        ("web", "guesses_allowed", "none"),
        *ending("integration", "account_locks_after_wrong_passwords", "locked_to_the_right_password_too"),
        ran("integration", _WEEK),
    ),
}
_TOLD: Mapping[str, tuple[Fault, ...]] = {
    "1": _header(
        _POLICY,
        "default-src 'self'; script-src 'self' 'unsafe-inline'",
        "default-src 'self' 'unsafe-eval'",
        "default-src 'self'; script-src *",
        "script-src 'self'; object-src 'none'",
    ),
    "2": (
        *_header(_HTTPS, "max-age=31535999; includeSubDomains", "max-age=31536000"),
        *_on_one_side(_HTTPS, "max-age=31535999; includeSubDomains", "max-age=31536000"),
    ),
    "3": (*_header(_SNIFF), *_on_one_side(_SNIFF, "sniff")),
    "4": _header("X-Frame-Options", "SAMEORIGIN"),
    "5": (
        *_header(_XSS),
        *_header(_POLICY, "default-src 'self'; script-src 'self' 'unsafe-inline'", "default-src 'self' 'unsafe-eval'"),
    ),
    "6": _header(
        _REFERRER, "unsafe-url", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "Unsafe-URL"
    ),
    "7": _header(
        _PERMISSIONS,
        "camera=(), microphone=(self), geolocation=()",
        "camera=*, microphone=(), geolocation=()",
        "camera=(), microphone=()",
    ),
}
_INPUT: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        *_web("input_breaks_a_query"),
        ("web", "orders_of_any", "symbol"),
        ("web", "orders_of_any", "side"),
        ("web", "answers_with", _PREVIEW, "500"),
        *_believes("refuses_all"),
        *_scanned("code.sarif", "9.8", "8.0", ""),
    ),
    "2": (
        *_web("input_is_not_escaped"),
        ("web", "answers_with", "/search", "404"),
        ("web", "answers_with", "/search", "500"),
        *_header(_POLICY, "default-src 'self'; script-src 'self' 'unsafe-inline'"),
    ),
    "3": (
        *_web("names_lead_out"),
        ("web", "answers_with", "/files/terms.txt", "404"),
    ),
    "4": (("web", "orders_as_large_as", str(2 * 1024 * 1024)), ("web", "orders_as_large_as", "1023")),
    "5": (
        _says("  - sanitize_input\n", ""),
        _says("  - sanitize_input\n", "  # - sanitize_input\n"),
        ("web", "orders_of_any", "symbol"),
        ("web", "answers_with", _PREVIEW, "422"),
        *ending("unit", "sanitize_removes_markup", "sanitize_refuses_a_control_char"),
        ran("unit", _WEEK),
    ),
}
_KEPT: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        *(_says(variable, "") for variable in ("${DATABASE_URL}", "${REDIS_URL}", "${JWT_KEY}", "${STRIPE_SECRET}")),
        _says("allowed_groups", "password: hunter2hunter2\nallowed_groups", "settings/jaeger-access.yaml"),
        _says("middleware:", "webhook_secret: made-up-for-a-world\nmiddleware:"),
        *(fault for name in _SECRETS for fault in _secret(name, "gone", "empty", "key_of_aws")),
    ),
    "2": (
        *(("aws-secrets", name) for name in ("key_not_rotated", "key_disabled", "key_to_be_deleted")),
        ("aws-secrets", "alias_gone", "tradesense"),
        *_secret("tradesense/encryption-key", "gone", "deleted", "empty"),
        ("aws-secrets", "old_value", "tradesense/encryption-key", "91"),
        ("aws-secrets", "unnamed", "tradesense", "encryption-key"),
        *ending("integration", "what_was_encrypted_before_a_rotation_is_read"),
        ran("integration", _WEEK),
    ),
    "3": (
        *_scanned("secrets.sarif", "9.8", "7.5", "5.0", ""),
        _says("LOG_LEVEL", "REDIS_URL=redis://:pw@cache:6379\nLOG_LEVEL", _ENVIRONMENT),
        _says("${DATABASE_URL}", "postgresql://api:hunter2@db/trading"),
    ),
    "4": (
        _says("openssl rand -base64 48", 'openssl rand -base64 48 -rand "$RANDOM"', _KEYS),
        _says("openssl rand -base64 48", "date +%s | sha256sum # openssl rand", _KEYS),
        _says("openssl", "# openssl", _KEYS),
        _says("/dev/urandom", "/dev/zero", _TOKENS),
        *ending("unit", "key_generation_length", "key_generation_is_unique"),
        ran("unit", _MONTH),
    ),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    f"tradesense/phase-1-security-hardening/{section}/{number}": faults
    for section, lines in (
        ("authentication-authorization", _ACCESS),
        ("security-headers", _TOLD),
        ("input-validation", _INPUT),
        ("secrets-management", _KEPT),
    )
    for number, faults in lines.items()
}
