"""OpenAPI descriptions, chaos journals, bills of materials and scans: what counts, beyond what the world shows."""

import json
from datetime import timedelta

import pytest
from pydantic import JsonValue

from deployments.rehearsal.papers import scans
from deployments.rehearsal.papers.reports import ago
from deployments.rehearsal.papers.settings import OPENAPI
from tasks import artifact_journals, artifact_sbom, artifact_validity, scan_trivy, scan_zap
from tasks.artifact_openapi import Description
from tasks.scan_findings import NothingScanned, Severity
from tests.conftest import Estates
from tests.tasks.artifacts.foreign import file
from tests.tasks.artifacts.looking import found, looked, put
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict

Json = dict[str, JsonValue]
BEARER: Json = {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}}


def api(operation: Json, method: str = "post", **document: JsonValue) -> Description:
    """A description of one operation."""
    said: Json = {"openapi": "3.0.3", "info": {"title": "a", "version": "1"}, "components": BEARER, **document}
    return Description(file(json.dumps({**said, "paths": {"/a": {method: operation}}}), "a.json"))


@pytest.mark.parametrize(
    ("here", "everywhere", "secured"),
    [
        (None, None, False),
        (None, [{"bearer": []}], True),
        ([], [{"bearer": []}], False),
        ([{"bearer": []}], None, True),
        ([{"bearer": []}, {}], None, False),
        ([{}], None, False),
        ([{"other": []}], None, False),
        ([{"bearer": []}, {"other": []}], None, False),
        ("bearer", None, False),
        ([None], None, False),
    ],
)
def test_an_operation_is_secured_where_nothing_leaves_it_open(
    here: JsonValue, everywhere: JsonValue, secured: bool
) -> None:
    """Its own word goes before the document's, and a scheme that is not defined secures nothing."""
    operation: Json = {} if here is None else {"security": here}
    document: Json = {} if everywhere is None else {"security": everywhere}
    [one] = api(operation, **document).operations()
    assert one.secured is secured


@pytest.mark.parametrize(
    ("operation", "validated"),
    [
        ({}, True),
        ({"parameters": [{"name": "a", "schema": {"type": "string"}}]}, True),
        ({"parameters": [{"name": "a"}]}, False),
        ({"parameters": [{"name": "a", "schema": {}}]}, False),
        ({"parameters": [{"$ref": "#/components/parameters/none"}]}, False),
        ({"parameters": [{"name": "a", "content": {"x": {"schema": {"type": "object"}}}}]}, True),
        ({"requestBody": {"content": {"x": {"schema": {"type": "object"}}, "y": {}}}}, False),
        ({"requestBody": {"content": {}}}, False),
        ({"requestBody": {}}, False),
        ({"requestBody": None}, False),
        ({"requestBody": {"content": {"x": {"schema": {"$ref": "#/components/securitySchemes/bearer"}}}}}, True),
        (
            {"requestBody": {"content": {"x": {"schema": {"$ref": "#/paths/~1a/post/requestBody/content/x/schema"}}}}},
            False,
        ),
    ],
)
def test_an_operation_is_validated_where_every_input_has_a_schema(operation: Json, validated: bool) -> None:
    """One that refuses something; a reference into nothing, or to itself, refuses nothing."""
    [one] = api(operation).operations()
    assert one.validated is validated


@pytest.mark.parametrize(
    "text",
    [
        *("swagger: '2.0'", "openapi: 2.0", "openapi: 3", "[]", "openapi: [3.0.3]"),
        "openapi: 3.0.3\npaths: {/a: {$ref: 'https://127.0.0.1:1/a.yaml'}}",
        "openapi: 3.0.3\npaths: {/a: {$ref: '../../../etc/passwd'}}",
        "openapi: 3.0.3\npaths: {/a: {$ref: 'file:///etc/passwd'}}",
    ],
)
def test_what_is_no_description_of_its_own_is_not_read(text: str) -> None:
    """Another version, another thing, or one that refers elsewhere: nothing is fetched or opened."""
    with pytest.raises(CouldNotObserve):
        Description(file(text, "a.yaml"))


async def test_validity_wants_the_validator(estates: Estates, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed, a step that expects `valid` is skipped, and the others are judged."""
    monkeypatch.setattr(artifact_validity, "_VALIDATOR", "no_such_module")
    put(estates.folder, "a.yaml", OPENAPI)

    valid = await looked(estates, "artifact.openapi", {"valid": "= yes"}, file="a.yaml")
    others = await looked(estates, "artifact.openapi", {"operations": "= 4"}, file="a.yaml")

    assert (valid.verdict, others.verdict) == (Verdict.SKIPPED, Verdict.PASS)
    assert "tminus[openapi]" in valid.summary


async def test_a_pattern_in_a_description_that_takes_for_ever_is_given_up(
    estates: Estates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The validator tries it on a default; it is ended, and the outcome is unknown."""
    monkeypatch.setattr(artifact_validity, "_WITHIN", timedelta(seconds=2))
    slow: Json = {"type": "string", "pattern": "(a+)+$", "default": f"{'a' * 60}!"}
    content: Json = {"application/json": {"schema": slow}}
    description = api({"responses": {"200": {"description": "a", "content": content}}})
    put(estates.folder, "a.json", json.dumps(description.document))

    outcome = await looked(estates, "artifact.openapi", {"valid": "= yes"}, file="a.json")

    assert outcome.verdict is Verdict.UNKNOWN
    assert "within 2s" in outcome.summary


def test_an_experiment_without_a_steady_state_proves_nothing() -> None:
    """Nor does one that was not looked at afterwards, or whose method is empty."""
    journal = json.loads(scans.journal("A node dies", ago(days=1)))
    for change in (
        {"steady_states": {"before": None, "after": None, "during": []}},
        {"steady_states": {}},
        {"run": []},
        {"run": None},
        {"status": "interrupted"},
        {"deviated": True},
        {"steady_states": {"after": {"steady_state_met": True}, "during": [{"steady_state_met": False}]}},
    ):
        assert not artifact_journals.read(file(json.dumps({**journal, **change}), "j.json")).held
    assert artifact_journals.read(file(json.dumps(journal), "j.json")).held


@pytest.mark.parametrize("end", ["", "soon", "2100-01-01T00:00:00+00:00"])
def test_a_journal_that_does_not_say_when_it_ended_is_no_journal(end: str) -> None:
    """It always says so."""
    journal = json.loads(scans.journal("A node dies", ago(days=1)))
    with pytest.raises(CouldNotObserve):
        artifact_journals.read(file(json.dumps({**journal, "end": end}), "j.json"))


def test_an_spdx_bill_is_read_too() -> None:
    """Its packages have their version under another name."""
    parts: JsonValue = [{"name": "a", "versionInfo": "1"}, {"name": "b"}]
    said: Json = {"spdxVersion": "SPDX-2.3", "packages": parts, "creationInfo": {"created": "2026-01-01T00:00:00Z"}}
    bill = artifact_sbom.read(file(json.dumps(said)))
    assert (bill.components, bill.versioned, bill.made.dated) == (2, 1, True)


async def test_a_bill_without_components_has_not_all_of_them(estates: Estates) -> None:
    """All of none is not all."""
    put(estates.folder, "sbom.json", scans.cyclone_dx(ago(hours=1), []))
    outcome = await looked(estates, "artifact.sbom", {"versioned": "= all"}, file="sbom.json")
    assert outcome.verdict is Verdict.FAIL


def test_zaps_false_positives_are_no_findings() -> None:
    """A person marked them."""
    scan = scan_zap.read(scans.zap(ago(hours=1), ["3", "1"], false_positives=["3"]).encode())
    assert [finding.severity for finding in scan.findings] == [Severity.HIGH, Severity.LOW]
    assert scan.made_at is not None


def test_an_older_zap_says_when_in_words() -> None:
    """`created` came in 2025; `@generated` has no zone, and is read as UTC."""
    document = json.loads(scans.zap(ago(hours=1)))
    del document["created"]
    made = scan_zap.read(json.dumps({**document, "@generated": "Fri, 4 Feb 2022 13:04:51"}).encode()).made_at
    assert made is not None
    assert made.isoformat() == "2022-02-04T13:04:51+00:00"


@pytest.mark.parametrize("results", [None, []])
def test_trivy_that_looked_into_nothing_found_nothing_out(results: JsonValue) -> None:
    """An image without anything that it knows is not a clean one."""
    document = {**json.loads(scans.trivy(ago(hours=1))), "Results": results}
    with pytest.raises(NothingScanned):
        scan_trivy.read(json.dumps(document).encode())
    with pytest.raises(NothingScanned):
        scan_zap.read(b'{"site": []}')


async def test_several_reports_count_together_and_the_oldest_ages_them(estates: Estates) -> None:
    """An unrated finding counts as high too; a report that cannot be read makes the whole unknown."""
    put(estates.folder, "a.sarif", scans.sarif("one", ago(hours=1), ["9.8", None]))
    put(estates.folder, "b.sarif", scans.sarif("two", ago(hours=50), ["5.0"]))

    outcome = await looked(estates, "artifact.scan", {"critical": "= 0"}, reports="*.sarif", tool="sarif")
    put(estates.folder, "c.sarif", "{}")
    broken = await looked(estates, "artifact.scan", {"reports": ">= 1"}, reports="*.sarif", tool="sarif")

    seen = found(outcome)
    assert (seen["critical"], seen["high"], seen["medium"], seen["unrated"], seen["reports"]) == (
        "1",
        "1",
        "1",
        "1",
        "2",
    )
    assert seen["age"].startswith("50")
    assert broken.verdict is Verdict.UNKNOWN
