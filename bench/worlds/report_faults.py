"""What can be wrong in any file that a build leaves behind, by its path: a test, a value, a time."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring, tostring
from pydantic import JsonValue, TypeAdapter

from bench.worlds.file_changes import changed
from bench.worlds.world import Case, World, fault
from tminus.clock import now

_ENDS = {"failure": "failures", "error": "errors", "skipped": "skipped"}
_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)
_SMOKE = "tests/smoke.xml"
_UP = "test_every_service_is_healthy"
_STEADY = "load/steady.json"

REPORT_CASES = (
    Case(
        check="artifact.tests",
        given={"reports": _SMOKE, "only": ["healthy"]},
        expect={"unmatched": "= 0", "passed": "= all", "failed": "= 0", "age": "< 24 h"},
        broken_by=(*(("test_is", _SMOKE, _UP, end) for end in (*_ENDS, "gone")), ("tests_ran", _SMOKE, "25")),
    ),
    Case(
        check="artifact.load",
        given={"report": _STEADY, "tool": "k6"},
        expect={"p99": "< 10 ms"},
        broken_by=(("value_is", _STEADY, "/metrics/http_req_duration/values/p(99)", "10.1"),),
    ),
    Case(
        check="artifact.scan",
        given={"reports": "scans/trivy.json", "tool": "trivy"},
        expect={"age": "< 24 h"},
        broken_by=(("time_is", "scans/trivy.json", "/CreatedAt", "25"),),
    ),
)


class ReportFaults(World):
    """A world of files, in which each test and each value of JSON can be changed."""

    @property
    def root(self) -> Path:
        """Where the files are."""
        return self.folder / "artifacts"

    @fault
    def test_is(self, report: str, name: str, end: str) -> Iterator[None]:
        """A test of a JUnit report ended with a `failure` or an `error`, was `skipped`, or is `gone`."""
        suites = fromstring((self.root / report).read_text("utf-8"))
        suite, case = _case(suites, name)
        if end == "gone":
            suite.remove(case)
        else:
            case.append(case.makeelement(end, {"message": "assert 0"}))
        suite.set("tests", str(len(suite.findall("testcase"))))
        for kind, counted in _ENDS.items():
            suite.set(counted, str(len(suite.findall(f"testcase/{kind}"))))
        with changed(self.root / report, tostring(suites, encoding="unicode")):
            yield

    @fault
    def tests_ran(self, report: str, hours: str) -> Iterator[None]:
        """A suite ran so many hours ago, by its own report."""
        suites = fromstring((self.root / report).read_text("utf-8"))
        for suite in suites.iter("testsuite"):
            suite.set("timestamp", _ago(hours))
        with changed(self.root / report, tostring(suites, encoding="unicode")):
            yield

    @fault
    def value_is(self, name: str, pointer: str, value: str) -> Iterator[None]:
        """A value of a JSON file is another one, itself given as JSON."""
        with changed(self.root / name, self._with(name, pointer, _JSON.validate_json(value))):
            yield

    @fault
    def time_is(self, name: str, pointer: str, hours: str) -> Iterator[None]:
        """A time of a JSON file lies so many hours back."""
        with changed(self.root / name, self._with(name, pointer, _ago(hours))):
            yield

    def _with(self, name: str, pointer: str, value: JsonValue) -> str:
        document = _JSON.validate_json((self.root / name).read_bytes())
        _put(document, pointer.split("/")[1:], value)
        return json.dumps(document)


def _case(suites: Element, name: str) -> tuple[Element, Element]:
    """The test of that name, and its suite; raises ValueError where no report has it."""
    for suite in suites.iter("testsuite"):
        for case in suite.findall("testcase"):
            if case.get("name") == name:
                return suite, case
    raise ValueError(f"there is no test {name!r} that could be broken")


def _put(document: JsonValue, path: Sequence[str], value: JsonValue) -> None:
    """Raises KeyError or IndexError where nothing is there to be replaced."""
    *above, last = path
    for step in above:
        document = _inside(document, step)
    _inside(document, last)
    if isinstance(document, list):
        document[int(last)] = value
    elif isinstance(document, dict):
        document[last] = value


def _inside(document: JsonValue, step: str) -> JsonValue:
    if isinstance(document, list):
        return document[int(step)]
    return document[step] if isinstance(document, dict) else None


def _ago(hours: str) -> str:
    return (now() - timedelta(hours=float(hours))).isoformat()
