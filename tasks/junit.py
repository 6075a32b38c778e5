"""JUnit's XML, as pytest, Surefire, Gradle, Jest, Go and others write it: what ran, and how it ended."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tasks.artifact_ages import Stamp, read_time, settled, stamp
from tasks.artifact_files import ArtifactFile
from tasks.artifact_xml import Elements, walk
from tminus.errors import CouldNotObserve

_FAILED = {"failure", "error"}
_NOT_RUN = {"notrun", "skipped", "disabled", "suppressed", "ignored"}  # GoogleTest and others say it in an attribute
_LONGEST = 1000  # characters of a test's name
_MOST = 200_000  # tests that are held
_LETTERS = 20_000_000  # characters of all their names


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
    """A suite, or the whole, while it is read: what it says of itself, and what was found in it.

    Attributes:
        own: tests of its own; `tests` and `marks` are with those of the suites in it.
        marks: signs of failure; pytest gives two to a test that fails and whose teardown does too.
    """

    name: str
    said_tests: int
    said_failed: int
    own: int = 0
    tests: int = 0
    marks: int = 0

    def differs(self) -> bool:
        """Whether it says more than it holds. What fails may be said as one test or as two; some do not count it."""
        return self.said_tests - self.said_failed > self.tests or self.said_failed > self.marks


class _Reading(Elements):
    def __init__(self, name: str) -> None:
        self.name = name
        self.runs: list[RanTest] = []
        self.suites = 0
        self.times: list[datetime] = []
        self._open: list[_Suite] = []
        self._test: str | None = None
        self._result = Result.PASSED
        self._marks = 0
        self._letters = 0

    def begin(self, path: tuple[str, ...], attributes: Mapping[str, str]) -> None:
        if len(path) == 1 and path[0] not in {"testsuites", "testsuite"}:
            raise CouldNotObserve(f"{self.name} is no JUnit report: its root is not <testsuites> or <testsuite>")
        if path[-1] in {"testsuites", "testsuite"}:
            self._begin_suite(attributes)
        elif path[-1] == "testcase" and self._test is None:
            self._begin_test(attributes)
        elif self._test is not None and path[-2] == "testcase":
            self._ends_as(path[-1])

    def end(self, path: tuple[str, ...]) -> None:
        if path[-1] == "testcase" and self._test is not None:
            self._keep(self._test)
            self._test = None
        elif path[-1] in {"testsuites", "testsuite"}:
            self._end_suite(self._open.pop())

    def _keep(self, test: str) -> None:
        self._letters += len(test)
        if len(self.runs) >= _MOST or self._letters > _LETTERS:
            raise CouldNotObserve(f"{self.name} holds over {_MOST} tests, or names beyond what is read")
        self.runs.append(RanTest(test, self._result))
        if self._open:
            self._open[-1].own += 1
            self._open[-1].tests += 1
            self._open[-1].marks += self._marks

    def _begin_suite(self, attributes: Mapping[str, str]) -> None:
        failed = _count(attributes, "failures") + _count(attributes, "errors")
        self._open.append(_Suite(attributes.get("name", "")[:_LONGEST], _count(attributes, "tests"), failed))
        if at := read_time(attributes.get("timestamp", "")):
            self.times.append(at)

    def _begin_test(self, attributes: Mapping[str, str]) -> None:
        parts = (self._open[-1].name if self._open else "", attributes.get("classname", ""), attributes.get("name", ""))
        self._test = " ".join(part for part in parts if part)[:_LONGEST]
        said = {attributes.get("status", "").lower(), attributes.get("result", "").lower()}
        self._result = Result.SKIPPED if said & _NOT_RUN else Result.PASSED
        self._marks = 0
        if said & {"failed", "failure", "error"}:
            self._result = Result.FAILED
            self._marks = 1

    def _ends_as(self, tag: str) -> None:
        if tag in _FAILED:
            self._result = Result.FAILED
            self._marks += 1
        elif tag == "skipped" and self._result is Result.PASSED:
            self._result = Result.SKIPPED

    def _end_suite(self, suite: _Suite) -> None:
        self.suites += bool(suite.own)
        if suite.differs():
            raise CouldNotObserve(
                f"{self.name}: a suite says {suite.said_tests} tests, {suite.said_failed} failed, and holds "
                f"{suite.tests}, {suite.marks} failed; was the report cut or edited?"
            )
        if self._open:
            self._open[-1].tests += suite.tests
            self._open[-1].marks += suite.marks


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


def read_all(files: Iterable[ArtifactFile]) -> list[JUnitReport]:
    """What all of them say; raises CouldNotObserve also where they hold more together than is held."""
    reports: list[JUnitReport] = []
    held = 0
    for file in files:
        reports.append(read(file))
        held += len(reports[-1].runs)
        if held > _MOST:
            raise CouldNotObserve(f"{file.name} and the reports before it hold over {_MOST} tests; name fewer")
    return reports
