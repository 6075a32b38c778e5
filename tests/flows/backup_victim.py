"""A process that verifies the backups of a room, and waits at one stage to be killed: FOLDER STAGE ENDPOINT PREFIX."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from flows import restoring
from flows.backup_verification import verify
from flows.verifying import Verification
from tasks.backups.asked import Asked, Seen
from tests.flows.backup_room import Room, use, well
from tminus import events as ev

folder, stage, *rest = sys.argv[1:]
room = Room(Path(folder), dict(zip(("endpoint", "prefix", "bucket", "region"), rest, strict=True)))


def wait_here() -> None:
    """Says that the stage is reached, and goes no further."""
    (room.folder / "reached").touch()
    time.sleep(600)


def before(function: Callable[..., object]) -> Callable[..., object]:
    """The same, but this process waits before it."""

    def waits(*arguments: object) -> object:
        wait_here()
        return function(*arguments)

    return waits


async def with_a_server(asked: Asked) -> Seen:
    """Starts something that outlives this process, as a database server would, and waits."""
    place = asked.scratch.folder / "data"
    await asyncio.to_thread(place.mkdir)
    wait = "import sys, time; time.sleep(600)"
    server = subprocess.Popen([sys.executable, "-c", wait, f"{place}"], start_new_session=True)  # noqa: ASYNC220
    (place / "postmaster.pid").write_text(f"{server.pid}\n/elsewhere\n", "utf-8")
    wait_here()
    return await well(asked)


write = Verification._write


async def write_or_wait(self: Verification, event: ev.Event, letters: tuple[()] = ()) -> None:
    """Waits before the event after which the stage is named, or right after it."""
    if stage == f"before {event.type}":
        wait_here()
    await write(self, event, letters)
    if stage == f"after {event.type}":
        wait_here()


Verification._write = write_or_wait  # type: ignore[assignment,method-assign]
use(with_a_server if stage == "server" else well)
if stage == "folder":
    restoring.make_scratch = before(restoring.make_scratch)  # type: ignore[assignment]
asyncio.run(verify(room.opened(), ("cache",), shown=False))
