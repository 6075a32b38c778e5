"""A load test, run now."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tasks.artifact_files import Folder, Inside
from tasks.check import Check
from tasks.estate import Estate
from tasks.load_result import LOAD_MEASURES, expect_no_failed_checks
from tasks.load_tools import Load, Tool, run_load
from tasks.probe import at, get
from tminus.clock import Duration, show_duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_WITHIN = timedelta(seconds=10)  # for the one request before the load


class LoadRun(Check, frozen=True):
    """Runs k6, Locust or wrk against an endpoint, and measures what artifact.load measures.

    The tool must be on the PATH of whoever runs the launch; where it is not, the step is skipped, and says how to get
    it. It gets the endpoint's address (k6 as `BASE_URL` in `__ENV`, Locust as its host), and no secrets: PATH, HOME
    and LANG are all it sees of the environment variables. Before, one request is sent: where nothing answers, there is
    no load, and the outcome is unknown, as it is where the tool ends as after a failure, or earlier than planned. The
    step's own `timeout` must be longer than ramp and duration.

    Attributes:
        endpoint: an entry of the environment's `endpoints`.
        tool: which tool is run; it must be on the PATH.
        path: what is asked there; k6 and Locust ask what their script says.
        script: the tool's script in the environment's `artifacts`; k6 and Locust want one.
        users: how many at a time; for wrk, connections.
        duration: how long, with all users there.
        ramp: over how long the users come; wrk has no such thing.
    """

    impact: ClassVar[Impact] = Impact.LOAD
    measures: ClassVar[Mapping[str, str]] = LOAD_MEASURES

    kind: Literal["load.run"] = "load.run"
    tool: Tool
    endpoint: str
    path: str = "/"
    script: Inside | None = None
    users: Annotated[int, Field(ge=1, le=100_000)]
    duration: Duration = timedelta(seconds=30)
    ramp: Duration = timedelta(0)

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        if self.script is None and self.tool != "wrk":
            raise ValueError(f"{self.tool} wants a script")
        if self.ramp and self.tool == "wrk":
            raise ValueError("wrk starts all its connections at once; take the ramp out, or another tool")
        if self.duration < timedelta(seconds=1):
            raise ValueError("the duration is at least 1s")
        expect_no_failed_checks(self.expect, self.tool)
        return self

    async def look(self, estate: Estate) -> Observation:
        """Sends the load."""
        endpoint = estate.endpoint(self.endpoint)
        url = at(endpoint.url, self.path)
        before = await get(estate.client_of(endpoint), url, _WITHIN)
        if before.problem:
            raise CouldNotObserve(f"endpoint {self.endpoint}: {before.problem}; no load was sent")
        script = self._script(estate)
        with TemporaryDirectory(prefix="tminus-load-") as scratch:
            load = Load(url if self.tool == "wrk" else endpoint.url, self.users, self.duration, self.ramp, script)
            result = await run_load(self.tool, load, Path(scratch))
        return Observation(
            found=(*result.measurements(), Measurement.number("age", 0, "h")),
            where=f"endpoint {self.endpoint}",
            details=(f"{self.tool}: {self.users} users for {show_duration(self.duration)}",),
        )

    def _script(self, estate: Estate) -> Path | None:
        if self.script is None:
            return None
        folder = Folder(estate.artifacts(), "artifacts")
        folder.read(self.script)  # it must be there, and inside
        return (folder.root / self.script).resolve()
