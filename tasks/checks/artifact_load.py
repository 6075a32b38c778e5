"""What a load test that ran elsewhere came to."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Literal

from tasks import load_k6, load_locust, load_wrk
from tasks.artifact_ages import oldest, stamp, undated
from tasks.artifact_files import ArtifactFile, Folder, Inside
from tasks.check import Check
from tasks.estate import Estate
from tasks.load_result import LOAD_MEASURES, LoadResult
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation


class LoadReport(Check, frozen=True):
    """The report of a load test by k6, Locust or wrk: latency, rate, errors, users.

    What the tool does not say is not measured, and expecting it makes the outcome unknown: k6 gives `p99` only where
    `summaryTrendStats` names it, and `ramp` (how long until the most users were there) only where handleSummary
    writes the script's own options (`options: exec.test.options`); Locust's `users`, `ramp` and `duration` stand in the
    history beside the report; wrk gives `p50` and `p99` only with `--latency`, and never `p95` or `ramp`. `errors` are
    % of the requests. A test without a request proves nothing: unknown. `age` is by what the report says (only
    Locust's history does), else by its file's time.

    Attributes:
        report: the file in the environment's `artifacts`: k6's summary (`--summary-export` or handleSummary),
            Locust's `NAME_stats.csv`, or what wrk printed.
        tool: which of the three made it.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = LOAD_MEASURES

    kind: Literal["artifact.load"] = "artifact.load"
    report: Inside
    tool: Literal["k6", "locust", "wrk"]

    async def look(self, estate: Estate) -> Observation:
        """Reads the report."""
        folder = Folder(estate.artifacts(), "artifacts")
        return await asyncio.to_thread(self._look, folder)

    def _look(self, folder: Folder) -> Observation:
        file = folder.read(self.report)
        result = self._read(file, folder)
        made = stamp(file, result.made)
        return Observation(
            found=(*result.measurements(), Measurement.number("age", oldest([made]), "h")),
            where=f"{self.tool} {self.report}",
            details=undated([made]),
        )

    def _read(self, file: ArtifactFile, folder: Folder) -> LoadResult:
        if self.tool == "locust":
            return load_locust.read(file, folder.find(load_locust.history_of(self.report)))
        return load_k6.read(file) if self.tool == "k6" else load_wrk.read(file)
