"""The check of scan reports: sound ones, ones with a finding, and ones that cannot be believed."""

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from tasks import scan_npm_audit, scan_pip_audit, scan_sarif
from tasks.checks.artifact import Vulnerabilities
from tasks.scan_findings import Severity
from tests.conftest import Estates, made_release
from tminus.clock import now
from tminus.errors import TminusError
from tminus.outcome import Outcome, Verdict

CLEAN = {"critical": "= 0", "high": "= 0", "age": "< 24 h"}
Json = dict[str, JsonValue]


def pip_audit(*ids: str, skipped: int = 0) -> Json:
    """A report of pip-audit with these findings in one package."""
    found: list[JsonValue] = [{"id": name, "fix_versions": ["2"], "aliases": [], "description": "…"} for name in ids]
    left_out: list[JsonValue] = [{"name": f"local-{n}", "skip_reason": "not on the index"} for n in range(skipped)]
    audited: list[JsonValue] = [
        {"name": "jinja2", "version": "1.0", "vulns": found},
        {"name": "click", "version": "8.1", "vulns": []},
    ]
    return {"dependencies": [*audited, *left_out], "fixes": []}


def npm_audit(*severities: str) -> Json:
    """A report of npm audit with a vulnerable package for each severity."""
    packages: Json = {
        f"package-{n}": {
            "name": f"package-{n}",
            "severity": severity,
            "isDirect": True,
            "via": [{"source": n, "url": f"https://github.com/advisories/GHSA-{n}", "severity": severity}, "other"],
            "effects": [],
            "range": "<2",
            "nodes": [],
            "fixAvailable": True,
        }
        for n, severity in enumerate(severities)
    }
    counts: Json = {level: severities.count(level) for level in ("info", "low", "moderate", "high", "critical")}
    return {
        "auditReportVersion": 2,
        "vulnerabilities": packages,
        "metadata": {
            "vulnerabilities": {**counts, "total": len(severities)},
            "dependencies": {"prod": 9, "dev": 0, "optional": 0, "peer": 0, "peerOptional": 0, "total": 9},
        },
    }


def sarif(*scores: str | None, ended: str = "", succeeded: bool = True, result: Json | None = None) -> Json:
    """A report with one rule and one result for each `security-severity`; `result` is added to each result."""
    rules: list[JsonValue] = [
        {"id": f"CVE-{n}", "properties": {} if score is None else {"security-severity": score}}
        for n, score in enumerate(scores)
    ]
    results: list[JsonValue] = [
        {"ruleId": f"CVE-{n}", "ruleIndex": n, "message": {"text": "…"}, **(result or {})} for n in range(len(scores))
    ]
    invocation: Json = {"executionSuccessful": succeeded, **({"endTimeUtc": ended} if ended else {})}
    driver: Json = {"name": "scanner", "rules": rules}
    return {
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results, "invocations": [invocation]}],
    }


def written(folder: Path, tool: str, report: Json | bytes, name: str = "") -> dict[str, str]:
    """A report in a file, as release.yaml names it."""
    path = Path(f"{name or tool}.json")
    content = report if isinstance(report, bytes) else json.dumps(report).encode()
    (folder / path).write_bytes(content)
    return {"tool": tool, "path": str(path), "sha256": hashlib.sha256(content).hexdigest()}


async def scanned(estates: Estates, *scans: Mapping[str, str], **expect: str) -> Outcome:
    """The outcome of the check for a release with these reports."""
    check = Vulnerabilities.model_validate({"expect": expect or CLEAN})
    async with estates.make(release=made_release(scans=scans)) as estate:
        return await check.observe(estate)


async def test_clean_reports_of_all_three_kinds_pass(estates: Estates) -> None:
    """Nothing critical or high in any of them; a low and a medium finding do not matter to this book."""
    outcome = await scanned(
        estates,
        written(estates.folder, "pip-audit", pip_audit()),
        written(estates.folder, "npm-audit", npm_audit("low", "moderate", "info")),
        written(estates.folder, "sarif", sarif("3.9", "6.9")),
        **CLEAN,
        medium="= 2",
        reports="= 3",
        unrated="= 0",
    )
    assert outcome.verdict is Verdict.PASS, outcome.summary


@pytest.mark.parametrize(
    ("tool", "report", "broken", "named"),
    [
        ("pip-audit", pip_audit("PYSEC-2026-1"), "high 1", "jinja2 PYSEC-2026-1"),
        ("npm-audit", npm_audit("high"), "high 1", "package-0 (GHSA-0)"),
        ("npm-audit", npm_audit("critical"), "critical 1", "package-0 (GHSA-0)"),
        ("sarif", sarif("7.0"), "high 1", "CVE-0"),
        ("sarif", sarif("9.0"), "critical 1", "CVE-0"),
        ("sarif", sarif(None), "high 1", "CVE-0"),
    ],
)
async def test_one_finding_fails_and_is_named(
    estates: Estates, tool: str, report: Json, broken: str, named: str
) -> None:
    """A single critical, high or unrated finding in an otherwise clean release fails, and its id is shown."""
    clean = written(estates.folder, "sarif", sarif(), "clean")
    outcome = await scanned(estates, clean, written(estates.folder, tool, report))
    assert outcome.verdict is Verdict.FAIL
    assert broken in outcome.summary
    assert any(named in line for line in outcome.details)


async def test_what_pip_audit_left_out_can_be_expected_to_be_nothing(estates: Estates) -> None:
    """A dependency that was skipped was not scanned; a book may ask that there be none."""
    report = written(estates.folder, "pip-audit", pip_audit(skipped=2))
    assert (await scanned(estates, report, high="= 0")).verdict is Verdict.PASS
    assert (await scanned(estates, report, unaudited="= 0")).verdict is Verdict.FAIL


async def test_an_old_report_fails(estates: Estates) -> None:
    """The oldest report counts, by its own time where it says one, else by its file's."""
    day_and_half = (now() - timedelta(hours=36)).isoformat()
    fresh = written(estates.folder, "pip-audit", pip_audit())
    said = await scanned(estates, fresh, written(estates.folder, "sarif", sarif(ended=day_and_half)))
    assert said.verdict is Verdict.FAIL
    assert "age 36 h" in said.summary
    stale = written(estates.folder, "npm-audit", npm_audit())
    os.utime(estates.folder / stale["path"], (0, 0))
    assert (await scanned(estates, fresh, stale)).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("tool", "report"),
    [
        ("pip-audit", b""),
        ("pip-audit", b"[]"),
        ("pip-audit", json.dumps(pip_audit("PYSEC-1")).encode()[:-30]),
        ("pip-audit", {"dependencies": [], "fixes": []}),
        ("pip-audit", {"dependencies": [{"name": "local", "skip_reason": "not on the index"}], "fixes": []}),
        ("npm-audit", {"error": {"code": "ENOLOCK"}}),
        ("npm-audit", npm_audit("high") | {"vulnerabilities": {}}),
        ("npm-audit", npm_audit() | {"metadata": {"vulnerabilities": {"total": 0}, "dependencies": {"total": 0}}}),
        ("sarif", {"version": "2.1.0", "runs": []}),
        ("sarif", {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "scanner"}}}]}),
        ("sarif", sarif(succeeded=False)),
        ("sarif", pip_audit()),
    ],
    ids=[
        "empty file",
        "another shape",
        "cut short",
        "no dependency",
        "none audited",
        "npm's own error",
        "findings removed",
        "no package",
        "no run",
        "never looked",
        "did not succeed",
        "another tool's",
    ],
)
async def test_a_report_that_proves_nothing_is_unknown(estates: Estates, tool: str, report: Json | bytes) -> None:
    """It must never count as a clean one, and the outcome names it."""
    outcome = await scanned(estates, written(estates.folder, tool, report))
    assert outcome.verdict is Verdict.UNKNOWN
    assert f"{tool}.json" in outcome.summary


async def test_no_report_at_all_is_unknown(estates: Estates) -> None:
    """A release that names no report was not scanned."""
    outcome = await scanned(estates)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "nothing was scanned" in outcome.summary


async def test_a_missing_or_exchanged_report_is_unknown(estates: Estates) -> None:
    """The file must be there, and be the very one that the release was frozen with."""
    report = written(estates.folder, "pip-audit", pip_audit("PYSEC-2026-1"))
    (estates.folder / report["path"]).write_text(json.dumps(pip_audit()))
    exchanged = await scanned(estates, report)
    (estates.folder / report["path"]).unlink()
    missing = await scanned(estates, report)
    assert [exchanged.verdict, missing.verdict] == [Verdict.UNKNOWN] * 2
    assert "is not the one that the release names" in exchanged.summary


@pytest.mark.parametrize(
    ("result", "found"),
    [
        ({}, 1),
        ({"suppressions": [{"kind": "external"}]}, 0),
        ({"suppressions": [{"kind": "external", "status": "underReview"}]}, 1),
        ({"suppressions": [{"kind": "external", "status": "rejected"}]}, 1),
        ({"kind": "pass"}, 0),
        ({"kind": "notApplicable"}, 0),
        ({"baselineState": "absent"}, 0),
        ({"baselineState": "unchanged"}, 1),
    ],
)
def test_only_sarif_results_that_say_something_is_wrong_count(result: Json, found: int) -> None:
    """Suppressed with consent, passed, or gone since the last scan: these are no findings."""
    assert len(scan_sarif.read(json.dumps(sarif("9.8", result=result)).encode()).findings) == found


def test_sarif_scores_are_found_wherever_the_format_lets_them_be() -> None:
    """On the result itself, by rule id without an index, and in a rule of an extension."""
    on_result = sarif(None, result={"properties": {"security-severity": "9.8"}})
    by_id = sarif("9.8", result={"ruleIndex": -1})
    extension: Json = {"name": "queries", "rules": [{"id": "X", "properties": {"security-severity": "9.8"}}]}
    in_extension: Json = {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "scanner"}, "extensions": [extension]},
                "results": [{"rule": {"index": 0, "toolComponent": {"index": 0}}}],
            }
        ],
    }
    for report in (on_result, by_id, in_extension):
        [finding] = scan_sarif.read(json.dumps(report).encode()).findings
        assert finding.severity is Severity.CRITICAL


def test_a_remark_without_a_score_is_low() -> None:
    """Quality rules that only note something are no vulnerabilities."""
    assert (
        scan_sarif.read(json.dumps(sarif(None, result={"level": "note"})).encode()).findings[0].severity is Severity.LOW
    )


@given(st.decimals(min_value=0, max_value=10, places=1), st.decimals(min_value=0, max_value=10, places=1))
def test_a_higher_score_is_never_rated_lower(one: Decimal, other: Decimal) -> None:
    """For all scores, severity grows with the score."""
    order = list(Severity)
    low, high = sorted((one, other))
    assert order.index(Severity.of_score(high)) <= order.index(Severity.of_score(low))


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["dependencies", "vulnerabilities", "metadata", "runs", "version"]), inner
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_garbage_is_read_as_a_clean_scan(text: bytes) -> None:
    """Whatever is handed in, it is refused by name or read; nothing else is raised, and nothing passes as clean."""
    for reader in (scan_pip_audit.read, scan_npm_audit.read, scan_sarif.read):
        with pytest.raises((ValidationError, TminusError)):
            reader(text)
