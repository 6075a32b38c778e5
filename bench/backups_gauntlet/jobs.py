"""The gauntlet cut into jobs, each played by a process of its own with servers of its own."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from bench.backups_gauntlet.damage import AOF, BASE, DUMP, OBJECTS, RDB, STORES, Came
from bench.backups_gauntlet.playing import Alarm, play_damages, play_good, plays_of, room
from bench.backups_gauntlet.sabotage import SABOTAGES

SHARES = {OBJECTS: 0.40, RDB: 0.25, AOF: 0.20, DUMP: 0.12, BASE: 0.03}
"""Of the good backups: the dearer one is, the fewer there are of it."""
_PARTS = {BASE: 3, DUMP: 3}  # into which the damages of a store are cut
_AT_ONCE = {DUMP: 60, OBJECTS: 50}  # good backups of one process: the fake of S3 keeps all it ever got in memory
_LONGEST = 3600  # seconds
_POLL = 0.2  # seconds

_CAME = TypeAdapter(Came)
_ALARM = TypeAdapter(Alarm)


@dataclass(frozen=True)
class Job:
    """Every `of`-th damage or good backup of a store, from `part` on."""

    store: str
    what: Literal["damages", "good"]
    part: int
    of: int
    good: int = 0
    seed: int = 0
    sabotage: str = ""

    def argv(self, into: Path) -> list[str]:
        """As a process of its own."""
        return [sys.executable, "-m", "bench.backups_gauntlet.jobs", json.dumps(asdict(self)), str(into)]

    def play(self, into: Path) -> None:
        """Plays it; one line of JSON for each that is through."""
        with into.open("a", encoding="utf-8") as file, room(self.store) as live:

            def tell(one: Came | Alarm) -> None:
                file.write(json.dumps(asdict(one)) + "\n")
                file.flush()
                if isinstance(one, Came):
                    print(one.line, flush=True)
                elif one.said:
                    print(f"!! {one.store:14} good {one.number}: {one.what}: {one.said}", flush=True)

            if self.what == "damages":
                if self.sabotage:
                    SABOTAGES[self.sabotage]()
                chosen = plays_of(self.store, self.sabotage)[self.part :: self.of]
                play_damages(live, chosen, tell, rivals=not self.sabotage)
            else:
                play_good(live, self.seed, range(self.part, self.good, self.of), tell)


def jobs(stores: Sequence[str], good: int, seed: int = 1, sabotage: str = "", *, damages: bool = True) -> Iterator[Job]:
    """What there is to play, the longest first."""
    for store in sorted(stores if damages else (), key=lambda one: -_PARTS.get(one, 1)):
        parts = 1 if sabotage else _PARTS.get(store, 1)
        yield from (Job(store, "damages", part, parts, sabotage=sabotage) for part in range(parts))
    if sabotage:
        return
    for store, count in shared(stores, good).items():
        parts = max(1, count // _AT_ONCE.get(store, count or 1))
        yield from (Job(store, "good", part, parts, count, seed) for part in range(parts) if count)


def shared(stores: Sequence[str], good: int) -> dict[str, int]:
    """How many good backups of each store there are, of so many in all."""
    whole = sum(SHARES[store] for store in stores)
    counts = {store: int(good * SHARES[store] / whole) for store in stores}
    if stores:
        first = max(stores, key=lambda one: SHARES[one])
        counts[first] += good - sum(counts.values())
    return {store: counts[store] for store in sorted(stores, key=STORES.index)}


@dataclass(frozen=True)
class Played:
    """All that was played.

    Attributes:
        broke: jobs that did not come to their end.
        took, computed: seconds by the clock, and of processors' time, the servers' too.
    """

    came: list[Came]
    alarms: list[Alarm]
    broke: list[str]
    took: float
    computed: float


def play(some: Sequence[Job], at_once: int, folder: Path) -> Played:
    """Plays jobs, so many at once."""
    began = time.monotonic()
    waiting, running, broke = list(enumerate(some)), dict[int, subprocess.Popen[bytes]](), list[str]()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                number, job = waiting.pop(0)
                running[number] = subprocess.Popen(job.argv(folder / f"{number}.jsonl"))
            for number, process in list(running.items()):
                if process.poll() is not None:
                    broke += [f"{some[number]} ended with {process.returncode}"] if process.returncode else []
                    del running[number]
            if time.monotonic() - began > _LONGEST:
                broke += [f"{some[number]} did not end" for number in running]
                break
            time.sleep(_POLL)
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()
    came, alarms = list[Came](), list[Alarm]()
    for number, job in enumerate(some):
        path = folder / f"{number}.jsonl"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        if job.what == "damages":
            came += [_CAME.validate_json(line) for line in lines]
        else:
            alarms += [_ALARM.validate_json(line) for line in lines]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Played(came, alarms, broke, time.monotonic() - began, used.ru_utime + used.ru_stime)


if __name__ == "__main__":
    Job(**json.loads(sys.argv[1])).play(Path(sys.argv[2]))
