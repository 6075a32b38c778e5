"""What scanners found: in the code, its dependencies, its images, and the running site."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import ClassVar, Literal

from tasks.artifact_ages import oldest, stamp, undated
from tasks.artifact_evidence import some
from tasks.artifact_files import Folder, Inside, shown
from tasks.check import Check
from tasks.estate import Estate
from tasks.scan_findings import Severity
from tasks.scan_reports import read_scan
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation

_WORST_FIRST = tuple(Severity)


class ScanFindings(Check, frozen=True):
    """The findings in scanners' reports, by severity.

    A finding without a severity, as are all of pip-audit's and most of those for secrets, is counted as `unrated` and
    as `high` too, since it may be. ZAP rates nothing as critical; what it calls informational is `low`, as are
    remarks. What was marked as a false positive, or suppressed with consent, is no finding. `age` is the oldest
    report's, by what it says itself, else by its file's time. No report, and one that says that nothing was scanned,
    prove nothing: unknown. For the reports of the very release that is launched see artifact.vulnerabilities.

    Attributes:
        reports: the files in the environment's `artifacts`; may have `*`.
        tool: which tool's format they have: SARIF of any tool, `pip-audit --format json`, `npm audit --json`,
            `trivy --format json`, or ZAP's traditional JSON.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "critical": "",
        "high": "",
        "medium": "",
        "low": "",
        "unrated": "",
        "unaudited": "",
        "reports": "",
        "age": "h",
    }

    kind: Literal["artifact.scan"] = "artifact.scan"
    reports: Inside
    tool: Literal["sarif", "pip-audit", "npm-audit", "trivy", "zap"]

    async def look(self, estate: Estate) -> Observation:
        """Reads the reports."""
        folder = Folder(estate.artifacts(), "artifacts")
        return await asyncio.to_thread(self._look, folder)

    def _look(self, folder: Folder) -> Observation:
        read = [(file, read_scan(self.tool, file.content, file.name)) for file in folder.matching(self.reports)]
        findings = [finding for _, scan in read for finding in scan.findings]
        stamps = [stamp(file, scan.made_at) for file, scan in read]
        count = Counter(finding.severity for finding in findings)
        worst = sorted(findings, key=lambda finding: (_WORST_FIRST.index(finding.severity), finding.id))
        named = [f"{finding.severity}: {finding.id}" for finding in worst]
        return Observation(
            found=(
                Measurement.number("critical", count[Severity.CRITICAL]),
                Measurement.number("high", count[Severity.HIGH] + count[Severity.UNRATED]),
                Measurement.number("medium", count[Severity.MEDIUM]),
                Measurement.number("low", count[Severity.LOW]),
                Measurement.number("unrated", count[Severity.UNRATED]),
                Measurement.number("unaudited", sum(scan.unaudited for _, scan in read)),
                Measurement.number("reports", len(read)),
                Measurement.number("age", oldest(stamps), "h"),
            ),
            where=f"{self.tool} {self.reports}",
            details=(
                *some(named),
                *undated(stamps),
            ),
            because=shown(named[0]) if worst and worst[0].severity is not Severity.LOW else "",
        )
