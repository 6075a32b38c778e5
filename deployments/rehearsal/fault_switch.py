"""Faults of a stand-in, switched over its control routes while it runs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.rehearsal.call_record import CallRecord
from deployments.rehearsal.changes import Changes


class Fault(BaseModel):
    """How a stand-in misbehaves towards its API's callers; its control routes always answer.

    `down`: 503 and nothing happens. `slow`: the call takes effect at once and its answer comes `seconds` later, so a
    caller with a shorter timeout cannot know. `rate_limited`: 429 with `Retry-After: retry_after` (whole seconds).
    With `times` the fault ends by itself after so many calls.
    """

    model_config = ConfigDict(extra="forbid")

    mode: Literal["none", "down", "slow", "rate_limited"]
    seconds: Annotated[float, Field(ge=0)] = 2.0
    retry_after: Annotated[int, Field(ge=0)] = 1
    times: Annotated[int, Field(ge=1)] | None = None


class FaultSwitch:
    """The fault that is on, the refusals it makes, and the routes that switch it."""

    def __init__(self, changes: Changes) -> None:
        self._fault = Fault(mode="none")
        self._changes = changes

    @property
    def mode(self) -> str:
        """The mode that the next call meets."""
        return self._fault.mode

    def set(self, fault: Fault) -> None:
        """Switch to this fault; readers that wait for changes are woken."""
        self._fault = fault
        self._changes.bump()

    def take(self) -> Fault:
        """The fault that this call meets; one with `times` is used up by being taken."""
        fault = self._fault
        if fault.times is not None:
            if fault.times == 1:
                self.set(Fault(mode="none"))
            else:
                self._fault = fault.model_copy(update={"times": fault.times - 1})
        return fault

    async def answer(
        self,
        method: str,
        record: CallRecord,
        limited: Callable[[], Response],
        handle: Callable[[], Awaitable[Response]],
    ) -> Response:
        """The answer to one API call under the fault that is on; calls it refuses are recorded here.

        `limited` makes the vendor's own body for a 429; `handle` does the work and records the call itself.
        """
        fault = self.take()
        if fault.mode == "down":
            record.add(method, 503, "fault: down", None)
            return Response("Service Unavailable", status_code=503, media_type="text/plain")
        if fault.mode == "rate_limited":
            record.add(method, 429, "fault: rate_limited", None)
            response = limited()
            response.status_code = 429
            response.headers["Retry-After"] = str(fault.retry_after)
            return response
        response = await handle()
        if fault.mode == "slow":
            await asyncio.sleep(fault.seconds)
        return response

    def routes(self) -> list[Route]:
        """GET and POST /_control/fault."""
        return [Route("/_control/fault", self._route, methods=["GET", "POST"])]

    async def _route(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self.set(Fault.model_validate_json(await request.body()))
            except ValidationError as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse(self._fault.model_dump())
