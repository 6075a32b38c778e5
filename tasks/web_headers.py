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
_QUOTES = "'\""


def value_of(headers: httpx.Headers, name: str) -> str | None:
    """A header's value, several joined with commas; None where it is not there.

    Of cookies only their attributes: what they hold may open somebody's session.
    """
    values = headers.get_list(name)
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
    """The seconds of `max-age`; 0 where none is given."""
    found = _MAX_AGE.search(value or "")
    return int(found[1]) if found else 0


def has(name: str, value: str, wanted: str) -> bool:
    """Whether a directive or token stands in a value, in any case and with or without quotes.

    In a content security policy, `script-src unsafe-inline` names a directive and what stands in it; where the policy
    has no such directive, `default-src` takes its place, and without that everything is allowed, so it stands there.
    Of several policies each must allow it.
    """
    directive, _, source = wanted.strip().partition(" ")
    if source and name.lower().startswith("content-security-policy"):
        return all(_allows(_policy(one), directive.lower(), _plain(source)) for one in value.split(","))
    if source:
        return " ".join(wanted.lower().split()) in " ".join(value.lower().split())
    return _plain(wanted) in _tokens(value)


def _allows(policy: Mapping[str, frozenset[str]], directive: str, source: str) -> bool:
    sources = policy.get(directive, policy.get("default-src"))
    return sources is None or source in sources


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
