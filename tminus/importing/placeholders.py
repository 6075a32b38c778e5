"""Names that a checklist does not give: written so that nothing is called so by accident, and nothing passes by it."""

import re
from collections.abc import Mapping
from dataclasses import replace

from pydantic import JsonValue

from tminus.importing.seen import Check

PREFIX = "name-yours"
"""How such a name begins. No environment names it, so a check of it is skipped; in a system nothing is called so."""
_NAMES = frozenset(
    {
        "acl",
        "bucket",
        "cluster",
        "database",
        "endpoint",
        "group",
        "groups",
        "host",
        "identity",
        "instance",
        "jobs",
        "name",
        "namespaces",
        "policy",
        "prefix",
        "project",
        "redis",
        "secrets",
        "sentinels",
        "service",
        "services",
        "topics",
    }
)
_FILES = frozenset({"file", "report", "reports"})
_PATHS_OF = frozenset({("opa.policies", "path"), ("http.authenticated", "paths")})


def marked(check: Check) -> Check:
    """The check with each name that only the reader can know replaced; names made of the line's own words stay."""
    return replace(check, given=_marked(check.kind, check.given))


def _marked(kind: str, given: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: _value(value, _between(kind, name)) for name, value in given.items()}


def _between(kind: str, name: str) -> str:
    """What stands between the mark and the usual name; "" where the parameter is no such name."""
    if name in _FILES or (kind, name) in _PATHS_OF:
        return "/"
    return "-" if name in _NAMES else ""


def _value(value: JsonValue, between: str) -> JsonValue:
    match value:
        case str() if between and not re.match(rf"/?{PREFIX}\b", value):
            return f"/{PREFIX}{value}" if value.startswith("/") else f"{PREFIX}{between}{value}"
        case list():
            return [_value(one, between) for one in value]
        case _:
            return value
