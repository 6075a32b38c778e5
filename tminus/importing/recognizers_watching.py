"""Lines about seeing what the system does: health, alerts, dashboards, metrics, traces, logs, on-call."""

import re

from pydantic import JsonValue

from tminus.importing.seen import Check, Recognizer, Seen, Suggestion, by_words, suggest

_PATH = re.compile(r"(?<![\w/])/(?:health|healthz|ready|readyz|readiness|live|livez|liveness|status|ping)[\w/-]*")
_NO_NAME = ("alerts", "alert", "configured", "enabled", "active", "set", "up")
_COMPONENTS = {
    "database": r"\b(?:database|postgres\w*|cockroach\w*|mysql|sql)\b",
    "redis": r"\b(?:redis|cache)\b",
    "kafka": r"\bkafka\b",
    "queue": r"\b(?:queue|rabbitmq|sqs)\b",
}


def health(seen: Seen) -> Suggestion | None:
    """`Health check endpoints responding: /health, /ready`; a part of such a line names what health speaks of."""
    if seen.part and re.search(r"\bhealth", seen.parent):
        return _component(seen)
    paths = list(dict.fromkeys(_PATH.findall(seen.text)))
    if not paths and not seen.has(r"\bhealth (?:check )?endpoints?\b|\bhealth checks? (?:passing|pass|respond)"):
        return None
    if seen.under(r"\balert"):
        return None
    return Suggestion(
        tuple(
            Check("endpoint.health", {"endpoint": "api", "path": path}, {"status": "= 200", "healthy": "= yes"})
            for path in paths or ["/health"]
        )
    )


def _component(seen: Seen) -> Suggestion | None:
    named = [name for name, pattern in _COMPONENTS.items() if seen.has(pattern)]
    if not named:
        return None
    given: dict[str, JsonValue] = {"endpoint": "api", "components": [*named]}
    return suggest("endpoint.health", given, {"components": "= all"})


def alert(seen: Seen) -> Suggestion | None:
    """`p99 latency >10ms` under `Alert rules configured`, `Service down alerts`: the rule, with the line's limit."""
    beneath = seen.part and re.search(r"\balert", seen.parent) is not None
    named = seen.has(r"^(?:\w[\w/-]* ){1,4}alerts?(?: (?:configured|enabled|active|set up))?$")
    if not beneath and not (named and not seen.has(r"^(?:all|production|monitoring|the) ")):
        return None
    if seen.speaks_of("datadog") and not seen.speaks_of("prometheus"):
        name = seen.named(*_NO_NAME).replace("-", " ").capitalize()
        return suggest("datadog.monitors", {"monitors": [name or "Alert"]}, {"present": "= all", "notifying": "= all"})
    given: dict[str, JsonValue] = {"alert": _alert_name(seen)}
    expect, promises = _limit(seen)
    return suggest("prometheus.rules", given, {"loaded": ">= 1", **expect, "health": "= ok"}, **promises)


def _alert_name(seen: Seen) -> str:
    high = "High" if seen.amounts else ""
    words = seen.named(*_NO_NAME).split("-")
    return high + "".join(word[:1].upper() + word[1:] for word in words[:5]) or "Alert"


def _limit(seen: Seen) -> tuple[dict[str, str], dict[str, str]]:
    """What the rule's threshold is expected to be, and what that promises."""
    lasting = seen.after("for")
    holds = {"for": f"= {lasting.said}"} if lasting else {}
    slow = seen.only(lambda one: one.is_time and one is not lasting)
    if slow is not None:
        promises = {"p99_alert": slow.said} if seen.has(r"\bp99\b") else {}
        return {"seconds": f"= {slow.said}", **holds}, promises
    if seen.share is not None:
        promises = {"error_alert": seen.share.said} if seen.has(r"\berror") else {}
        return {"ratio": f"= {seen.share.said}", **holds}, promises
    count = seen.only(lambda one: not one.per and not one.is_time and bool(one.sign))
    return ({"threshold": f"= {count.number}", **holds} if count else holds), {}


def dashboard(seen: Seen) -> Suggestion | None:
    """`Service health dashboard (latency, throughput)`: the one of that name, on the system that the file speaks of."""
    under = seen.part and re.search(r"\bdashboards?\b", seen.parent) is not None
    if not (seen.has(r"\bdashboard\b(?!s)") or under) or seen.has(r"\baccess\b|\busage\b"):
        return None
    name = seen.named("dashboard", "grafana", "datadog", "configured", "created", "ready", "operational")
    if not name:
        return None
    if seen.speaks_of("datadog") and not seen.speaks_of("grafana"):
        title = re.sub(r"\([^)]*\)", "", seen.title).strip()
        return suggest("datadog.dashboard", {"title": title}, {"present": "= yes", "widgets": ">= 1"})
    return suggest("grafana.dashboard", {"uid": name}, {"present": "= yes", "panels": ">= 1", "datasources": "= all"})


def sampling(seen: Seen) -> Suggestion | None:
    """`Trace sampling configured (1% for production)`."""
    if not seen.has(r"\bsampl") or not seen.has(r"\btrac") or seen.share is None:
        return None
    return suggest("jaeger.sampling", {"service": seen.system}, {"rate": f"= {seen.share.said}"})


def _reporting(seen: Seen) -> tuple[Check, ...]:
    if not seen.speaks_of("jaeger"):
        return ()
    return (Check("jaeger.services", {"services": [seen.system]}, {"reporting": "= all"}),)


def _scraped(seen: Seen) -> tuple[Check, ...]:
    return (Check("prometheus.targets", {"jobs": [seen.system]}, {"jobs": "= all", "up": "= all"}),)


def _log_groups(seen: Seen) -> tuple[Check, ...]:
    return (Check("aws.log_groups", {"groups": [f"/{seen.system}"]}, {"present": "= all", "newest": "< 60 min"}),)


def _structured(seen: Seen) -> tuple[Check, ...]:
    if not seen.speaks_of("cloudwatch"):
        return ()
    also = {"correlated": "= all"} if seen.has(r"\bcorrelation\b") else {}
    return (Check("aws.log_lines", {"group": f"/{seen.system}"}, {"lines": ">= 1", "structured": "= all", **also}),)


def _routed(_seen: Seen) -> tuple[Check, ...]:
    return (Check("alertmanager.route", {"labels": {"severity": "critical"}}, {"integrations": ">= 1"}),)


def _on_call(seen: Seen) -> tuple[Check, ...]:
    levels = {"levels": ">= 2"} if seen.has(r"\bescalation\b") else {"next_week": "= all"}
    return (Check("pagerduty.on_call", {"policy": seen.system}, {"now": ">= 1", **levels}),)


RECOGNIZERS: tuple[Recognizer, ...] = (
    health,
    sampling,
    by_words(r"\balerts? routing\b", _routed),
    alert,
    dashboard,
    by_words(r"\bprometheus\b.*\bscrap|\bscrap.*\bprometheus\b", _scraped),
    by_words(r"\bjaeger\b.*\b(?:tracing|configured|traces)\b|\bdistributed tracing\b", _reporting, unless=r"\bui\b"),
    by_words(r"\bcloudwatch\b.*\blogs?\b|\blogs?\b.*\bcloudwatch\b", _log_groups),
    by_words(r"\bstructured\b.*\blogg", _structured),
    by_words(r"\bon-?call (?:rotation|schedule|escalation)", _on_call),
)
