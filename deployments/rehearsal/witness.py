"""Clients that live by secrets while these are rotated: ``python -m deployments.rehearsal.witness PLAN RECORD``.

At a steady rate each secret's clients open a new log-in with whatever AWSCURRENT gives (a client holds what it read
for a stated time, as an application does), ask one question and leave. They never try twice. Pools stay open besides.
The loop is open: a log-in that is due begins whether or not earlier ones have ended, its lateness is measured against
its time, and none is left out. SIGTERM ends it, after all that were due.
"""

import argparse
import contextlib
import heapq
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deployments.rehearsal.witness_clients import LoggingIn, Pool
from deployments.rehearsal.witness_count import Count
from deployments.rehearsal.witness_plan import WitnessPlan
from deployments.rehearsal.witness_secrets import Reader

_AT_ONCE = 24  # log-ins of one witness that may be under way
_TELLS_EVERY = 10.0  # seconds
LogIn = Callable[[float], None]


class OpenLoop:
    """Has things done at their times, evenly spaced, each at a rate of its own.

    Args:
        work: what is done, and how often a second; it is told the time, by the monotonic clock, at which it is due.
    """

    def __init__(self, work: list[tuple[LogIn, float]]) -> None:
        self._work = work

    def run(self, ended: threading.Event) -> None:
        """Until `ended` is set and all that was due by then is done."""
        start = time.monotonic()
        due = [(start + place / (len(self._work) * rate), place) for place, (_, rate) in enumerate(self._work)]
        heapq.heapify(due)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            while due and not ended.wait(max(0.0, due[0][0] - time.monotonic())):
                at, place = due[0]
                does, rate = self._work[place]
                threads.submit(does, at)
                heapq.heapreplace(due, (at + 1 / rate, place))


@contextlib.contextmanager
def _pools(pools: list[Pool], ended: threading.Event) -> Iterator[None]:
    threads = [threading.Thread(target=pool.run, args=(ended,)) for pool in pools]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _tell(count: Count, ended: threading.Event) -> None:
    before, start = 0, time.monotonic()
    while not ended.wait(_TELLS_EVERY):
        so_far, now = count.so_far(), time.monotonic()
        print(f"{so_far} log-ins, {(so_far - before) / (now - start):.1f} a second lately", flush=True)
        before, start = so_far, now


def witness(plan: WitnessPlan, record: Path, ended: threading.Event) -> None:
    """Lives by the plan's secrets until `ended` is set; what it saw is in `record` then."""
    count, reader = Count(record, plan.late_after), Reader(plan.aws)
    print(f"{len(plan.lived)} secrets, {sum(one.rate for one in plan.lived):.1f} log-ins a second begin", flush=True)
    clients = [LoggingIn(plan, lived, reader, count) for lived in plan.lived]
    pools = [Pool(plan, lived, number, reader, count) for lived in plan.lived for number in range(lived.pools)]
    threading.Thread(target=_tell, args=(count, ended), daemon=True).start()
    try:
        with _pools(pools, ended):
            OpenLoop([(client.log_in, client.lived.rate) for client in clients]).run(ended)
    finally:
        for client in clients:
            client.close()
        count.close()


def main() -> None:
    """Until SIGTERM."""
    parser = argparse.ArgumentParser(prog="witness", description="Clients that live by secrets.")
    parser.add_argument("plan", type=Path, help="the plan, as JSON")
    parser.add_argument("record", type=Path, help="what it saw, as JSON lines")
    given = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # From a thread: the handler runs in the one that waits for the event, maybe while that holds the event's lock.
        signal.signal(number, lambda *_: threading.Thread(target=ended.set).start())
    witness(WitnessPlan.model_validate_json(given.plan.read_text("utf-8")), given.record, ended)


if __name__ == "__main__":
    main()
