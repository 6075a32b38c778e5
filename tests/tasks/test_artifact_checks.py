"""The check of scan reports: sound ones, ones with a finding, and ones that cannot be believed."""

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from tasks.checks.artifact import Vulnerabilities
from tasks.vocabulary import KINDS
from tests.conftest import Estates, made_release
from tests.tasks.scan_files import Json, npm_audit, pip_audit, sarif, written
from tminus.clock import now
from tminus.outcome import Outcome, Verdict
from tminus.runbook_source import load

BOOK = Path(__file__).parents[2] / "runbooks" / "tradesense" / "launch.yaml"
CLEAN = {"critical": "= 0", "high": "= 0", "age": "< 24 h"}


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


async def test_a_report_of_next_to_nothing_does_not_satisfy_the_book(estates: Estates) -> None:
    """One dependency audited and 199 left out: the shipped book wants all of them looked at."""
    book = load(BOOK, KINDS).step("no-known-vulnerability")
    assert book is not None
    assert isinstance(book.does, Vulnerabilities)
    sound, hollow = ({**written(estates.folder, "pip-audit", pip_audit(skipped=n), f"n{n}")} for n in (0, 199))
    for report, verdict in ((sound, Verdict.PASS), (hollow, Verdict.FAIL)):
        async with estates.make(release=made_release(scans=[report])) as estate:
            outcome = await book.does.observe(estate)
        assert outcome.verdict is verdict, outcome.summary
    assert "unaudited 199" in outcome.summary


async def test_a_copy_of_an_old_report_is_old(estates: Estates) -> None:
    """What the release says of a report's time counts, however young the file; without it the evidence says so."""
    report = written(estates.folder, "pip-audit", pip_audit())
    undated = await scanned(estates, report)
    assert undated.verdict is Verdict.PASS
    assert undated.details == ("pip-audit.json does not say when it was made: its file's time is taken",)
    dated = {hours: {**report, "made_at": (now() - timedelta(hours=hours)).isoformat()} for hours in (-1, 1, 30)}
    assert (await scanned(estates, dated[1])).verdict is Verdict.PASS
    assert (await scanned(estates, dated[1])).details == ()
    assert (await scanned(estates, dated[30])).verdict is Verdict.FAIL
    assert (await scanned(estates, dated[-1])).verdict is Verdict.UNKNOWN


async def test_a_file_older_than_what_is_said_does_not_count(estates: Estates) -> None:
    """A file's time says nothing where the scan's is known."""
    report = {**written(estates.folder, "pip-audit", pip_audit()), "made_at": now().isoformat()}
    os.utime(estates.folder / report["path"], (0, 0))
    assert (await scanned(estates, report)).verdict is Verdict.PASS


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
