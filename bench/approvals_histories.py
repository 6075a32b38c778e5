"""Generated histories through tminus and through the reference: how often they disagree.

Each history is drawn from its number and the seed, lived on a real SQLite ledger with a set clock, and told by the
reference. Most run on a ledger in memory, with presses through the door's own parts (signature, five-minute window,
both replay stores); some on a ledger in a file, with presses through the real door over HTTP within this process; all
else comes through the inbox. Two gateways run, and are restarted in between.

- wrong_outcomes: what was told to whoever answered, an end or its moment, or who stands for what in the end is not what
  the reference says; where two raced, either may have been first;
- wrong_sentences: the outcome is right, and the sentence that says what is waited for is not: it calls a quorum out of
  reach that is not, or names others than those whose yes would bring it on.
"""

import asyncio
import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import get_context
from pathlib import Path

from bench.approval_histories import drawn
from bench.approval_history import Account, History
from bench.approvals_clock import SetClock, set_clock
from bench.approvals_compared import Compared, Wrong, outcome, sentence, shortened
from bench.approvals_crossed import Crossed
from bench.approvals_figure import Figure, none_of
from bench.approvals_launch import Keys
from bench.approvals_lived import Lived
from bench.approvals_sabotage import Mechanism, without
from bench.approvals_ways_in import Door, Gateway, Gateways, Parts

_CHUNK = 200  # histories of a ledger
_SHORTENED = 2  # wrong ones of each chunk and kind
_TOLD = 3  # wrong ones of each kind
_MEMORY = Path(":memory:")


@dataclass
class Found:
    """What histories came to.

    Attributes:
        outcomes: those that came out wrong.
        sentences: those of which only the sentence is wrong that says what is waited for.
        ends: how many histories ended how.
        events: what happened in them.
    """

    outcomes: list[Wrong] = field(default_factory=list)
    sentences: list[Wrong] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Found") -> None:
        """These too."""
        self.outcomes += other.outcomes
        self.sentences += other.sentences
        self.ends += other.ends
        self.events += other.events


@dataclass(frozen=True)
class Job:
    """Histories for one worker process: so many from a number on."""

    seed: str
    start: int
    many: int
    over_http: bool = False
    sabotaged: Mechanism | None = None


class Ledger:
    """Where histories are lived, one chain each, and the gateways on it.

    Args:
        path: its file.
        keys: everybody's.
        clock: tminus' clock.
        loop: where the doors run; without one presses come through their parts.
    """

    def __init__(self, path: Path, keys: Keys, clock: SetClock, loop: asyncio.AbstractEventLoop | None) -> None:
        self._store = Crossed(path)
        self._keys, self._clock, self._loop = keys, clock, loop
        self._numbers = count()
        self._gateways = Gateways(self._gateway)

    def lived(self, history: History) -> Account:
        """What tminus makes of it."""
        return Lived(history, next(self._numbers), self._store, self._keys, self._clock, self._gateways).account()

    def close(self) -> None:
        """Ends it."""
        self._store.close()

    def _gateway(self) -> Gateway:
        if self._loop is None:
            return Parts(self._store, self._clock.time)
        return Door(self._store, self._loop, self._clock.time)


def figures(histories: int, over_http: int, seed: str, sabotaged: Mechanism | None = None) -> Iterator[Figure]:
    """Lives them on every core, and says on stderr what happened in them and which came out wrong."""
    found = lived(_jobs(histories, seed, sabotaged) + _jobs(over_http, f"{seed}/http", sabotaged, over_http=True))
    for name, wrong in (("outcome", found.outcomes), ("sentence", found.sentences)):
        for one in sorted(wrong, key=lambda one: len(one.history.events))[:_TOLD]:
            print(f"A wrong {name}: {one}", file=sys.stderr)
    of = f"of {histories + over_http} histories"
    print(f"{of}: {_listed(found.ends)}; in them: {_listed(found.events)}", file=sys.stderr)
    yield none_of("wrong_outcomes", len(found.outcomes), of)
    yield none_of("wrong_sentences", len(found.sentences), of)


def _jobs(histories: int, seed: str, sabotaged: Mechanism | None, *, over_http: bool = False) -> list[Job]:
    starts = range(0, histories, _CHUNK)
    return [Job(seed, start, min(_CHUNK, histories - start), over_http, sabotaged) for start in starts]


def lived(jobs: list[Job]) -> Found:
    """All of them, on every core."""
    found = Found()
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=get_context("forkserver")) as pool:
        for one in pool.map(chunk, jobs):
            found.add(one)
    return found


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def chunk(job: Job) -> Found:
    """Lives some; for a worker process."""
    found = Found()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as made, set_clock() as clock, without(job.sabotaged):
        loop = asyncio.new_event_loop() if job.over_http else None
        path = Path(made) / "ledger.sqlite" if job.over_http else _MEMORY
        with closing(Ledger(path, Keys(Path(made)), clock, loop)) as ledger:
            for number in range(job.start, job.start + job.many):
                _one(f"{job.seed}/{number}", ledger, found)
        if loop is not None:
            loop.close()
    logging.disable(logging.NOTSET)
    return found


def _one(seed: str, ledger: Ledger, found: Found) -> None:
    history = drawn(seed)
    lived = ledger.lived(history)
    found.ends[lived.ends[-1].result if lived.ends else "waiting"] += 1
    found.events.update(type(event).__name__.lower() for event in history.events)
    found.events.update("taken" if taken else "refused" for taken in lived.told.values())
    for compared, kept in ((outcome, found.outcomes), (sentence, found.sentences)):
        if (right := compared(history, lived)) is not None:
            wrong = Wrong(seed, history, lived, right)
            kept.append(_shortened(wrong, compared, ledger) if len(kept) < _SHORTENED else wrong)


def _shortened(wrong: Wrong, compared: Compared, ledger: Ledger) -> Wrong:
    history = shortened(wrong.history, lambda shorter: compared(shorter, ledger.lived(shorter)) is not None)
    lived = ledger.lived(history)
    return Wrong(wrong.seed, history, lived, compared(history, lived) or wrong.right)
