"""Lines about databases, caches and queues: pools, timeouts, lag, partitions."""

import re

from pydantic import JsonValue

from tminus.importing.seen import Check, Recognizer, Seen, Suggestion, by_words, suggest

_LEAST = re.compile(r"\bmin(?:imum)?\s*[=:]?\s*(\d+)|\b(\d+)\s*min\b")
_MOST = re.compile(r"\bmax(?:imum)?\s*[=:]?\s*(\d+)|\b(\d+)\s*max\b")
_SETTINGS = {
    "statement_timeout": r"\bstatement[_ ]timeout\b",
    "lock_timeout": r"\block[_ ]timeout\b",
    "idle_in_transaction_session_timeout": r"\bidle[_ ](?:in[_ ])?transaction\b",
}


def pool(seen: Seen) -> Suggestion | None:
    """`Redis connection pooling configured (min=10, max=50)`, `Connection pooling (20 min, 40 max)`."""
    if not seen.has(r"\bpool"):
        return None
    of = "redis" if seen.has(r"\bredis\b|\bcache\b") else "database"
    found = {name: pattern.search(seen.text) for name, pattern in (("min", _LEAST), ("max", _MOST))}
    checks = tuple(
        Check(
            "artifact.setting",
            {"file": "settings/application.yaml", "pointer": f"/{of}/pool/{name}"},
            {"value": f"= {match[1] or match[2]}"},
        )
        for name, match in found.items()
        if match
    )
    return Suggestion(checks) if checks else None


def sql_setting(seen: Seen) -> Suggestion | None:
    """`Statement timeout (30s)`."""
    name = next((name for name, pattern in _SETTINGS.items() if seen.has(pattern)), None)
    if name is None or seen.time is None:
        return None
    given: dict[str, JsonValue] = {"database": "main", "query": f"SHOW {name}"}
    if seen.speaks_of("cockroach"):
        given["on"] = "cockroach"
    return suggest("sql.query", given, {"seconds": seen.time.expected("=")})


def lag(seen: Seen) -> Suggestion | None:
    """`Kafka consumer lag <100ms under normal load`, `Consumer lag < 1000`."""
    if not seen.has(r"\bconsumer lag\b|\bkafka\b.*\blag\b") or seen.under(r"\balert"):
        return None
    given: dict[str, JsonValue] = {"group": seen.system, "topics": ["orders"]}
    count = seen.only(lambda one: not one.per and one.unit in {"", "messages"} and bool(one.sign))
    if seen.time is not None:
        return suggest("kafka.lag", given, {"members": ">= 1", "behind": seen.time.expected("<")})
    return suggest("kafka.lag", given, {"members": ">= 1", "lag": count.expected("<")}) if count else None


def partitions(seen: Seen) -> Suggestion | None:
    """`At least 6 partitions per topic`."""
    count = seen.only(lambda one: one.unit in {"partitions", "partition"})
    if count is None:
        return None
    expect = {"present": "= all", "partitions": f"{count.compared('>=')} {count.number}"}
    return suggest("kafka.topics", {"topics": ["orders"]}, expect)


RECOGNIZERS: tuple[Recognizer, ...] = (
    pool,
    sql_setting,
    lag,
    partitions,
    by_words(
        r"\bkeys? namespac",
        lambda seen: (
            Check(
                "redis.keys", {"redis": "cache", "namespaces": [seen.system]}, {"keys": ">= 1", "namespaced": "= all"}
            ),
        ),
    ),
)
