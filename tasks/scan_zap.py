"""ZAP's traditional JSON report, of a baseline, an API or a full scan.

See https://www.zaproxy.org/docs/desktop/addons/report-generation/report-traditional-json/.
"""

from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from tasks.artifact_ages import read_time
from tasks.scan_findings import Finding, NothingScanned, Scan, Severity

# Risk codes; ZAP has none that is critical.
_RISKS = {"3": Severity.HIGH, "2": Severity.MEDIUM, "1": Severity.LOW, "0": Severity.LOW}
_FALSE_POSITIVE = "0"  # a confidence that only a person gives


class _Alert(BaseModel):
    """One kind of alert, wherever on the site it was raised."""

    id: str = Field(alias="pluginid")
    name: str
    risk: Literal["0", "1", "2", "3"] = Field(alias="riskcode")
    confidence: str = ""


class _Site(BaseModel):
    alerts: list[_Alert]


class _Report(BaseModel):
    generated: str = Field(alias="@generated", default="")
    created: AwareDatetime | None = None
    sites: list[_Site] = Field(alias="site")

    @property
    def made_at(self) -> datetime | None:
        """`@generated` is in the scanner's own time, without a zone: it is read as UTC."""
        said = self.created or read_time(self.generated)
        return said.replace(tzinfo=UTC) if said is not None and said.tzinfo is None else said


def read(text: bytes) -> Scan:
    """What the report says: one finding for each kind of alert on a site; an informational one is low.

    What somebody marked as a false positive is no finding. Raises pydantic.ValidationError where it is no such
    report, NothingScanned where no site was reached.
    """
    report = _Report.model_validate_json(text)
    if not report.sites:
        raise NothingScanned("it reached no site")
    return Scan(
        findings=tuple(
            Finding(id=f"{alert.name} ({alert.id})", severity=_RISKS[alert.risk])
            for site in report.sites
            for alert in site.alerts
            if alert.confidence != _FALSE_POSITIVE
        ),
        made_at=report.made_at,
    )
