"""The files that worlds begin with: both systems' are what their books would accept."""

from collections.abc import Mapping

import pytest
from pydantic import JsonValue

from deployments.rehearsal.papers.pages import documents
from deployments.rehearsal.papers.reports import Files, write
from deployments.rehearsal.papers.systems import tradesense, vatic
from tests.conftest import Estates
from tests.tasks.artifacts.looking import looked
from tminus.outcome import Verdict

BOTH = pytest.mark.parametrize("files", [vatic(), tradesense()], ids=["vatic", "tradesense"])


@BOTH
@pytest.mark.parametrize(
    ("kind", "given", "expect"),
    [
        ("artifact.tests", {"reports": "tests/*.xml"}, {"passed": "= all", "age": "< 4 d", "reports": ">= 4"}),
        ("artifact.coverage", {"report": "coverage.xml"}, {"lines": "> 80 %", "age": "< 1 d"}),
        ("artifact.load", {"report": "load/steady.json", "tool": "k6"}, {"errors": "< 0.1 %", "p99": "< 10 ms"}),
        ("artifact.scan", {"reports": "scans/*.sarif", "tool": "sarif"}, {"critical": "= 0", "high": "= 0"}),
        ("artifact.openapi", {"file": "openapi.yaml"}, {"valid": "= yes"}),
        ("artifact.sbom", {"file": "sbom.json"}, {"versioned": "= all"}),
    ],
)
async def test_both_systems_artifacts_are_sound(
    estates: Estates, files: Files, kind: str, given: dict[str, JsonValue], expect: Mapping[str, str]
) -> None:
    """Each of the reports that both leave behind."""
    write(estates.folder, files)
    outcome = await looked(estates, kind, expect, **given)
    assert outcome.verdict is Verdict.PASS, outcome.summary


@pytest.mark.parametrize("name", [name for name in documents() if name.endswith(".md")])
async def test_every_document_is_sound(estates: Estates, name: str) -> None:
    """No blanks, and no dead links."""
    write(estates.folder, documents())
    outcome = await looked(estates, "document.page", {"present": "= yes", "placeholders": "= 0"}, path=name)
    assert outcome.verdict is Verdict.PASS, outcome.summary
