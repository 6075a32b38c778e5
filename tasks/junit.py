"""JUnit's XML, as pytest, Surefire, Gradle, Jest, Go and others write it: what ran, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tasks.artifact_ages import Stamp, read_time, settled, stamp
from tasks.artifact_files import ArtifactFile
from tasks.artifact_xml import Elements, walk
from tminus.errors import CouldNotObserve

_FAILED = {"failure", "error"}
_NOT_RUN = {"notrun", "skipped", "disabled", "suppressed", "ignored"}  # GoogleTest and others say it in an attribute
_LONGEST = 1000  # characters of a test's name


class Result(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class RanTest:
    """One test: its suite, class and name in one line, and how it ended."""

    name: str
    result: Result


@dataclass(frozen=True, slots=True)
class JUnitReport:
    """What one file says.

    Attributes:
        suites: how many suites have tests of their own.
        made: when its oldest suite ran.
    """

    runs: tuple[RanTest, ...]
    suites: int
    made: Stamp


@dataclass(slots=True)
class _Suite:
    """A suite while it is read; what it says of itself counts only where no other suite stands in it."""

    name: str
    said_tests: int
    said_failed: int
    runs: list[RanTest] = field(default_factory=list)
    has_inner: bool = False

    @property
    def found_failed(self) -> int:
        return sum(run.result is Result.FAILED for run in self.runs)


class _Reading(Elements):
    def __init__(self, name: str) -> None:
        self.name = name
        self.runs: list[RanTest] = []
        self.suites = 0
        self.times: list[datetime] = []
        self._open: list[_Suite] = []
        self._test: str | None = None
        self._result = Result.PASSED

    def begin(self, path: tuple[str, ...], attributes: Mapping[str, str]) -> None:
        if len(path) == 1 and path[0] not in {"testsuites", "testsuite"}:
            raise CouldNotObserve(f"{self.name} is no JUnit report: its root is not <testsuites> or <testsuite>")
        if path[-1] == "testsuite":
            self._begin_suite(attributes)
        elif path[-1] == "testcase" and self._test is None:
            self._begin_test(attributes)
        elif self._test is not None and path[-2] == "testcase":
            self._ends_as(path[-1])

    def end(self, path: tuple[str, ...]) -> None:
        if path[-1] == "testcase" and self._test is not None:
            run = RanTest(self._test, self._result)
            self.runs.append(run)
            if self._open:
                self._open[-1].runs.append(run)
            self._test = None
        elif path[-1] == "testsuite":
            self._end_suite(self._open.pop())

    def _begin_suite(self, attributes: Mapping[str, str]) -> None:
        if self._open:
            self._open[-1].has_inner = True
        failed = _count(attributes, "failures") + _count(attributes, "errors")
        self._open.append(_Suite(attributes.get("name", ""), _count(attributes, "tests"), failed))
        if at := read_time(attributes.get("timestamp", "")):
            self.times.append(at)

    def _begin_test(self, attributes: Mapping[str, str]) -> None:
        parts = (self._open[-1].name if self._open else "", attributes.get("classname", ""), attributes.get("name", ""))
        self._test = " ".join(part for part in parts if part)[:_LONGEST]
        said = {attributes.get("status", "").lower(), attributes.get("result", "").lower()}
        self._result = Result.SKIPPED if said & _NOT_RUN else Result.PASSED
        if said & {"failed", "failure", "error"}:
            self._result = Result.FAILED

    def _ends_as(self, tag: str) -> None:
        if tag in _FAILED:
            self._result = Result.FAILED
        elif tag == "skipped" and self._result is Result.PASSED:
            self._result = Result.SKIPPED

    def _end_suite(self, suite: _Suite) -> None:
        self.suites += bool(suite.runs)
        if suite.has_inner:
            return
        # pytest counts a test twice that fails and whose teardown does too; one that is missing has been cut away.
        missing = suite.said_tests - suite.said_failed > len(suite.runs)
        if missing or (suite.said_failed and not suite.found_failed):
            raise CouldNotObserve(
                f"{self.name}: a suite says {suite.said_tests} tests, {suite.said_failed} failed, and holds "
                f"{len(suite.runs)}, {suite.found_failed} failed; was the report cut or edited?"
            )


def _count(attributes: Mapping[str, str], name: str) -> int:
    text = attributes.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004 - digits


def read(file: ArtifactFile) -> JUnitReport:
    """What a report says.

    Raises CouldNotObserve where it is none, holds no test, or holds fewer than it says.
    """
    reading = _Reading(file.name)
    walk(file, reading)
    if not reading.runs:
        raise CouldNotObserve(f"{file.name} holds no test; nothing ran")
    oldest = min((settled(at, file.name) for at in reading.times), default=None)
    return JUnitReport(tuple(reading.runs), reading.suites, stamp(file, oldest))
