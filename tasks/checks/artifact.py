"""What is launched: is anything known to be wrong with it?"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import ClassVar, Literal

from tasks.check import Check
from tasks.estate import Estate
from tasks.scan_findings import Finding, Severity
from tasks.scan_reports import read_report
from tminus.clock import now
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # findings named in the evidence
_WORST_FIRST = tuple(Severity)
_HOUR = 3600


class Vulnerabilities(Check, frozen=True):
    """The known vulnerabilities in the release's scan reports (pip-audit, npm audit, SARIF), by severity.

    A finding without a severity, as are all of pip-audit's, is counted as `unrated` and as `high` too,
    since it may be. `unaudited` are dependencies that a tool left out. `age` is the oldest report's, by what
    it says itself or the release says of it (`made_at`); by its file's time only where neither does, and then
    the evidence says so, since a copy is as young as the copying. Where the release names no report, nothing
    was scanned: that is unknown, never a pass.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "critical": "",
        "high": "",
        "medium": "",
        "unrated": "",
        "unaudited": "",
        "reports": "",
        "age": "h",
    }

    kind: Literal["artifact.vulnerabilities"] = "artifact.vulnerabilities"

    async def look(self, estate: Estate) -> Observation:
        """Reads the reports; raises CouldNotObserve where there is none, or one of them cannot be believed."""
        return await asyncio.to_thread(_look, estate)


def _look(estate: Estate) -> Observation:
    if not estate.release.scans:
        raise CouldNotObserve(f"release {estate.release.release} names no scan report, so nothing was scanned")
    scans = [read_report(report, estate.base) for report in estate.release.scans]
    findings = [finding for scan in scans for finding in scan.findings]
    counts = Counter(finding.severity for finding in findings)
    made = [scan.made_at for scan in scans if scan.made_at]
    unrated = counts[Severity.UNRATED]
    undated = [report.path for report, scan in zip(estate.release.scans, scans, strict=True) if not scan.dated]
    return Observation(
        found=(
            Measurement.number("critical", counts[Severity.CRITICAL]),
            Measurement.number("high", counts[Severity.HIGH] + unrated),
            Measurement.number("medium", counts[Severity.MEDIUM]),
            Measurement.number("unrated", unrated),
            Measurement.number("unaudited", sum(scan.unaudited for scan in scans)),
            Measurement.number("reports", len(scans)),
            Measurement.number("age", round(max(0.0, (now() - min(made)).total_seconds()) / _HOUR, 6), "h"),
        ),
        where=", ".join(f"{report.tool} {report.path}" for report in estate.release.scans),
        details=(
            *((f"{unrated} unrated findings count as high",) if unrated else ()),
            *(f"{path} does not say when it was made: its file's time is taken" for path in undated),
            *_named(findings),
        ),
    )


def _named(findings: list[Finding]) -> tuple[str, ...]:
    """The worst findings by id, and how many more there are."""
    worst = sorted(findings, key=lambda finding: (_WORST_FIRST.index(finding.severity), finding.id))
    lines = tuple(f"{finding.severity}: {finding.id}" for finding in worst[:_SHOWN])
    return (*lines, f"and {len(worst) - _SHOWN} more") if len(worst) > _SHOWN else lines
