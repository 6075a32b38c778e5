"""What breaks TradeSense's lines on what comes again: weekly and monthly work, quarterly goals, reviews, next steps."""

from collections.abc import Mapping

from bench.proofs.file_faults import finished, found, page, scanned, value
from bench.proofs.proof import Fault
from bench.proofs.tradesense_queries import HIT_RATE, LOOKS_90D, P95, UPTIME_90D

_DRILL, _DEPENDENCIES, _AUDIT = "evidence/drill.json", "evidence/dependencies.json", "evidence/audit.json"
_REVIEW, _PLAN, _TOLD = "readiness-review.md", "launch-plan.md", "launch-communications.md"
_WEEK = 7 * 24 + 1  # hours, an hour too many
_AUDITED = ("scans/npm-audit.json", "scans/pip-audit.json")  # they do not say when they were made

# What the quarter began with: the healthy worlds are a fifth faster, and answer from the cache more often.
BEGAN = {
    "tradesense/continuous-improvement/quarterly-goals/1": "0.15 s",
    "tradesense/continuous-improvement/quarterly-goals/2": "91 %",
}


def _said(page_name: str, label: str, *instead: str) -> tuple[Fault, ...]:
    """A page says something else under a label, says nothing there, or is gone."""
    return (
        *(("documents", "label_says", page_name, label, said) for said in instead),
        ("documents", "label_gone", page_name, label),
        ("documents", "page_missing", page_name),
    )


_AGAIN: Mapping[str, tuple[Fault, ...]] = {
    "weekly-reviews/2": (
        *found("zap.json", "3"),
        *found("trivy.json", "CRITICAL", "HIGH"),
        *found("npm-audit.json", "critical", "high"),
        *found("pip-audit.json", "PYSEC-2026-1"),
        *found("code.sarif", "9.8", "7.5", ""),
        *found("secrets.sarif", "9.8", "7.5", "5.0", ""),
        *scanned(_WEEK),
    ),
    "monthly-tasks/1": (
        value(_DRILL, "/status", '"failed"'),
        value(_DRILL, "/steps_failed", "1"),
        finished(_DRILL, 31),
    ),
    "monthly-tasks/3": (
        finished(_DEPENDENCIES, 31),
        value(_DEPENDENCIES, "/security_updates_left", "1"),
        *found("npm-audit.json", "critical", "high", "moderate"),
        *found("pip-audit.json", "PYSEC-2026-1"),
        *(("artifacts", "file_old", name, f"{_WEEK / 24:.3f}") for name in _AUDITED),
    ),
    "quarterly-goals/1": (("datadog", "the_metric", P95, "0.121"), ("datadog", "the_metric", P95, "0")),
    "quarterly-goals/2": (("datadog", "the_metric", HIT_RATE, "0.899"), ("datadog", "the_metric", HIT_RATE, "0.905")),
    "quarterly-goals/3": (
        ("pagerduty-history", "tradesense_had", "Security incident: a leaked key", "80", "30", "low"),
        ("pagerduty-history", "tradesense_had", "Security incident: a leaked key", "180", "0", "high"),
    ),
    "quarterly-goals/4": (
        ("prometheus", "query_gives", UPTIME_90D, "0.9994"),
        ("prometheus", "query_gives", LOOKS_90D, "128303"),
    ),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    **{f"tradesense/continuous-improvement/{line}": faults for line, faults in _AGAIN.items()},
    "tradesense/review/1": _said(_REVIEW, "Last Updated", "8", "[DATE]"),
    "tradesense/review/2": _said(_REVIEW, "Next Review", "1", "-8", "[DATE]"),
    "tradesense/review/3": _said(_REVIEW, "Status", "[IN PROGRESS / READY FOR REVIEW / APPROVED]", "TBD", ""),
    "tradesense/next-steps/3": (
        value(_AUDIT, "/status", '"planned"'),
        finished(_AUDIT, 30),
        value(_AUDIT, "/open/critical", "1"),
        value(_AUDIT, "/open/high", "1"),
    ),
    "tradesense/next-steps/4": (
        *_said(_PLAN, "Launch date", "[DATE]", "to be decided", "before winter"),
        *_said(_PLAN, "Agreed by", "[Name]", "")[:-1],
    ),
    "tradesense/next-steps/5": page(_TOLD, "Customers", "Team", "Status page", "Press", days=14),
}
