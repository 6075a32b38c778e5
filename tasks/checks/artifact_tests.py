"""What the build's tests came to, and how much of the code they ran."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Literal

from tasks import cobertura, junit
from tasks.artifact_ages import DatedBy, age, undated
from tasks.artifact_evidence import some
from tasks.artifact_files import Folder, Inside, shown
from tasks.artifact_patterns import Pattern, Patterns
from tasks.check import Check
from tasks.cobertura import Covered
from tasks.estate import Estate
from tasks.junit import JUnitReport, RanTest, Result
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation


class JUnitTests(Check, frozen=True):
    """How many tests ran and how they ended, by JUnit's XML.

    A test that was skipped did not pass: `passed` counts what passed of all. With `only`, just the tests are counted
    that one of the patterns finds in "suite class name", and `unmatched` are the patterns that find no test that ran.
    `suites` are those with tests of their own. `age` is the oldest suite's, by what the report says (without a zone it
    is read as UTC); where it does not say, it is measured with `dated_by: file` only. No report, one without a test,
    and one that holds fewer tests than its suites count, prove nothing: unknown. That it holds more is not held
    against it.

    Attributes:
        reports: the files in the environment's `artifacts`; may have `*`.
        only: regular expressions; upper and lower case are the same.
        dated_by: `report`, or `file` where the tool writes no date and the file's own time may count.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "tests": "",
        "passed": "",
        "failed": "",
        "skipped": "",
        "age": "h",
        "suites": "",
        "reports": "",
        "unmatched": "",
    }

    kind: Literal["artifact.tests"] = "artifact.tests"
    reports: Inside
    only: tuple[Pattern, ...] = ()
    dated_by: DatedBy = "report"

    async def look(self, estate: Estate) -> Observation:
        """Reads the reports."""
        folder = Folder(estate.artifacts(), "artifacts")
        return await asyncio.to_thread(self._look, folder)

    def _look(self, folder: Folder) -> Observation:
        reports = junit.read_all(folder.matching(self.reports))
        runs, unmatched = self._asked(reports)
        count = Counter(run.result for run in runs)
        bad = [run for run in runs if run.result is not Result.PASSED]
        stamps = [report.made for report in reports]
        return Observation(
            found=(
                Measurement.number("tests", len(runs)),
                Measurement.number("passed", count[Result.PASSED], of=len(runs)),
                Measurement.number("failed", count[Result.FAILED]),
                Measurement.number("skipped", count[Result.SKIPPED]),
                *age(stamps, self.dated_by),
                Measurement.number("suites", sum(report.suites for report in reports)),
                Measurement.number("reports", len(reports)),
                Measurement.number("unmatched", len(unmatched)),
            ),
            where=f"artifacts {self.reports}",
            details=(
                *some([f"no test that ran is named {pattern!r}" for pattern in unmatched]),
                *some([f"{run.result}: {shown(run.name)}" for run in sorted(bad, key=lambda run: run.result)]),
                *undated(stamps, self.dated_by),
            ),
            because=", ".join(shown(run.name) for run in bad[:2]),
        )

    def _asked(self, reports: Sequence[JUnitReport]) -> tuple[list[RanTest], list[str]]:
        """The tests that are asked about, and the patterns that no test that ran has in its name."""
        runs = [run for report in reports for run in report.runs]
        if not self.only:
            return runs, []
        patterns = Patterns(self.only, any_case=True)
        asked, seen = [], set[int]()
        for run in runs:
            if matched := patterns.matching(run.name, shown(run.name)):
                asked.append(run)
                seen |= matched if run.result is not Result.SKIPPED else set()
        return asked, [pattern for number, pattern in enumerate(self.only) if number not in seen]


class Coverage(Check, frozen=True):
    """How much of the code the tests ran, by Cobertura's XML.

    Counted from the report's lines, not from the rates that it states. `least` is the lines' share in the worst
    package. `packages` counts how many of those asked for have any line in the report. Without branches in the report
    `branches` is not measured. `age` is by the report's own timestamp.

    Attributes:
        report: the file in the environment's `artifacts`.
        packages: count only these and what is below them (`orders` takes `orders.api` too); all unless named.
        dated_by: `report`, or `file` where the tool writes no date and the file's own time may count.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"lines": "%", "branches": "%", "least": "%", "packages": "", "age": "h"}

    kind: Literal["artifact.coverage"] = "artifact.coverage"
    report: Inside
    packages: tuple[str, ...] = ()
    dated_by: DatedBy = "report"

    async def look(self, estate: Estate) -> Observation:
        """Reads the report."""
        folder = Folder(estate.artifacts(), "artifacts")
        return await asyncio.to_thread(self._look, folder)

    def _look(self, folder: Folder) -> Observation:
        report = cobertura.read(folder.read(self.report))
        asked = {prefix: report.below(prefix) for prefix in self.packages}
        named = {name: covered for found in asked.values() for name, covered in found.items()}
        chosen = named if self.packages else report.below("")
        missing = [prefix for prefix, found in asked.items() if not found]
        whole = sum(chosen.values(), start=Covered())
        worst = sorted((_share(covered.lines_run, covered.lines), name) for name, covered in chosen.items())
        found = [
            Measurement.number(
                "packages", len(self.packages or chosen) - len(missing), of=len(self.packages or chosen)
            ),
            *age([report.made], self.dated_by),
        ]
        if worst:
            found.append(Measurement.number("lines", _share(whole.lines_run, whole.lines), "%"))
            found.append(Measurement.number("least", worst[0][0], "%"))
        if whole.branches:
            found.append(Measurement.number("branches", _share(whole.branches_run, whole.branches), "%"))
        return Observation(
            found=tuple(found),
            where=f"artifacts {self.report}",
            details=(
                *some([f"{shown(prefix)} has no line in the report" for prefix in missing]),
                *some([f"{shown(name)}: {share:.2f} % of its lines" for share, name in worst]),
                *undated([report.made], self.dated_by),
            ),
            because=shown(f"no {missing[0]}" if missing else f"the worst is {worst[0][1]}, {worst[0][0]:.2f} %"),
        )


def _share(part: int, whole: int) -> Decimal:
    return Decimal(100 * part) / Decimal(whole)
