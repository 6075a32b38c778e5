"""Scanners' reports: what is undecided counts, what broke proves nothing, and a report of another kind neither."""

import json

import pytest
from pydantic import JsonValue, ValidationError

from tests.conftest import Estates
from tests.tasks.artifacts.looking import check, found, looked, put
from tminus.clock import now
from tminus.outcome import Verdict

CLEAN = {"critical": "= 0", "high": "= 0"}


def _sarif(kind: str = "fail", level: str = "note", where: str = "toolExecutionNotifications") -> str:
    result: JsonValue = {"ruleId": "sqli", "kind": kind, "properties": {"security-severity": "9.8"}}
    invocation: JsonValue = {"executionSuccessful": True, where: [{"level": level, "message": {"text": "…"}}]}
    driver: JsonValue = {"driver": {"name": "Semgrep OSS"}}
    run: JsonValue = {"tool": driver, "invocations": [invocation], "results": [result]}
    return json.dumps({"version": "2.1.0", "runs": [run]})


@pytest.mark.parametrize(
    ("kind", "critical"), [("fail", "1"), ("open", "1"), ("review", "1"), ("pass", "0"), ("notApplicable", "0")]
)
async def test_what_is_undecided_is_a_finding(estates: Estates, kind: str, critical: str) -> None:
    """As long as neither the tool nor a person has said that it is none (SARIF 2.1.0, section 3.27.9)."""
    put(estates.folder, "a.sarif", _sarif(kind))
    outcome = await looked(estates, "artifact.scan", CLEAN, reports="a.sarif", tool="sarif")
    assert found(outcome)["critical"] == critical


@pytest.mark.parametrize("where", ["toolExecutionNotifications", "toolConfigurationNotifications"])
async def test_a_tool_that_met_errors_has_not_looked(estates: Estates, where: str) -> None:
    """It says that it succeeded, and that it could not read what it was to look at."""
    for level, verdict in (("warning", Verdict.PASS), ("error", Verdict.UNKNOWN)):
        put(estates.folder, "a.sarif", _sarif("pass", level, where))
        outcome = await looked(estates, "artifact.scan", CLEAN, reports="a.sarif", tool="sarif")
        assert outcome.verdict is verdict, outcome.summary


async def test_a_report_of_another_scanner_proves_nothing(estates: Estates) -> None:
    """A clean report on style is none on secrets."""
    put(estates.folder, "a.sarif", _sarif("pass"))
    for scanner, verdict in (("semgrep oss", Verdict.PASS), ("gitleaks", Verdict.UNKNOWN)):
        outcome = await looked(estates, "artifact.scan", CLEAN, reports="a.sarif", tool="sarif", scanner=scanner)
        assert outcome.verdict is verdict, outcome.summary


async def test_trivy_must_have_looked_at_what_the_step_names(estates: Estates) -> None:
    """One that only looked for secrets says nothing of an image's packages."""
    results: JsonValue = [{"Target": "app", "Class": "secret"}]
    put(
        estates.folder,
        "t.json",
        json.dumps({"SchemaVersion": 2, "CreatedAt": now().isoformat(), "Results": results}),
    )
    classes: list[tuple[list[JsonValue], Verdict]] = [(["secret"], Verdict.PASS), (["os-pkgs"], Verdict.UNKNOWN)]
    for named, verdict in classes:
        outcome = await looked(estates, "artifact.scan", CLEAN, reports="t.json", tool="trivy", classes=named)
        assert outcome.verdict is verdict, outcome.summary


@pytest.mark.parametrize(
    "given", [{"tool": "zap", "scanner": "zap"}, {"tool": "sarif", "classes": ["os-pkgs"]}, {"classes": ["paint"]}]
)
def test_what_a_format_does_not_have_is_refused_when_the_book_is_read(given: dict[str, JsonValue]) -> None:
    """A scanner stands in SARIF, classes in Trivy's."""
    with pytest.raises(ValidationError):
        check("artifact.scan", CLEAN, **{"reports": "a", "tool": "trivy", **given})


async def test_a_dry_run_of_an_experiment_proves_nothing(estates: Estates) -> None:
    """Its journal looks like that of a real one, and nothing was broken."""
    journal: dict[str, JsonValue] = {
        "status": "completed",
        "deviated": False,
        "end": now().isoformat(),
        "run": [{"status": "succeeded"}],
        "steady_states": {"before": {"steady_state_met": True}, "after": {"steady_state_met": True}},
    }
    for dry, verdict in ((None, Verdict.PASS), ("actions", Verdict.UNKNOWN), ("activities", Verdict.UNKNOWN)):
        put(estates.folder, "j.json", json.dumps({**journal, "experiment": {"title": "t", "dry": dry}}))
        outcome = await looked(estates, "artifact.experiment", {"held": "= all"}, reports="j.json")
        assert outcome.verdict is verdict, outcome.summary
