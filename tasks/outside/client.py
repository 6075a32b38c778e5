"""An outside client of a drill: `python -m tasks.outside.client PLAN`. It writes with receipts, and probes besides.

A receipt's line is in the file before its write is sent, and a second one once it was acknowledged, so that a kill of
this process costs no receipt (the page cache outlives a process, so nothing is forced to the disk). No write is sent
twice: what became of one that was not answered nobody knows, and it stays so. Where the store takes no writes it only
probes. It ends when its standard input does, which is when whoever started it says so, or is no more.
"""

import os
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tasks.outside.http_store import HttpStore
from tasks.outside.kafka_store import KafkaStore
from tasks.outside.plan import ClientPlan
from tasks.outside.postgres_store import PostgresStore
from tasks.outside.redis_store import RedisStore
from tasks.outside.store import Connection, Unanswered, WritableStore

_KINDS: Mapping[str, type[WritableStore]] = {
    "http": HttpStore,
    "kafka": KafkaStore,
    "postgres": PostgresStore,
    "redis": RedisStore,
}
_AGAIN = 0.02  # seconds before the next try to connect


def store_of(plan: ClientPlan) -> WritableStore:
    """Where it writes; raises MissingSecret."""
    return _KINDS[plan.store](plan.addresses(), plan.place)


class Lines:
    """A file to which lines are appended whole, by many threads."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(self, line: str) -> None:
        """One line, with one system call."""
        os.write(self._file, f"{line}\n".encode())


def write(store: WritableStore, writer: int, rate: float, kept: Lines, ended: threading.Event) -> None:
    """One writer: a write each `1 / rate` seconds, on a connection of its own that it makes anew where it breaks."""
    connection: Connection | None = None
    number, due = 0, time.monotonic()
    while not ended.wait(max(0.0, due - time.monotonic())):
        due = max(due + 1 / rate, time.monotonic())
        if connection is None:
            with suppress(Unanswered):
                connection = store.connect()
            if connection is None:
                ended.wait(_AGAIN)
                continue
        sent = time.time()
        kept.add(f"{writer} {number} {sent:.6f} -")
        try:
            connection.write((writer, number))
            kept.add(f"{writer} {number} {sent:.6f} {time.time():.6f}")
        except Unanswered:
            connection.close()
            connection = None
        number += 1
    if connection is not None:
        connection.close()


def probe(store: WritableStore, kept: Lines, slots: threading.Semaphore) -> None:
    """One request of somebody who comes anew: it connects, asks, and leaves."""
    sent, good = time.time(), False
    with slots:
        with suppress(Unanswered):
            connection = store.connect()
            try:
                connection.probe()
                good = time.time() - sent <= store.patience
            finally:
                connection.close()
        kept.add(f"{sent:.6f} {int(good)}")


def keep_probing(store: WritableStore, rate: int, kept: Lines, ended: threading.Event) -> None:
    """A probe each `1 / rate` seconds, whether or not earlier ones have ended: what is slow hides nothing."""
    slots, due, begun = threading.Semaphore(4 * rate), time.monotonic(), list[threading.Thread]()
    while not ended.wait(max(0.0, due - time.monotonic())):
        due += 1 / rate
        one = threading.Thread(target=probe, args=(store, kept, slots))
        one.start()
        begun = [*(thread for thread in begun if thread.is_alive()), one]
    for thread in begun:
        thread.join()


def main() -> int:
    """Until its standard input ends."""
    plan = ClientPlan.model_validate_json(Path(sys.argv[1]).read_text("utf-8"))
    store, ended = store_of(plan), threading.Event()
    receipts, probed = Lines(plan.receipts), Lines(plan.probed)
    rate = plan.rate / plan.writers
    writers = 0 if store.uncounted else plan.writers
    threads = [threading.Thread(target=write, args=(store, number, rate, receipts, ended)) for number in range(writers)]
    threads.append(threading.Thread(target=keep_probing, args=(store, plan.probes, probed, ended)))
    for thread in threads:
        thread.start()
    sys.stdin.buffer.read()
    ended.set()
    for thread in threads:
        thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
