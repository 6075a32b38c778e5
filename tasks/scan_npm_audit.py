"""npm audit's JSON report. See https://docs.npmjs.com/cli/v11/commands/npm-audit."""

from typing import Literal

from pydantic import BaseModel, Field

from tasks.scan_findings import Finding, NothingScanned, Scan, Severity
from tminus.errors import CouldNotObserve

_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.LOW,
}


class _Advisory(BaseModel):
    url: str = ""
    source: int | str = ""

    def id(self) -> str:
        """The GHSA id that the advisory's address ends with, else npm's own number."""
        return self.url.rstrip("/").rpartition("/")[2] or f"npm-{self.source}"


class _Vulnerability(BaseModel):
    """One vulnerable package; `via` names advisories, or other packages that bring them in."""

    name: str
    severity: Literal["critical", "high", "moderate", "low", "info"]
    via: list[_Advisory | str]

    def id(self) -> str:
        """The package, and the advisories that are its own."""
        own = sorted({advisory.id() for advisory in self.via if isinstance(advisory, _Advisory)})
        return f"{self.name} ({', '.join(own)})" if own else self.name


class _Counts(BaseModel):
    total: int


class _Metadata(BaseModel):
    vulnerabilities: _Counts
    dependencies: _Counts


class _Report(BaseModel):
    """`npm audit --json` of npm 7 and later."""

    version: Literal[2] = Field(alias="auditReportVersion")
    vulnerabilities: dict[str, _Vulnerability]
    metadata: _Metadata


def read(text: bytes) -> Scan:
    """What the report says: one finding for each vulnerable package, as npm itself counts them.

    Raises pydantic.ValidationError where it is no such report, NothingScanned where there was no
    dependency, CouldNotObserve where it holds more or fewer findings than it says (it was cut or edited).
    """
    report = _Report.model_validate_json(text)
    if not report.metadata.dependencies.total:
        raise NothingScanned("it covers no dependency")
    said = report.metadata.vulnerabilities.total
    if said != len(report.vulnerabilities):
        raise CouldNotObserve(f"it says {said} vulnerabilities and holds {len(report.vulnerabilities)}")
    return Scan(
        findings=tuple(
            Finding(id=found.id(), severity=_SEVERITIES[found.severity]) for found in report.vulnerabilities.values()
        )
    )
