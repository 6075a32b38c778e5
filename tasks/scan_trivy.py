"""Trivy's JSON report: vulnerabilities, misconfigurations, secrets and licences. See https://trivy.dev."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from tasks.scan_findings import Finding, NothingScanned, Scan, Severity

_SEVERITIES = {
    "CRITICAL": Severity.CRITICAL,
    "HIGH": Severity.HIGH,
    "MEDIUM": Severity.MEDIUM,
    "LOW": Severity.LOW,
    "UNKNOWN": Severity.UNRATED,
    "": Severity.UNRATED,
}
_Level = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN", ""]


class _Found(BaseModel):
    """One finding; each kind has a name of its own for its id."""

    vulnerability: str = Field(alias="VulnerabilityID", default="")
    package: str = Field(alias="PkgName", default="")
    misconfiguration: str = Field(alias="ID", default="")
    secret: str = Field(alias="RuleID", default="")
    license: str = Field(alias="Name", default="")
    severity: _Level = Field(alias="Severity", default="")
    status: str = Field(alias="Status", default="")

    def finding(self) -> Finding:
        """What it is, by its package where it has one."""
        licensed = "" if self.vulnerability else self.license  # a licence has no id
        name = " ".join(part for part in (self.package, self.vulnerability or licensed) if part)
        return Finding(
            id=self.misconfiguration or self.secret or name or "unnamed", severity=_SEVERITIES[self.severity]
        )


class _Result(BaseModel):
    kind: str = Field(alias="Class", default="")
    vulnerabilities: list[_Found] | None = Field(alias="Vulnerabilities", default=None)
    misconfigurations: list[_Found] | None = Field(alias="Misconfigurations", default=None)
    secrets: list[_Found] | None = Field(alias="Secrets", default=None)
    licenses: list[_Found] | None = Field(alias="Licenses", default=None)

    def findings(self) -> list[Finding]:
        """All but the misconfigurations that were tested for and are not there."""
        failed = [found for found in self.misconfigurations or () if found.status != "PASS"]
        others = (*(self.secrets or ()), *(self.licenses or ()))
        return [found.finding() for found in (*(self.vulnerabilities or ()), *failed, *others)]


class _Report(BaseModel):
    """`trivy … --format json`, of schema version 2."""

    version: Literal[2] = Field(alias="SchemaVersion")
    made_at: AwareDatetime | None = Field(alias="CreatedAt", default=None)
    results: list[_Result] | None = Field(alias="Results", default=None)


def read(text: bytes) -> Scan:
    """What the report says.

    Raises pydantic.ValidationError where it is no such report, NothingScanned where nothing that Trivy knows was in
    what it looked at.
    """
    report = _Report.model_validate_json(text)
    if not report.results:
        raise NothingScanned("it found nothing that it could look into")
    return Scan(
        findings=tuple(finding for result in report.results for finding in result.findings()),
        made_at=report.made_at,
        classes=frozenset(result.kind for result in report.results),
    )
