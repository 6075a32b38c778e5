"""Lines about security: headers, TLS, rate limits, tokens, scans, secrets, encryption."""

import re
from collections.abc import Mapping
from decimal import Decimal

from pydantic import JsonValue

from tminus.importing.amounts import Amount
from tminus.importing.seen import Check, Recognizer, Seen, Suggestion, by_words, suggest

# What a line calls a header, the header, and what it is expected to say.
_HEADERS: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    (r"\bcontent[- ]security[- ]policy\b|\bcsp\b", "Content-Security-Policy", {"present": "= yes"}),
    (r"\bstrict-transport-security\b|\bhsts\b", "Strict-Transport-Security", {"present": "= yes", "max_age": "> 0 s"}),
    (r"\bx-content-type-options\b|\bnosniff\b", "X-Content-Type-Options", {"value": "= nosniff"}),
    (r"\bx-frame-options\b", "X-Frame-Options", {"present": "= yes"}),
    (r"\bx-xss-protection\b", "X-XSS-Protection", {"present": "= yes"}),
    (r"\breferrer-policy\b", "Referrer-Policy", {"present": "= yes"}),
    (r"\bpermissions-policy\b", "Permissions-Policy", {"present": "= yes"}),
    (r"\bcross-origin-opener-policy\b", "Cross-Origin-Opener-Policy", {"present": "= yes"}),
    (r"\bcross-origin-resource-policy\b", "Cross-Origin-Resource-Policy", {"present": "= yes"}),
)
_FRAME = re.compile(r"\b(deny|sameorigin)\b")
_PAGES = {"login": "/login", "register": "/register", "sign up": "/register", "password reset": "/password-reset"}
_MOST_SENT = 20_000  # requests; the check sends no more


def headers(seen: Seen) -> Suggestion | None:
    """Each header that a line names: `Content Security Policy (CSP)`, `X-Frame-Options: DENY`."""
    found = [
        Check("http.headers", {"endpoint": "web", "header": name}, _of_header(seen, name, expect))
        for pattern, name, expect in _HEADERS
        if seen.has(pattern)
    ]
    return Suggestion(tuple(found)) if found else None


def _of_header(seen: Seen, name: str, expect: Mapping[str, str]) -> Mapping[str, str]:
    framing = _FRAME.search(seen.text) if name == "X-Frame-Options" else None
    return {"value": f"= {framing[1].upper()}"} if framing else expect


def tls(seen: Seen) -> Suggestion | None:
    """`Encryption in transit (TLS 1.3)`, `SSL/TLS certificates active`."""
    if not seen.has(r"\btls\b|\bssl\b") or seen.has(r"\bmtls\b|\bmutual\b"):
        return None
    version = re.search(r"\btls\s*v?(1\.[23])(\+)?", seen.text)
    sound = {"trusted": "= yes", "hostname": "= match"}
    if version and version[1] == "1.3":
        expect = {"version": "= TLSv1.3", **({} if version[2] else {"older": "= refused"}), **sound}
        return suggest("tls.endpoint", {"endpoint": "api"}, expect)
    if version:
        return None  # from 1.2 up is two words that would be right, and an expectation names one
    left = seen.time if seen.time is not None and seen.time.unit == "d" else None
    if seen.has(r"\bcertificates?\b"):
        good_for = {"expires": left.expected(">=")} if left else {}
        return suggest("tls.endpoint", {"endpoint": "api"}, {**sound, **good_for})
    return None


def rate_limit(seen: Seen) -> Suggestion | None:
    """`Rate limiting configured: 100 req/min per user`, `(5/min login, 3/min register)`: one check each number."""
    if not seen.has(r"\brate[- ]?limit|\bthrottl"):
        return None
    limits = [one for one in seen.amounts if one.per in {"s", "min", "h"} and one.unit in {"", "requests", "attempts"}]
    checks = [_limited(seen, one) for one in limits if 0 < Decimal(one.number) * 2 <= _MOST_SENT]
    return Suggestion(tuple(checks)) if checks and len(checks) == len(limits) else None


def _limited(seen: Seen, limit: Amount) -> Check:
    after = seen.text[limit.end : limit.end + 20]
    path = next((path for word, path in _PAGES.items() if after.strip().startswith(word)), "/")
    post: dict[str, JsonValue] = {"method": "POST"} if path != "/" else {}
    most = int(Decimal(limit.number))
    given: dict[str, JsonValue] = {"endpoint": "api", "path": path, **post, "up_to": max(most * 3 // 2, most + 1)}
    return Check("http.rate_limit", given, {"allowed": f"<= {most}", "refused": ">= 1"})


def token_lifetime(seen: Seen) -> Suggestion | None:
    """`Token expiration configured (1 hour)`."""
    if (
        not seen.has(r"\btokens?\b|\bjwt\b")
        or not seen.has(r"\bexpir|\blifetime\b|\bttl\b|\bvalid for\b")
        or not seen.time
    ):
        return None
    given: dict[str, JsonValue] = {"endpoint": "api", "path": "/auth/login", "identity": "customer"}
    return suggest("jwt.token", given, {"issued": "= yes", "lifetime": seen.time.expected("<=")})


def _scanned(seen: Seen, reports: str) -> tuple[Check, ...]:
    """No finding of the severities that the line names; none critical or high where it names no severity."""
    named = [severity for severity in ("critical", "high", "medium", "low") if seen.has(rf"\b{severity}\b")]
    expect = {"reports": ">= 1", **dict.fromkeys(named or ("critical", "high"), "= 0")}
    return (Check("artifact.scan", {"reports": reports, "tool": "sarif"}, expect),)


def _secrets(seen: Seen) -> tuple[Check, ...]:
    return (Check("aws.secrets", {"secrets": [f"{seen.system}/database"]}, {"present": "= all"}),)


def _validated(_seen: Seen) -> tuple[Check, ...]:
    return (Check("artifact.openapi", {"file": "openapi.yaml"}, {"operations": ">= 1", "validated": "= all"}),)


def _authenticated(_seen: Seen) -> tuple[Check, ...]:
    given: dict[str, JsonValue] = {"endpoint": "api", "paths": "openapi.yaml", "identity": "customer"}
    return (Check("http.authenticated", given, {"refused": "= all", "accepted": "= yes"}),)


def _masked(seen: Seen) -> tuple[Check, ...]:
    return (Check("aws.log_lines", {"group": f"/{seen.system}"}, {"lines": ">= 1", "unmasked": "= 0"}),)


RECOGNIZERS: tuple[Recognizer, ...] = (
    headers,
    rate_limit,
    token_lifetime,
    by_words(r"\bno (?:hard-?coded|committed) |\bsecrets? scan", lambda seen: _scanned(seen, "scans/secrets.sarif")),
    by_words(
        r"\b(?:vulnerability|security|dependency|container|image|code|static) scan"
        r"|\bno (?:\w+ )?(?:(?:or|and) \w+ |/ ?\w+ )?(?:security )?vulnerabilities",
        lambda seen: _scanned(seen, "scans/*.sarif"),
        unless=r"\bresults?\b|\breview",
    ),
    by_words(
        r"\bmtls\b|\bmutual tls\b",
        lambda _: (Check("istio.mtls", {}, {"mode": "= strict", "exceptions": "= 0", "injected": "= all"}),),
    ),
    tls,
    by_words(
        r"\bopa\b.*\bpolic|\bopen policy agent\b",
        lambda seen: (Check("opa.policies", {"path": f"{seen.system}/authz/allow"}, {"loaded": ">= 1"}),),
    ),
    by_words(r"\bsecrets? manager\b", lambda seen: _secrets(seen) if seen.speaks_of("aws") else ()),
    by_words(r"\ball (?:api )?endpoints\b.*\bauthenticat|\btoken validation\b", _authenticated),
    by_words(r"\binput validation\b.*\b(?:all|every)\b", _validated),
    by_words(r"\bpii\b.*\b(?:masked|redacted)\b.*\blogs?\b|\blogs?\b.*\bpii\b", _masked),
)
