"""Lines about tests and experiments, and those whose meaning comes from the line that they stand under."""

import re

from pydantic import JsonValue

from tminus.importing.seen import Recognizer, Seen, Suggestion, suggest

_SUITES = {"unit": "unit", "integration": "integration", "e2e": "e2e", "end-to-end": "e2e", "smoke": "smoke"}


def whole_suite(seen: Seen) -> Suggestion | None:
    """`Integration tests passing`, `E2E tests passing for critical flows`, `All tests passing`."""
    if seen.share is not None or not seen.has(r"\bpass"):
        return None
    named = "*" if seen.has(r"^all tests pass") else _suite(seen.text)
    if named is None:
        return None
    return suggest("artifact.tests", {"reports": f"tests/{named}.xml"}, {"tests": ">= 1", "failed": "= 0"})


def some_tests(seen: Seen) -> Suggestion | None:
    """`Withdrawal calculations` under `Unit tests passing`: the tests whose names say so."""
    above = _suite(seen.parent) if re.search(r"\bpass", seen.parent) else None
    words = [word for word in re.findall(r"[^\W\d_]{3,}", re.sub(r"\([^)]*\)", "", seen.title)) if word.isascii()][:3]
    if above is None or not words or seen.amounts:
        return None
    given: dict[str, JsonValue] = {"reports": f"tests/{above}.xml", "only": [f"(?i){'.*'.join(words)}"]}
    return suggest("artifact.tests", given, {"unmatched": "= 0", "failed": "= 0"})


def metric_exported(seen: Seen) -> Suggestion | None:
    """`Kafka consumer lag` under `Metrics exported for:`: a metric of that name."""
    name = seen.named("count", "per", "second", "day").replace("-", "_")
    if not re.search(r"\bmetrics\b", seen.parent) or seen.amounts or not name:
        return None
    return suggest("prometheus.metrics", {"metrics": [name]}, {"present": "= all"})


def _suite(text: str) -> str | None:
    return next((suite for word, suite in _SUITES.items() if re.search(rf"\b{word}\b.*\btests?\b", text)), None)


def experiment(seen: Seen) -> Suggestion | None:
    """`Database outage scenarios tested` under a heading about chaos."""
    if not seen.under(r"\bchaos\b|\bfault injection\b|\bgame ?days?\b"):
        return None
    if not seen.has(r"\b(?:failures?|outages?|loss|partition|crash|latency|kill)\b"):
        return None
    name = seen.named("scenarios", "scenario", "tested", "testing")
    expect = {"experiments": ">= 1", "completed": "= all", "held": "= all"}
    return suggest("artifact.experiment", {"reports": f"chaos/{name}*.json"}, expect)


RECOGNIZERS: tuple[Recognizer, ...] = (whole_suite, some_tests, metric_exported, experiment)
