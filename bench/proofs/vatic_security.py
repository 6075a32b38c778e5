"""What breaks each observed line of Vatic's chapter on security, but for data and compliance."""

from collections.abc import Mapping

from bench.proofs.file_faults import page
from bench.proofs.proof import Fault
from bench.worlds.tokens import TokenWorld
from bench.worlds.world import World

_HOUR = 3600  # seconds
_SECRETS = ("vatic/database", "vatic/api-keys", "vatic/stripe", "vatic/jwt-signing-key", "vatic/encryption-key")
_IN_THE_BOOK = ("database", "api-keys", "stripe", "jwt-signing-key", "encryption-key")
_API, _SETTINGS = "openapi.yaml", "settings/application.yaml"
_POLICY = "Content-Security-Policy"


def prepare(worlds: Mapping[str, World]) -> None:
    """Tokens live for an hour."""
    tokens = worlds["tokens"]
    assert isinstance(tokens, TokenWorld)
    tokens.front.tokens.lifetime = _HOUR


def _web(*names: str) -> tuple[Fault, ...]:
    return tuple(("web", name) for name in names)


def _believes(*switches: str) -> tuple[Fault, ...]:
    return tuple(("web", "believes", switch) for switch in switches)


def _open(*paths: str) -> tuple[Fault, ...]:
    return tuple(("web", "path_is_open", path) for path in paths)


def _secret(name: str, *faults: str) -> tuple[Fault, ...]:
    return tuple(("aws-secrets", fault, name) for fault in faults)


_ACCESS: dict[str, tuple[Fault, ...]] = {
    "1": (
        *_open("/orders", "/withdrawals", "/preferences", "/api/account", "/admin/withdrawals"),
        *(("web", "path_takes_any_token", path) for path in ("/orders", "/api/account")),
        *_believes("takes_unsigned", "takes_any_signature", "takes_expired", "refuses_all"),
    ),
    "2": (
        ("tokens", "lives_for", str(_HOUR + 1)),
        ("tokens", "lives_for", "86400"),
        ("tokens", "switch", "endless"),
        *_believes("takes_expired"),
    ),
    "3": (
        ("tokens", "switch", "reuses"),
        ("tokens", "answers_with", "/auth/refresh", "404"),
        ("tokens", "nobody_gets_in"),
    ),
    "4": (
        *(("istio", "changed", name) for name in ("permissive", "disabled", "tls_off_for_a_client", "no_proxy")),
        *(("istio", "added", name) for name in ("workload_permissive", "port_in_clear", "pod_of_old")),
        ("istio", "inherited", "PERMISSIVE"),
        ("istio", "no_policy"),
    ),
    "5": (
        *(("opa", "decides", word) for word in ("allows", "undefined", "denies")),
        ("opa", "nothing_loaded"),
        ("opa", "anothers_orders"),
        *_web("customers_may_all"),
    ),
    "6": (
        ("opa", "may_also", "customer", "approve"),
        ("opa", "may_also", "nobody", "read"),
        ("opa", "decides", "denies"),
        *_web("customers_may_all"),
        *(("kubernetes", "changed", name) for name in ("role_of_everything", "default_account", "no_account")),
        *(
            ("kubernetes", "changed", name)
            for name in ("role_of_all_verbs", "role_that_may_bind", "account_of_another")
        ),
        ("kubernetes", "added", "cluster_admin_everywhere"),
        ("kubernetes", "added", "cluster_admin_for_an_account_as_user"),
    ),
}
_KEPT: dict[str, tuple[Fault, ...]] = {
    "1": (
        *(fault for name in _SECRETS for fault in _secret(name, "gone", "empty")),
        ("artifacts", "says", "settings/secret-store.yaml", "SecretsManager", "ParameterStore"),
    ),
    **{
        number: (
            *_secret(name, "gone", "deleted", "empty"),
            ("aws-secrets", "old_value", name, str(days + 1)),
            ("aws-secrets", "unnamed", "vatic", name.removeprefix("vatic/")),
        )
        for number, name, days in (("2", "vatic/database", 30), ("3", "vatic/api-keys", 90))
    },
    "4": (
        ("stripe", "another_key", "sk_live"),
        *_secret("vatic/stripe", "key_of_aws", "gone"),
        *(("artifacts", "found", "secrets.sarif", severity) for severity in ("9.8", "7.5", "5.0", "")),
    ),
    "5": (
        ("tokens", "switch", "private_key"),
        ("tokens", "switch", "weak_key"),
        ("tokens", "switch", "no_keys"),
        *_secret("vatic/jwt-signing-key", "key_of_aws", "gone"),
    ),
    "6": (
        *page(
            "rotation-policy.md", *("Database credentials", "API keys", "Stripe", "JWT signing key", "Encryption key")
        ),
        *(("aws-secrets", "unnamed", "vatic", name) for name in _IN_THE_BOOK),
    ),
}
_INPUT: dict[str, tuple[Fault, ...]] = {
    "1": (
        *_web("orders_are_not_checked"),
        ("web", "answers_with", "/orders/preview", "500"),
        ("artifacts", "says", _API, ", schema: {type: integer, maximum: 100}", ""),
        ("artifacts", "says", _API, "schema: {$ref: '#/components/schemas/Order'}", "schema: {}"),
    ),
    "2": (
        *_web("input_breaks_a_query", "orders_are_not_checked"),
        *(("artifacts", "found", "code.sarif", severity) for severity in ("9.8", "7.5", "")),
    ),
    "3": (
        *_web("input_is_not_escaped"),
        ("web", "header_is", _POLICY, ""),
        ("web", "header_is", _POLICY, "default-src 'self'; script-src 'self' 'unsafe-inline'"),
        ("web", "header_is", _POLICY, "default-src 'self' 'unsafe-eval'"),
        ("web", "header_is", _POLICY, "script-src *"),
        ("web", "header_is", _POLICY, "frame-ancestors 'none'"),
        ("web", "header_is", "X-Content-Type-Options", ""),
        ("web", "answers_with", "/search", "404"),
    ),
    "4": (
        *_web("forms_need_no_token"),
        ("web", "pages_may_read", "reflected"),
        ("web", "pages_may_read", "*"),
        *_believes("refuses_all"),
    ),
    "5": (
        ("web", "users_may_ask", "none"),
        ("web", "users_may_ask", "101"),
        ("web", "limit_does_not_say_when"),
        ("web", "window_is", "120"),
        ("artifacts", "says", _SETTINGS, "requests_per_minute: 100", "requests_per_minute: 1000"),
        ("artifacts", "says", _SETTINGS, "per: user", "per: service"),
    ),
    "6": (("web", "largest_is", str(2 * 1024 * 1024)), ("web", "largest_is", "1023")),
}

BROKEN: dict[str, tuple[Fault, ...]] = {
    f"vatic/3-security/{section}/{number}": faults
    for section, lines in (
        ("authentication-authorization", _ACCESS),
        ("secrets-management", _KEPT),
        ("input-validation", _INPUT),
    )
    for number, faults in lines.items()
}
