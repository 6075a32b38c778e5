"""The readers of scan reports: what counts as a finding, how bad it is, and that no garbage is a clean scan."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks import scan_npm_audit, scan_pip_audit, scan_sarif, scan_trivy
from tasks.scan_findings import Severity
from tests.tasks.scan_files import Json, sarif
from tminus.errors import TminusError


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


def test_trivys_licences_are_findings() -> None:
    """Named by the package and the licence, with the severity that Trivy gives it."""
    found = {"Severity": "CRITICAL", "Category": "forbidden", "PkgName": "left-pad", "Name": "AGPL-3.0"}
    report = {"SchemaVersion": 2, "Results": [{"Target": "npm", "Class": "license", "Licenses": [found]}]}
    scan = scan_trivy.read(json.dumps(report).encode())
    assert [(one.id, one.severity) for one in scan.findings] == [("left-pad AGPL-3.0", Severity.CRITICAL)]
