"""SARIF 2.1.0, which most scanners write. See https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""

from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from tasks.scan_findings import Finding, NothingScanned, Scan, Severity
from tminus.errors import CouldNotObserve


class _Properties(BaseModel):
    security_severity: Decimal | None = Field(alias="security-severity", default=None, ge=0, le=10)


_Level = Literal["none", "note", "warning", "error"]
_WRONG = {"fail", "open", "review"}  # the latter two are undecided: for more of the tool, or for a person


class _Configuration(BaseModel):
    level: _Level = "warning"


class _Rule(BaseModel):
    id: str
    configuration: _Configuration = Field(alias="defaultConfiguration", default=_Configuration())
    properties: _Properties = _Properties()


class _Component(BaseModel):
    name: str
    rules: list[_Rule] = []


class _Tool(BaseModel):
    driver: _Component
    extensions: list[_Component] = []


class _ComponentReference(BaseModel):
    index: int | None = None


class _RuleReference(BaseModel):
    id: str | None = None
    index: int | None = None
    component: _ComponentReference | None = Field(alias="toolComponent", default=None)


class _Suppression(BaseModel):
    status: Literal["accepted", "underReview", "rejected"] = "accepted"


class _Result(BaseModel):
    rule_id: str | None = Field(alias="ruleId", default=None)
    rule_index: int | None = Field(alias="ruleIndex", default=None)
    rule: _RuleReference = _RuleReference()
    kind: str = "fail"
    level: _Level | None = None
    baseline_state: str | None = Field(alias="baselineState", default=None)
    suppressions: list[_Suppression] = []
    properties: _Properties = _Properties()

    def counts(self) -> bool:
        """Whether it says that something is wrong, or may be, now: not fixed, and not suppressed with consent."""
        suppressed = bool(self.suppressions) and all(one.status == "accepted" for one in self.suppressions)
        return self.kind in _WRONG and self.baseline_state != "absent" and not suppressed


class _Notification(BaseModel):
    level: _Level = "warning"


class _Invocation(BaseModel):
    succeeded: bool = Field(alias="executionSuccessful")
    ended: AwareDatetime | None = Field(alias="endTimeUtc", default=None)
    met: list[_Notification] = Field(alias="toolExecutionNotifications", default=[])
    configured: list[_Notification] = Field(alias="toolConfigurationNotifications", default=[])

    def errors(self) -> int:
        """How many errors the tool met, in what it looked at or in how it was set up."""
        return sum(one.level == "error" for one in (*self.met, *self.configured))


class _Run(BaseModel):
    """One tool's run. `results` is absent where it never got as far as looking (SARIF 2.1.0, section 3.14.23)."""

    tool: _Tool
    results: list[_Result] | None = None
    invocations: list[_Invocation] = []

    def finding(self, result: _Result) -> Finding:
        """The result, rated by its own score, else by its rule's; a remark (`note`, `none`) without one is low."""
        rule = self._rule(result)
        score = result.properties.security_severity
        if score is None and rule is not None:
            score = rule.properties.security_severity
        name = result.rule_id or result.rule.id or (rule.id if rule else "unnamed rule")
        if score is not None:
            return Finding(id=name, severity=Severity.of_score(score))
        level = result.level or (rule.configuration.level if rule else None)
        return Finding(id=name, severity=Severity.LOW if level in {"note", "none"} else Severity.UNRATED)

    def _rule(self, result: _Result) -> _Rule | None:
        component = result.rule.component.index if result.rule.component else None
        parts = [self.tool.driver] if component is None else self.tool.extensions[component : component + 1]
        rules = [rule for part in parts for rule in part.rules]
        index = result.rule_index if result.rule_index is not None else result.rule.index
        if index is not None and 0 <= index < len(rules):
            return rules[index]
        wanted = result.rule_id or result.rule.id
        everywhere = [rule for part in (self.tool.driver, *self.tool.extensions) for rule in part.rules]
        return next((rule for rule in everywhere if rule.id == wanted), None)


class _Report(BaseModel):
    """A log file: the runs of one or more tools."""

    version: Literal["2.1.0"]
    runs: list[_Run]


def read(text: bytes) -> Scan:
    """What the runs say together. A finding is rated by `security-severity`, a property that scanners add.

    Raises pydantic.ValidationError where it is no such report, NothingScanned where no run looked at
    anything, CouldNotObserve where a tool says that it did not succeed.
    """
    report = _Report.model_validate_json(text)
    if not report.runs:
        raise NothingScanned("it holds no run")
    for run in report.runs:
        if run.results is None:
            raise NothingScanned(f"{run.tool.driver.name} never began to look")
        if not all(invocation.succeeded for invocation in run.invocations):
            raise CouldNotObserve(f"{run.tool.driver.name} says that its run did not succeed")
        if errors := sum(invocation.errors() for invocation in run.invocations):
            raise CouldNotObserve(f"{run.tool.driver.name} says that it met {errors} errors on its way")
    ends = [invocation.ended for run in report.runs for invocation in run.invocations if invocation.ended]
    return Scan(
        findings=tuple(run.finding(result) for run in report.runs for result in run.results or () if result.counts()),
        made_at=min(ends) if ends else None,
        scanners=tuple(run.tool.driver.name for run in report.runs),
    )
