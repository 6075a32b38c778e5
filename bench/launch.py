"""How soon a launch acts, measured on real servers through a real worker; each figure has its limit.

    python -m bench.launch [--gates 24] [--only rollback,gates,ledger,mechanisms] [--sabotage lease|undo|settled|digest]

- decision_to_next_step_ms: from the first byte of a signed press to the body of the next task;
- onset_to_decision_ms, decision_to_rollback_ms, onset_to_last_bad_ms, requests_failed: a release that fails 20 % of its
  requests, by the traffic's own record and the ledger (limits: bench/launch_limits.py);
- the ledger's appends a second, and what gets past its fence: bench.ledger;
- what gets past the other mechanisms: bench.mechanisms.

What a check costs more as a step of a launch than called bare in the same estate has no limit that the design sets: it
is told on stderr, and is no figure.

`--sabotage` runs bench.ledger (lease) or bench.mechanisms (the others) with that mechanism switched off: its figure
must then not hold, and the exit code is 1.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from statistics import mean, median

from bench import gates, ledger, mechanisms
from bench.launch_limits import Figure, WayBack, decisions
from deployments.rehearsal.faults import FAULTS
from deployments.rehearsal.play import play
from deployments.rehearsal.trading_builds import NEXT
from deployments.rehearsal.traffic_record import bad_spell, read_answers
from deployments.rehearsal.whole_estate import WholeEstate
from tminus import events as ev
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore

_MS = 1000.0  # in a second
_SEED = 1
_MEASUREMENTS = ("rollback", "gates", "ledger", "mechanisms")


def main(words: Sequence[str] | None = None) -> int:
    """Prints one JSON line a figure; 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gates", type=int, default=24, help="decisions to measure")
    parser.add_argument("--hour", default="5s", help="how long an hour of the countdown takes")
    parser.add_argument("--only", default=",".join(_MEASUREMENTS), help="some of the measurements, with commas")
    parser.add_argument("--sabotage", choices=["lease", "undo", "settled", "digest"], help="switch a mechanism off")
    given = parser.parse_args(words)
    if given.sabotage == "lease":
        return _ledger(sabotaged=True)
    if given.sabotage:
        return mechanisms.main(["--sabotage", given.sabotage])
    wanted = given.only.split(",")
    codes = [_in_one_estate(wanted, given.gates, given.hour)] if {"gates", "rollback"} & set(wanted) else []
    codes += [_ledger(sabotaged=False)] if "ledger" in wanted else []
    codes += [mechanisms.main([])] if "mechanisms" in wanted else []
    return max(codes, default=0)


def _ledger(*, sabotaged: bool) -> int:
    with ledger.both_ledgers() as stores:
        found = list(ledger.figures(stores, 1.0, sabotaged=sabotaged))
    for one in found:
        print(one.line(), flush=True)
    return 0 if all(one.holds for one in found) else 1


def _in_one_estate(wanted: Sequence[str], count: int, hour: str) -> int:
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="tminus-bench-") as made:
        folder = Path(made)
        estate = WholeEstate(folder, FAULTS["bad-release"], hour)
        gates.leave_gates_to_us(estate.documents.simulated)
        os.environ.update(estate.environment())
        with estate:
            if "rollback" in wanted:
                found += _told(_rollback(estate, folder).figures())
            if "gates" in wanted:
                found += _told(_gates(estate, folder, count))
    return 0 if all(one.holds for one in found) else 1


def _told(figures: Iterable[Figure]) -> list[Figure]:
    found = list(figures)
    for one in found:
        print(one.line(), flush=True)
    return found


def _gates(estate: WholeEstate, folder: Path, count: int) -> Iterable[Figure]:
    launch = gates.launched(estate, gates.book(folder / "gates.yaml", count))
    passed = gates.pass_gates(estate, launch, count, _SEED)
    bare = gates.bare(launch, count)
    moved = [one.moved_on for one in passed]
    kinds = range(gates.KINDS_OF_CHECK)
    step_ms = mean(median(_of_kind([one.step for one in passed], kind)) for kind in kinds) * _MS
    bare_ms = mean(median(_of_kind(bare, kind)) for kind in kinds) * _MS
    _beside(
        f"a decision moves the launch on in {median(moved) * _MS:.0f} ms (median), {max(moved) * _MS:.0f} ms at most"
    )
    _beside(f"a check takes {step_ms:.0f} ms as a step of a launch, {bare_ms:.0f} ms called bare")
    return decisions(moved, [one.answered for one in passed])


def _of_kind(took: Sequence[float | None], kind: int) -> list[float]:
    """The times of one kind of check: they come in turn."""
    return [one for one in took[kind :: gates.KINDS_OF_CHECK] if one is not None]


def _rollback(estate: WholeEstate, folder: Path) -> WayBack:
    played = play(estate, folder / "report", _beside)
    with closing(SqliteStore(estate.documents.ledger)) as store:
        record = Logbook(store, played.launch).refresh()
    undone = next((one.at for one in record.events if isinstance(one, ev.UndoIntended)), None)
    if record.watch_decided is None or undone is None:
        raise RuntimeError(f"it was not rolled back: {played.said}")
    new = [one for one in read_answers(estate.trading.address.traffic) if one.version == NEXT]
    spell = bad_spell(new)
    _beside(f"the new version failed {spell.bad} of the {spell.requests} requests that it answered")
    decided = record.watch_decided.decided_on.timestamp()
    return WayBack(spell.first, decided, undone.timestamp(), spell.last, spell.bad)


def _beside(said: str) -> None:
    """What is no figure."""
    print(said, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
