"""The witnesses of bench.rotation: processes of their own, so that they keep their rate, and what they say."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.rotation_place import Place
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.processes import Child
from deployments.rehearsal.witness_count import Testimony, read_testimony
from deployments.rehearsal.witness_plan import WitnessPlan
from deployments.rehearsal.witness_servers import differences, refused_by_postgres, refused_by_redis

PROCESSES = 2
_BEGINS_WITHIN = 60.0  # seconds
_ENDS_WITHIN = 60.0  # seconds in which all that was due is done
_WRITES_WITHIN = 10.0  # seconds in which PostgreSQL's log holds what happened


class Witnesses:
    """They run while the block lasts, each with its part of the secrets."""

    def __init__(self, at: Place, plan: WitnessPlan) -> None:
        self._at = at
        parts = [plan.model_copy(update={"lived": plan.lived[part::PROCESSES]}) for part in range(PROCESSES)]
        self._parts = [part for part in parts if part.lived]

    def _record(self, number: int) -> Path:
        return self._at.folder / f"witness-{number}.jsonl"

    @contextmanager
    def running(self) -> Iterator[None]:
        """The block; all of them log in when it begins."""
        children = [self._start(number, part) for number, part in enumerate(self._parts)]
        for child in children:
            self._at.processes.await_ready(child, partial(_begun, child.log), _BEGINS_WITHIN)
        try:
            yield
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.end(_ENDS_WITHIN)  # one that has to be killed does not testify, and the figures say so

    def _start(self, number: int, part: WitnessPlan) -> Child:
        path = self._at.folder / f"witness-{number}.json"
        path.touch(mode=0o600)
        path.write_text(part.written(), "utf-8")
        argv = [sys.executable, "-m", "deployments.rehearsal.witness", str(path), str(self._record(number))]
        return self._at.processes.start(f"witness {number}", argv, cwd=CHECKOUT, log=path.with_suffix(".log"))

    def say(self) -> Testimony:
        """What they saw, once they ended."""
        return read_testimony(self._record(number) for number, _ in enumerate(self._parts))


def _begun(log: Path) -> bool:
    return log.exists() and log.stat().st_size > 0


def counted_apart(at: Place, testimony: Testimony, users: Sequence[str]) -> dict[str, int]:
    """Whose refusals the servers count otherwise than the witnesses: how many more, by user. The witnesses ended."""
    _all_written(at)
    counted = refused_by_postgres(at.data) + refused_by_redis(at.redis.address.dsn())
    return differences(testimony.authentication(), counted, users)


def _all_written(at: Place) -> None:
    """Waits until a line that is written now is in PostgreSQL's log; raises TimeoutError."""
    mark = f"rotation bench {time.time_ns()}"
    with at.superuser() as connection:
        connection.execute(f"DO $$ BEGIN RAISE LOG '{mark}'; END $$".encode())
    until = time.monotonic() + _WRITES_WITHIN
    while not any(mark in path.read_text("utf-8") for path in (at.data / "log").glob("*.json")):
        if time.monotonic() > until:
            raise TimeoutError(f"PostgreSQL's log does not hold what was written {_WRITES_WITHIN:.0f} s ago")
        time.sleep(0.1)
