"""How many events the ledger takes, and whether its fence holds: SQLite and a real PostgreSQL, side by side.

``python -m bench.ledger [--seconds 1.0] [--sabotage lease]`` ends with one JSON line per figure and exits with 1 if a
figure does not hold.

An append is durable (fsync) when it returns, chained, and fenced by a lease's token. ``--sabotage lease`` leaves the
token out, as a conductor without a lease would: then what a conductor writes after it was taken over gets through.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Processes
from tminus import events as ev
from tminus.errors import FencedOff
from tminus.ledger.chain import faults
from tminus.ledger.postgres import PostgresStore
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry, Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BATCHES = (1, 20)
_LEASE = 600.0  # seconds
_TAKEOVERS = 20
_chains = (f"bench-{number}" for number in count())


@dataclass(frozen=True)
class Figure:
    """One measured number, and whether it is what was promised."""

    figure: str
    value: float
    unit: str
    goal: str
    holds: bool

    def line(self) -> str:
        """As JSON on one line."""
        return json.dumps(asdict(self))


def appends_per_second(store: Store, batch: int, seconds: float = 1.0) -> float:
    """Durable, chained, fenced events a second by one writer, in transactions of `batch` events.

    Args:
        store: an open ledger; a chain of its own is made in it.
        batch: events a transaction.
        seconds: how long to measure.
    """
    chain = next(_chains)
    store.open_chain(chain)
    token = store.take_lease(chain, "bench", _LEASE)
    body = ev.write(ev.StepStarted(step="switch-traffic", attempt=1))
    entries = [Entry(chain, body, token)] * batch
    store.append(*entries)
    began, appended = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < seconds:
        store.append(*entries)
        appended += batch
    if found := faults(store.read(chain)):
        raise SystemExit(f"{chain} is not whole: {'; '.join(found)}")
    return appended / took


def stale_appends(store: Store, *, sabotaged: bool) -> int:
    """How many of so many appends by conductors that were taken over got through.

    Args:
        store: an open ledger.
        sabotaged: whether they write without their token.
    """
    chain = next(_chains)
    store.open_chain(chain)
    token, through = store.take_lease(chain, "first", _LEASE), 0
    for _ in range(_TAKEOVERS):
        stale, token = token, store.take_lease(chain, "next", _LEASE, dead=token)
        try:
            store.append(Entry(chain, '"written after the takeover"', None if sabotaged else stale))
            through += 1
        except FencedOff:
            continue
    return through


@contextmanager
def both_ledgers() -> Iterator[dict[str, Store]]:
    """A ledger of each kind, on this machine's disk; nothing is left behind."""
    with tempfile.TemporaryDirectory(prefix="tminus-bench-") as made, Processes() as processes:
        folder = Path(made)
        folder.chmod(0o755)
        server = Postgres.plan(folder / "postgres", standby=False)
        server.start(processes)
        with (
            closing(SqliteStore(folder / "ledger.sqlite")) as sqlite,
            closing(PostgresStore(server.address.dsn("postgres"))) as postgres,
        ):
            yield {"sqlite": sqlite, "postgres": postgres}


def figures(stores: dict[str, Store], seconds: float, *, sabotaged: bool) -> Iterable[Figure]:
    """Measures, and prints what it finds."""
    for kind, store in stores.items():
        rates = {batch: appends_per_second(store, batch, seconds) for batch in BATCHES}
        for batch, rate in rates.items():
            print(f"  {kind:8} {batch:3} a transaction: {rate:9.0f} events/s")
            yield Figure(
                f"ledger.{kind}.appends_per_second.batch_{batch}", round(rate), "events/s", "> 100", rate > 100
            )
        gain = rates[BATCHES[-1]] / rates[BATCHES[0]]
        yield Figure(f"ledger.{kind}.gain_of_batching", round(gain, 2), "ratio", "> 1", gain > 1)
        through = stale_appends(store, sabotaged=sabotaged)
        print(f"  {kind:8} {through} of {_TAKEOVERS} appends by conductors that were taken over got through")
        yield Figure(f"ledger.{kind}.stale_appends", through, f"of {_TAKEOVERS}", "= 0", through == 0)


def main() -> int:
    """Runs everything and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.ledger", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each rate is measured")
    parser.add_argument("--sabotage", choices=["lease"], help="write without the lease's token")
    options = parser.parse_args()
    with both_ledgers() as stores:
        found = list(figures(stores, options.seconds, sabotaged=options.sabotage == "lease"))
    for figure in found:
        print(figure.line())
    return 0 if all(figure.holds for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
