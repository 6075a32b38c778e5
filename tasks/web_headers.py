"""What an HTTP header says: its directives, its tokens, how long it lets an answer be kept.

Sources: RFC 9110 and 9111 (Cache-Control), RFC 6797 (Strict-Transport-Security), RFC 6265 (Set-Cookie), and the W3C's
Content Security Policy Level 3, where a fetch directive that is not given falls back to `default-src`.
"""

import re
from collections.abc import Mapping

import httpx

NONE = "none"
_LONGEST = 300  # characters of a value in evidence
_BY_SEMICOLON = frozenset(
    {
        "content-security-policy",
        "content-security-policy-report-only",
        "strict-transport-security",
        "set-cookie",
        "x-xss-protection",
    }
)
_MAX_AGE = re.compile(r"(?i)(?:^|[\s,;])max-age\s*=\s*\"?(\d{1,12})\b")
_KEPT_BY_NOBODY = re.compile(r"(?i)(?:^|[\s,;])(?:no-store|no-cache)\s*(?=$|[\s,;])")
_QUOTES = "'\""
# What overrides a directive for some of what it is about (Content Security Policy Level 3, 6.1).
_PARTS = {
    "script-src": ("script-src-elem", "script-src-attr"),
    "style-src": ("style-src-elem", "style-src-attr"),
}
_WHOLES = {part: whole for whole, parts in _PARTS.items() for part in parts}
# Directives that are not about fetching: `default-src` does not take their place.
_ALONE = ("frame-ancestors", "form-action", "base-uri", "sandbox", "report-", "navigate-to", "plugin-types")


def value_of(headers: httpx.Headers, name: str) -> str | None:
    """A header's value, several joined with commas; None where it is not there, or empty, which says as much.

    Of cookies only their attributes: what they hold may open somebody's session.
    """
    values = [value for value in headers.get_list(name) if value.strip()]
    if not values:
        return None
    if name.lower() == "set-cookie":
        values = [value.partition(";")[2].strip() or "no attributes" for value in values]
    return ", ".join(value.strip() for value in values)


def shown(value: str | None) -> str:
    """A value for evidence: `none` where there is none."""
    return NONE if value is None else " ".join(value.split())[:_LONGEST]


def cookies(headers: httpx.Headers) -> tuple[str, ...]:
    """The attributes of each cookie that is set."""
    return tuple(value.partition(";")[2].strip() for value in headers.get_list("set-cookie"))


def directives(name: str, value: str) -> tuple[str, ...]:
    """The parts of a header that are separated as that header separates them."""
    sign = ";" if name.lower() in _BY_SEMICOLON else ","
    return tuple(part for text in value.split(sign) if (part := text.strip()))


def max_age(value: str | None) -> int:
    """The seconds of `max-age`; 0 where none is given, or `no-store` or `no-cache` says that it means nothing."""
    found = None if _KEPT_BY_NOBODY.search(value or "") else _MAX_AGE.search(value or "")
    return int(found[1]) if found else 0


def has(name: str, value: str, wanted: str, *, surely: bool = False) -> bool:
    """Whether a directive or token stands in a value, in any case and with or without quotes.

    In a content security policy, `script-src unsafe-inline` names a directive and what stands in it, or in what
    overrides it (`script-src-elem`, `script-src-attr`); where the policy has no such directive, `default-src` takes
    its place, and without that everything is allowed, so it stands there. Of several policies each must allow it.
    `surely` asks the other way round: it must be written in the directive, and in all that override it, of one
    policy. Of a feature that `Permissions-Policy` names twice the last counts.
    """
    directive, _, source = wanted.strip().partition(" ")
    if source and name.lower().startswith("content-security-policy"):
        policies = [_policy(one) for one in value.split(",")]
        if surely:
            return any(_requires(policy, directive.lower(), _plain(source)) for policy in policies)
        return all(_allows(policy, directive.lower(), _plain(source)) for policy in policies)
    if name.lower() == "permissions-policy":
        value = ", ".join({part.partition("=")[0].strip().lower(): part for part in value.split(",")}.values())
    if source:
        return " ".join(wanted.lower().split()) in " ".join(value.lower().split())
    return _plain(wanted) in _tokens(value)


def _allows(policy: Mapping[str, frozenset[str]], directive: str, source: str) -> bool:
    return any(sources is None or source in sources for sources in _in_force(policy, directive))


def _requires(policy: Mapping[str, frozenset[str]], directive: str, source: str) -> bool:
    return all(sources is not None and source in sources for sources in _in_force(policy, directive))


def _in_force(policy: Mapping[str, frozenset[str]], directive: str) -> list[frozenset[str] | None]:
    """The sources of the directive, and of each that overrides it; None where everything is allowed."""
    whole = policy.get(directive)
    if whole is None and directive in _WHOLES:
        whole = policy.get(_WHOLES[directive])
    if whole is None and not directive.startswith(_ALONE):
        whole = policy.get("default-src")
    return [whole, *(policy[part] for part in _PARTS.get(directive, ()) if part in policy)]


def _policy(value: str) -> Mapping[str, frozenset[str]]:
    """Directive → its sources; of a directive that is given twice the first counts."""
    found: dict[str, frozenset[str]] = {}
    for part in directives("content-security-policy", value):
        name, *sources = part.split()
        found.setdefault(name.lower(), frozenset(_plain(source) for source in sources))
    return found


def _tokens(value: str) -> frozenset[str]:
    """Each word, and of `name=value` the name too."""
    words = {_plain(word) for word in re.split(r"[\s,;]+", value) if word}
    return frozenset(words | {word.partition("=")[0] for word in words})


def _plain(text: str) -> str:
    return text.strip().strip(_QUOTES).lower()
