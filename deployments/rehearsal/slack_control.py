"""The Slack stand-in's control route: what is shown in its channels."""

import asyncio
import contextlib

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.rehearsal.changes import Changes
from deployments.rehearsal.fault_switch import FaultSwitch
from deployments.rehearsal.slack_view import control_view
from deployments.rehearsal.slack_workspace import Workspace

LONGEST_WAIT = 25.0  # seconds that a reader of /_control/messages may wait


def routes(workspace: Workspace, faults: FaultSwitch) -> list[Route]:
    """GET /_control/messages."""

    async def messages(request: Request) -> Response:
        """What changed since a revision; waits up to `wait` seconds for something to change."""
        try:
            since = int(request.query_params.get("since", "0"))
            seconds = min(float(request.query_params.get("wait", "0")), LONGEST_WAIT)
        except ValueError as error:
            return JSONResponse({"error": f"since and wait must be numbers: {error}"}, status_code=400)
        revision = await _waited(request, workspace.changes, since, seconds)
        changed = [control_view(workspace, message) for message in workspace.changed_since(since)]
        return JSONResponse({"revision": revision, "fault": faults.mode, "messages": changed})

    return [Route("/_control/messages", messages)]


async def _waited(request: Request, changes: Changes, since: int, seconds: float) -> int:
    """The revision after a wait, which ends early when the reader hangs up."""
    if seconds <= 0:
        return changes.revision
    waits = [asyncio.ensure_future(changes.wait(since, seconds)), asyncio.ensure_future(_hung_up(request))]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await wait
    return changes.revision


async def _hung_up(request: Request) -> int:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return 0
