"""Every reader on any file: it reads, or says that it cannot; it never crashes or hangs."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from deployments.rehearsal.papers import scans
from deployments.rehearsal.papers.pages import page
from deployments.rehearsal.papers.reports import (
    ago,
    cobertura,
    junit,
    k6_export,
    k6_summary,
    k6_values,
    locust_stats,
    wrk_text,
)
from deployments.rehearsal.papers.settings import APPLICATION, OPENAPI
from deployments.rehearsal.papers.systems import COVERAGE, UNIT
from tasks import (
    artifact_journals,
    artifact_sbom,
    document_dates,
    document_pages,
    load_k6,
    load_locust,
    load_wrk,
)
from tasks import (
    cobertura as cobertura_reader,
)
from tasks import (
    junit as junit_reader,
)
from tasks.artifact_files import ArtifactFile
from tasks.artifact_openapi import Description
from tasks.artifact_settings import read_settings
from tasks.artifact_values import VALUE_MEASURES, measured
from tasks.artifact_yaml import read_yaml
from tasks.document_placeholders import placeholders
from tasks.scan_reports import read_scan
from tests.tasks.artifacts.foreign import damaged, documents, elements, file, scalars, survives, written
from tminus.errors import CouldNotObserve

_VALUES = k6_values(p50=3, p95=6, p99=8, errors=0.1, users=10, rate=100, seconds=60)


def _api(of: ArtifactFile) -> None:
    description = Description(of)
    description.operations()
    description.lost_reference()


def _page(of: ArtifactFile) -> None:
    found = document_pages.read(of)
    placeholders(found.texts)
    document_dates.read_date(document_dates.said_of(found, "Last Updated"))


def _scan(tool: str, of: ArtifactFile) -> None:
    read_scan(tool, of.content, of.name)


READERS = {
    "junit": (junit_reader.read, "a.xml"),
    "cobertura": (cobertura_reader.read, "a.xml"),
    "k6": (load_k6.read, "a.json"),
    "locust": (lambda of: load_locust.read(of, of), "a.csv"),
    "wrk": (load_wrk.read, "a.txt"),
    "journal": (artifact_journals.read, "a.json"),
    "sbom": (artifact_sbom.read, "a.json"),
    "openapi": (_api, "a.yaml"),
    "page": (_page, "a.md"),
    **{f"settings {end}": (read_settings, f"a.{end}") for end in ("yaml", "json", "toml", "env", "ini", "conf")},
    **{
        tool: (lambda of, tool=tool: _scan(tool, of), "a.json")
        for tool in ("sarif", "pip-audit", "npm-audit", "trivy", "zap")
    },
}
SOUND = {
    "k6": [json.loads(k6_summary(_VALUES, 60, ramp=30)), json.loads(k6_export(_VALUES))],
    "journal": [json.loads(scans.journal("A node dies", ago(days=1)))],
    "sbom": [json.loads(scans.cyclone_dx(ago(days=1), ["1", None]))],
    "sarif": [json.loads(scans.sarif("semgrep", ago(days=1), ["9.8", None]))],
    "zap": [json.loads(scans.zap(ago(days=1), ["2"]))],
    "trivy": [json.loads(scans.trivy(ago(days=1), ["HIGH"], misconfigured=["LOW"]))],
    "pip-audit": [json.loads(scans.pip_audit("PYSEC-1"))],
    "npm-audit": [json.loads(scans.npm_audit("high"))],
    "openapi": [read_yaml(file(OPENAPI, "a.yaml"))],
}
TEXTS = {
    "junit": junit("unit", UNIT, ago(days=1)),
    "cobertura": cobertura(COVERAGE, ago(days=1))[:4000],
    "locust": locust_stats(requests=10, failures=1, rate=2, p50=1, p95=2, p99=3),
    "wrk": wrk_text(requests=10, seconds=3, users=2, p50=1, p99=2, refused=1, lost=1),
    "page": page("Runbook", ["Symptoms", "Remedies"]),
    "settings yaml": APPLICATION,
    "openapi": OPENAPI,
}
TAGS = ("testsuites", "testsuite", "testcase", "failure", "skipped", "error", "system-out")
COVERED = ("coverage", "packages", "package", "classes", "class", "methods", "lines", "line")
SAID = (
    "name",
    "classname",
    "tests",
    "failures",
    "errors",
    "timestamp",
    "status",
    "result",
    "hits",
    "condition-coverage",
)
bounded = settings(deadline=5000, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", READERS)
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_any_bytes_are_read_or_refused(name: str, content: bytes) -> None:
    """No bytes make a reader do anything else."""
    read, called = READERS[name]
    survives(read, file(content, called))


@pytest.mark.parametrize("name", TEXTS)
@bounded
@given(st.data())
def test_a_sound_file_that_was_damaged_is_read_or_refused(name: str, data: st.DataObject) -> None:
    """Cut, with a part twice, or with other letters in it."""
    read, called = READERS[name]
    text = TEXTS[name]
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(len(text), begin + 60)))
    other = data.draw(
        st.sampled_from(["", text[begin:end] * 2, "\0", "9" * 5000, "&lol;", "%", "- " * 50, "*a", "<<: *pool"])
    )
    survives(read, file(text[:begin] + other + text[end:], called))


@pytest.mark.parametrize("name", SOUND)
@bounded
@given(st.data())
def test_a_document_with_any_part_changed_is_read_or_refused(name: str, data: st.DataObject) -> None:
    """Of the right shape, but with a part missing, null, of another type, or beyond all measure."""
    read, called = READERS[name]
    document = damaged(data, data.draw(st.sampled_from(SOUND[name])))
    survives(read, file(written(document), called.replace("yaml", "json")))


@bounded
@given(elements(TAGS, SAID) | elements(COVERED, SAID))
def test_any_xml_of_the_right_words_is_read_or_refused(text: str) -> None:
    """Well-formed, of the tools' own elements and attributes, in any order."""
    survives(junit_reader.read, file(f"<testsuites>{text}</testsuites>"))
    survives(cobertura_reader.read, file(f'<coverage timestamp="1">{text}</coverage>'))


@bounded
@given(
    documents(
        ["openapi", "paths", "/a", "get", "post", "$ref", "#/paths", "security", "parameters", "responses", "schema"]
    )
)
def test_any_object_after_the_version_is_read_or_refused(document: JsonValue) -> None:
    """What says that it is OpenAPI may be anything else after that."""
    said = {**document, "openapi": "3.0.3"} if isinstance(document, dict) else document
    survives(_api, file(written(said), "a.json"))
    if isinstance(said, dict):
        info: JsonValue = {"title": "a", "version": "1"}
        survives(_api, file(written({**said, "info": info}), "a.json"))


@given(scalars() | documents(["a"]), st.sampled_from(sorted(VALUE_MEASURES)))
def test_any_value_is_taken_as_what_is_expected_or_refused(value: JsonValue, name: str) -> None:
    """As a number, a word, a length of time, a size, a share, a count or an age; what comes out is within bounds."""
    found, said = None, ""
    try:
        found = measured(name, value, "a.yaml /a")
    except CouldNotObserve as e:
        said = str(e)
    assert len(said) < 300
    assert found is None or found.quantity is None or abs(found.quantity.value) < 10**40
    assert found is None or found.word is None or len(found.word) < 200
