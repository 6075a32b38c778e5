"""What a load test that ran elsewhere came to."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tasks import load_k6, load_locust, load_wrk
from tasks.artifact_ages import DatedBy, age, stamp, undated
from tasks.artifact_files import ArtifactFile, Folder, Inside
from tasks.check import Check
from tasks.estate import Estate
from tasks.load_result import LOAD_MEASURES, LoadResult, expect_no_failed_checks
from tminus.environment import Impact
from tminus.outcome import Observation


class LoadReport(Check, frozen=True):
    """The report of a load test by k6, Locust or wrk: latency, rate, errors, users.

    What the tool does not say is not measured, and expecting it makes the outcome unknown: k6 gives `p99` only where
    `summaryTrendStats` names it, and `ramp` (how long until the most users were there) only where handleSummary
    writes the script's own options (`options: exec.test.options`); Locust's `users`, `ramp` and `duration` stand in the
    history beside the report; wrk gives `p50` and `p99` only with `--latency`, and never `p95` or `ramp`. `errors` are
    % of the requests. `checks_failed` are those of k6's own checks that failed; unless the step says otherwise, there
    must be none. A test without a request proves nothing: unknown. `age` is by what the report says, and only Locust's
    history does; for the others say `dated_by: file`.

    Attributes:
        report: the file in the environment's `artifacts`: k6's summary (`--summary-export` or handleSummary),
            Locust's `NAME_stats.csv`, or what wrk printed.
        tool: which of the three made it.
        dated_by: `report`, or `file` where the tool writes no date and the file's own time may count.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = LOAD_MEASURES

    kind: Literal["artifact.load"] = "artifact.load"
    report: Inside
    tool: Literal["k6", "locust", "wrk"]
    dated_by: DatedBy = "report"

    @model_validator(mode="after")
    def _checks_hold(self) -> Self:
        expect_no_failed_checks(self.expect, self.tool)
        return self

    async def look(self, estate: Estate) -> Observation:
        """Reads the report."""
        folder = Folder(estate.artifacts(), "artifacts")
        return await asyncio.to_thread(self._look, folder)

    def _look(self, folder: Folder) -> Observation:
        file = folder.read(self.report)
        result = self._read(file, folder)
        made = stamp(file, result.made)
        return Observation(
            found=(*result.measurements(), *age([made], self.dated_by)),
            where=f"{self.tool} {self.report}",
            details=undated([made], self.dated_by),
        )

    def _read(self, file: ArtifactFile, folder: Folder) -> LoadResult:
        if self.tool == "locust":
            return load_locust.read(file, folder.find(load_locust.history_of(self.report)))
        return load_k6.read(file) if self.tool == "k6" else load_wrk.read(file)
