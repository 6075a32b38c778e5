"""What scanners found: in the code, its dependencies, its images, and the running site."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tasks.artifact_ages import DatedBy, age, stamp, undated
from tasks.artifact_evidence import some
from tasks.artifact_files import Folder, Inside, shown
from tasks.check import Check
from tasks.estate import Estate
from tasks.scan_findings import Scan, Severity
from tasks.scan_reports import read_scan
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_WORST_FIRST = tuple(Severity)


class ScanFindings(Check, frozen=True):
    """The findings in scanners' reports, by severity.

    A finding without a severity, as are all of pip-audit's and most of those for secrets, is counted as `unrated` and
    as `high` too, since it may be. ZAP rates nothing as critical; what it calls informational is `low`, as are
    remarks. What was marked as a false positive, or suppressed with consent, is no finding; what somebody has yet to
    review is one. `age` is the oldest report's, by what it says itself; pip-audit and npm say nothing of it, so for
    these say `dated_by: file`. A tool that met errors on its way, no report, and one that says that nothing was
    scanned, prove nothing: unknown. For the reports of the very release that is launched see artifact.vulnerabilities.

    Attributes:
        reports: the files in the environment's `artifacts`; may have `*`.
        tool: which tool's format they have: SARIF of any tool, `pip-audit --format json`, `npm audit --json`,
            `trivy --format json`, or ZAP's traditional JSON.
        scanner: in SARIF, the tool that must have made each run (`gitleaks`), as its driver is called there.
        classes: in Trivy's, what must have been looked at (`os-pkgs`, `lang-pkgs`, `config`, `secret`, `license`).
        dated_by: `report`, or `file` where the tool writes no date and the file's own time may count.
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
    scanner: str | None = None
    classes: tuple[Literal["os-pkgs", "lang-pkgs", "config", "secret", "license"], ...] = ()
    dated_by: DatedBy = "report"

    @model_validator(mode="after")
    def _has_them(self) -> Self:
        if self.scanner is not None and self.tool != "sarif":
            raise ValueError(f"a scanner is named in SARIF; the format of {self.tool} is of that tool alone")
        if self.classes and self.tool != "trivy":
            raise ValueError(f"classes are Trivy's; {self.tool} has none")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Reads the reports."""
        folder = Folder(estate.artifacts(), "artifacts")
        return await asyncio.to_thread(self._look, folder)

    def _look(self, folder: Folder) -> Observation:
        read = [(file, read_scan(self.tool, file.content, file.name)) for file in folder.matching(self.reports)]
        for file, scan in read:
            self._of_the_right_kind(file.name, scan)
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
                *age(stamps, self.dated_by),
            ),
            where=f"{self.tool} {self.reports}",
            details=(
                *some(named),
                *undated(stamps, self.dated_by),
            ),
            because=shown(named[0]) if worst and worst[0].severity is not Severity.LOW else "",
        )

    def _of_the_right_kind(self, name: str, scan: Scan) -> None:
        if self.scanner and (others := [made for made in scan.scanners if made.lower() != self.scanner.lower()]):
            raise CouldNotObserve(f"scan report {name} is by {shown(others[0])}, not by {self.scanner}")
        if missing := sorted(set(self.classes) - scan.classes):
            raise CouldNotObserve(f"scan report {name} says nothing of {', '.join(missing)}; was it looked at?")
