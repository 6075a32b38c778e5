"""The outside client beside a drill: begun before anything is broken, heard after all is well, never left behind."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tasks.outside.client import store_of
from tasks.outside.plan import ClientPlan, read_probes, read_receipts
from tasks.outside.store import Unanswered
from tminus.drills.outage import GOOD_IN_A_ROW, Outage, outage
from tminus.drills.receipts import Loss, judge
from tminus.errors import CouldNotObserve

_LOOK = 0.1  # seconds between two looks
_BEGUN_WITHIN = 20.0  # seconds until its first writes are acknowledged
_ENDED_WITHIN = 20.0  # seconds from when it is told
_PLAN = "client.json"
_LOG = "client.log"


@dataclass
class Beside:
    """A client that runs.

    Attributes:
        plan: what it was told.
        uncounted: why it makes no writes; "" where it does.
    """

    plan: ClientPlan
    uncounted: str
    _process: "subprocess.Popen[bytes]" = field(repr=False)

    async def until_it_writes(self) -> None:
        """Until its writes are acknowledged, or its probes answered where it makes none.

        Raises CouldNotObserve where they are not in time.
        """
        until = time.monotonic() + _BEGUN_WITHIN
        while not self._answered():
            self._require_alive()
            if time.monotonic() > until:
                what = "probe was answered" if self.uncounted else "write was acknowledged"
                raise CouldNotObserve(f"no {what} within {_BEGUN_WITHIN:g} s, before anything was broken")
            await asyncio.sleep(_LOOK)

    async def until_good_again(self) -> None:
        """Until the newest requests in a row are good, all sent after this was asked; waits as long as that takes."""
        asked = time.time()
        while True:
            self._require_alive()
            latest = sorted(read_probes(self.plan.probed), key=lambda one: one.sent)[-GOOD_IN_A_ROW:]
            if len(latest) == GOOD_IN_A_ROW and all(one.good and one.sent >= asked for one in latest):
                return
            await asyncio.sleep(_LOOK)

    async def end(self, since: float = 0.0) -> tuple[Loss, Outage]:
        """Ends it; what was lost, and how long the system was gone. Raises CouldNotObserve.

        Args:
            since: a request sent before that, in Unix seconds, is no part of the outage.
        """
        if await asyncio.to_thread(_end, self._process) != 0:
            raise CouldNotObserve(
                f"the outside client did not end well within {_ENDED_WITHIN:g} s (status {self._process.returncode}), "
                f"so what it saw may not be whole; see {self.plan.folder / _LOG}"
            )
        loss = replace(await lost(self.plan), uncounted=self.uncounted)
        return loss, outage(one for one in read_probes(self.plan.probed) if one.sent >= since)

    def _answered(self) -> bool:
        if self.uncounted:
            return any(one.good for one in read_probes(self.plan.probed))
        return any(one.answered for one in read_receipts(self.plan.receipts))

    def _require_alive(self) -> None:
        if self._process.poll() is not None:
            raise CouldNotObserve(f"the outside client ended by itself with status {self._process.returncode}")


@asynccontextmanager
async def beside(plan: ClientPlan) -> AsyncIterator[Beside]:
    """The block in which a client runs; its place is made before. Raises CouldNotObserve, MissingSecret."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    told = plan.folder / _PLAN
    told.write_text(plan.model_dump_json(), "utf-8")
    store = store_of(plan)
    try:
        await asyncio.to_thread(store.prepare)
    except Unanswered as e:
        raise CouldNotObserve(f"{plan.place} cannot be made, where the client would write: {e}") from e
    process = _begun(told)
    try:
        yield Beside(plan, store.uncounted, process)
    finally:
        await asyncio.to_thread(_end, process)


async def lost(plan: ClientPlan) -> Loss:
    """What became of the writes for which a client has receipts, by what is there now. Raises CouldNotObserve."""
    receipts = read_receipts(plan.receipts)
    try:
        found = await asyncio.to_thread(store_of(plan).found)
    except Unanswered as e:
        raise CouldNotObserve(f"what was written cannot be read back: {e}") from e
    return judge(receipts, found)


async def forget(plan: ClientPlan) -> None:
    """Takes away what a client wrote; raises CouldNotObserve."""
    try:
        await asyncio.to_thread(store_of(plan).forget)
    except Unanswered as e:
        raise CouldNotObserve(f"{plan.place}, where the client wrote, cannot be taken away: {e}") from e


def _begun(told: Path) -> "subprocess.Popen[bytes]":
    with (told.parent / _LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tasks.outside.client", str(told)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _end(process: "subprocess.Popen[bytes]") -> int:
    """Ends it; its exit status, minus a signal's number where it had to be killed."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_ENDED_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait()
