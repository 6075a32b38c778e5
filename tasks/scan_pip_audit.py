"""pip-audit's JSON report. See https://github.com/pypa/pip-audit."""

from pydantic import BaseModel

from tasks.scan_findings import Finding, NothingScanned, Scan, Severity


class _Vulnerability(BaseModel):
    id: str


class _Dependency(BaseModel):
    """One dependency; either audited, or left out for a reason."""

    name: str
    vulns: list[_Vulnerability] | None = None
    skip_reason: str | None = None


class _Report(BaseModel):
    """`pip-audit --format json`."""

    dependencies: list[_Dependency]


def read(text: bytes) -> Scan:
    """What the report says; it rates nothing, so every finding is unrated.

    Raises pydantic.ValidationError where it is no such report, NothingScanned where no dependency was audited.
    """
    report = _Report.model_validate_json(text)
    audited = [dependency for dependency in report.dependencies if dependency.vulns is not None]
    if not audited:
        raise NothingScanned(f"none of {len(report.dependencies)} dependencies was audited")
    return Scan(
        findings=tuple(
            Finding(id=f"{dependency.name} {found.id}", severity=Severity.UNRATED)
            for dependency in audited
            for found in dependency.vulns or ()
        ),
        unaudited=len(report.dependencies) - len(audited),
    )
