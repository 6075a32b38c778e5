"""What the checks of the front must notice."""

from bench.worlds.world import Case

_API = {"endpoint": "api"}
_SCRIPT = "<script>alert(1)</script>"

ANSWERS = (
    Case(
        "http.json",
        {**_API, "path": "/api/status", "pointer": "/figures/fill_rate"},
        {"status": "= 200", "ratio": ">= 99.5 %"},
        (("figure", "fill_rate", "0.9"), ("answers_with", "/api/status", "500")),
    ),
    Case(
        "http.json",
        {**_API, "path": "/api/status", "pointer": "/figures/latency_ms"},
        {"milliseconds": "< 50 ms"},
        (("figure", "latency_ms", "80"),),
    ),
    Case(
        "http.json",
        {**_API, "path": "/api/status", "pointer": "/figures/mode"},
        {"word": "= live", "present": "= yes"},
        (("figure", "mode", "test"), ("figure_is_gone", "mode")),
    ),
    Case(
        "http.json",
        {**_API, "path": "/api/status", "pointer": "/figures"},
        {"count": "= 3"},
        (("figure_is_gone", "fill_rate"),),
    ),
    Case(
        "http.json",
        {**_API, "path": "/openapi.json", "pointer": "/paths"},
        {"count": ">= 1"},
        (("describes",),),
    ),
    Case("http.json", {**_API, "path": "/api/status", "pointer": "/made_at"}, {"age": "< 1 h"}, ("answer_is_old",)),
    Case(
        "http.json",
        {**_API, "path": "/api/account", "identity": "customer"},
        {"status": "= 200", "took": "< 400 ms"},
        (("is_slow", "0.5"), ("believes", "refuses_all")),
    ),
)
HEADERS = (
    Case(
        "http.headers",
        {**_API, "header": "Strict-Transport-Security", "requires": ["includeSubDomains"]},
        {"present": "= yes", "max_age": ">= 365 d", "required": "= all"},
        (
            ("header_is", "Strict-Transport-Security", ""),
            ("header_is", "Strict-Transport-Security", "max-age=3600; includeSubDomains"),
            ("header_is", "Strict-Transport-Security", "max-age=31536000"),
        ),
    ),
    Case(
        "http.headers",
        {**_API, "header": "Content-Security-Policy", "forbids": ["unsafe-eval", "script-src unsafe-inline"]},
        {"forbidden": "= 0", "directives": ">= 3"},
        (
            ("header_is", "Content-Security-Policy", ""),
            ("header_is", "Content-Security-Policy", "default-src 'self'"),
            ("header_is", "Content-Security-Policy", "default-src 'self'; script-src 'unsafe-inline'; img-src *"),
            ("header_is", "Content-Security-Policy", "default-src 'self'; style-src 'unsafe-eval'; img-src *"),
            ("header_is", "Content-Security-Policy", "img-src *; frame-ancestors 'none'; object-src 'none'"),
        ),
    ),
    Case(
        "http.headers",
        {**_API, "header": "X-Frame-Options"},
        {"value": "= DENY"},
        (("header_is", "X-Frame-Options", ""), ("header_is", "X-Frame-Options", "SAMEORIGIN")),
    ),
    Case(
        "http.headers",
        {**_API, "header": "Set-Cookie", "requires": ["HttpOnly", "Secure", "SameSite"]},
        {"required": "= all"},
        (("cookie_is", "Path=/; Secure; SameSite=Lax"), ("cookie_is", "Path=/; HttpOnly; SameSite=Lax")),
    ),
    Case(
        "http.cors",
        {**_API, "path": "/api/prices"},
        {"allowed": "= no", "credentials": "= no"},
        (("pages_may_read", "reflected"), ("pages_may_read", "*")),
    ),
)
REFUSALS = (
    Case(
        "http.refuses",
        {
            **_API,
            "requests": [
                {"name": "four letters", "method": "POST", "path": "/api/register", "json": {"password": "abcd"}},
                {"name": "none", "method": "POST", "path": "/api/register", "json": {}},
            ],
            "control": {"method": "POST", "path": "/api/register", "json": {"password": "three long words here"}},
        },
        {"refused": "= all"},
        ("weak_passwords_are_taken", "no_password_is_taken", ("answers_with", "/api/register", "500")),
    ),
    Case(
        "http.refuses",
        {
            **_API,
            "requests": [
                {"name": "SQL", "path": "/search?q=' OR 1=1 --"},
                {"name": "markup", "path": f"/search?q={_SCRIPT}"},
                {"name": "a path out", "path": "/files/../../etc/passwd"},
                {"name": "a path out, encoded", "path": "/files/%2e%2e%2f%2e%2e%2fetc/passwd"},
            ],
            "control": {"path": "/search?q=BTC"},
        },
        {"refused": "= all", "accepted": "= 0", "errors": "= 0", "leaks": "= 0"},
        ("input_breaks_a_query", "input_is_not_escaped", "names_lead_out", ("answers_with", "/search", "404")),
    ),
    Case(
        "http.refuses",
        {**_API, "requests": [{"path": "/search?q=0"}], "with_statuses": [400, 200]},
        {"leaks": "= 0"},
        ("errors_show_their_place",),
    ),
    Case(
        "http.refuses",
        {
            **_API,
            "requests": [{"name": "without", "method": "POST", "path": "/api/profile", "identity": "customer"}],
            "control": {
                "method": "POST",
                "path": "/api/profile",
                "identity": "customer",
                "headers": {"X-CSRF-Token": "of-this-form"},
            },
        },
        {"refused": "= all", "control": "= accepted"},
        ("forms_need_no_token", ("believes", "refuses_all")),
    ),
    Case(
        "http.authenticated",
        {
            **_API,
            "paths": ["/api/orders", "/api/account", "GET /api/positions"],
            "identity": "customer",
            "expired_identity": "expired",
        },
        {
            "refused": "= all",
            "accepted": "= yes",
            "expired": "= refused",
            "unsigned": "= refused",
            "tampered": "= refused",
        },
        (
            ("path_is_open", "/api/positions"),
            ("path_takes_any_token", "/api/account"),
            ("path_takes_any_token", "/api/positions"),
            ("believes", "takes_unsigned"),
            ("believes", "takes_any_signature"),
            ("believes", "takes_expired"),
            ("believes", "refuses_all"),
        ),
    ),
    Case(
        "http.authenticated",
        {**_API, "paths": "openapi.yaml", "identity": "customer"},
        {"refused": "= all"},
        (("path_is_open", "/api/account"), ("path_is_open", "/api/orders/7")),
    ),
)
LIMITS = (
    Case(
        "http.rate_limit",
        {**_API, "path": "/api/prices", "up_to": 50},
        {"allowed": "<= 20", "refused": ">= 1", "told": "= yes", "retry_after": "<= 60 s"},
        (
            ("limit_is", "none"),
            ("limit_is", "40"),
            "limit_does_not_say_when",
            ("window_is", "600"),
            ("answers_with", "/api/prices", "503"),
        ),
    ),
    Case(
        "http.rate_limit",
        {**_API, "path": "/api/prices", "up_to": 10},
        {"refused": "= 0", "errors": "= 0"},
        (("limit_is", "5"), ("answers_with", "/api/prices", "503")),
    ),
    Case(
        "http.rate_limit",
        {**_API, "path": "/api/quotes", "up_to": 9, "at_once": 1, "recovers_within": "1 s"},
        {"allowed": "= 3", "recovers": "= yes"},
        ("limit_does_not_pass",),
    ),
    Case(
        "http.request_size",
        {**_API, "path": "/api/uploads", "identity": "customer", "large": "100 KiB"},
        {"small": "= accepted", "large": "= refused"},
        (("largest_is", "1000000"), ("largest_is", "100"), ("believes", "refuses_all")),
    ),
    Case(
        "http.lockout",
        {
            **_API,
            "path": "/auth/login",
            "json": {"email": "locked@example.com", "password": "not this one"},
            "after": 10,
        },
        {"attempts": "<= 5", "locked": "= yes"},
        (("locks_after", "none"), ("locks_after", "8")),
    ),
)
HEALTH = (
    Case(
        "endpoint.health",
        {**_API, "components": ["database", "redis"], "samples": 2},
        {"status": "= 200", "healthy": "= yes", "components": "= all", "p95": "< 400 ms"},
        (
            ("part_is", "redis", "down"),
            ("part_is", "redis", ""),
            "says_unwell",
            ("answers_with", "/health", "503"),
            ("shows_a_page", "/health"),
            ("is_slow", "0.5"),
        ),
    ),
    Case(
        "endpoint.health",
        {**_API, "path": "/", "contains": "<title>Vatic</title>", "samples": 2},
        {"healthy": "= yes"},
        (("shows_a_page", "/"), ("answers_with", "/", "502")),
    ),
    Case(
        "http.latency",
        {**_API, "path": "/api/status", "samples": 2},
        {"p50": "< 400 ms", "p95": "< 400 ms", "p99": "< 400 ms", "errors": "= 0 %", "requests": "= 2"},
        (("is_slow", "0.5"), ("answers_with", "/api/status", "500")),
    ),
    Case(
        "cdn.asset",
        {**_API, "path": "/assets/app.js"},
        {"cached": "= hit", "max_age": ">= 1 d", "compressed": "= yes"},
        (
            "files_are_not_cached",
            "files_are_not_compressed",
            ("files_are_kept_for", "60"),
            ("files_are_kept_for", "0"),
            "file_is_gone",
        ),
    ),
)
CASES = (*ANSWERS, *HEADERS, *REFUSALS, *LIMITS, *HEALTH)
