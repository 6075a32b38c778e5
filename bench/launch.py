"""What a launch costs and how soon it acts, measured on real servers through a real worker; ratios within one run.

    python -m bench.launch [--gates 24] [--only rollback,gates,ledger,mechanisms] [--sabotage lease|undo|settled|digest]

- orchestration_ms_per_step: what a check costs more as a step of a launch than called bare in the same estate;
- decision_to_next_step_ms: from the first byte of a signed press to the body of the next task;
- onset_to_decision_ms, decision_to_rollback_ms, onset_to_last_bad_ms: a release that fails 20 % of its requests, by
  the traffic's own record and the ledger;
- the ledger's appends a second, and what gets past its fence: bench.ledger;
- what gets past the other mechanisms: bench.mechanisms.

`--sabotage` runs bench.ledger (lease) or bench.mechanisms (the others) with that mechanism switched off: its figure
must then not hold, and the exit code is 1.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import mean, median

from bench import gates, ledger, mechanisms
from deployments.rehearsal.faults import FAULTS
from deployments.rehearsal.play import play
from deployments.rehearsal.trading_builds import NEXT
from deployments.rehearsal.traffic_record import bad_spell, read_answers
from deployments.rehearsal.whole_estate import WholeEstate
from tminus import events as ev
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore

_MS = 1000.0  # in a second
_SAMPLING_MS = 500.0  # the book's `every`
_SLACK_WAITS_MS = 3000.0  # for an acknowledgement, before it shows a warning
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
        _say(one.name, one.value, one.unit, one.promise, holds=one.holds)
    return 0 if all(one.holds for one in found) else 1


def _in_one_estate(wanted: Sequence[str], count: int, hour: str) -> int:
    holds = True
    with tempfile.TemporaryDirectory(prefix="tminus-bench-") as made:
        folder = Path(made)
        estate = WholeEstate(folder, FAULTS["bad-release"], hour)
        gates.leave_gates_to_us(estate.documents.simulated)
        os.environ.update(estate.environment())
        with estate:
            if "rollback" in wanted:
                holds &= _measure_rollback(estate, folder)
            if "gates" in wanted:
                holds &= _measure_gates(estate, folder, count)
    return 0 if holds else 1


def _measure_gates(estate: WholeEstate, folder: Path, count: int) -> bool:
    launch = gates.launched(estate, gates.book(folder / "gates.yaml", count))
    passed = gates.pass_gates(estate, launch, count, _SEED)
    bare = gates.bare(estate, launch, count)
    moved = [one.moved_on * _MS for one in passed]
    for name, value in (("p50", median(moved)), ("p99", _p99(moved)), ("max", max(moved))):
        _say(f"decision_to_next_step_ms.{name}", value, f"ms, of {count} decisions")
    acknowledged = _p99([one.answered * _MS for one in passed])
    slack_waits = acknowledged < _SLACK_WAITS_MS
    _say("press_acknowledged_ms.p99", acknowledged, "ms", f"< {_SLACK_WAITS_MS:g}", holds=slack_waits)
    kinds = range(gates.KINDS_OF_CHECK)
    step_ms = mean(median(_of_kind([one.step for one in passed], kind)) for kind in kinds) * _MS
    bare_ms = mean(median(_of_kind(bare, kind)) for kind in kinds) * _MS
    _say("bare_ms_per_check", bare_ms, "ms, median of each kind")
    _say("orchestration_ms_per_step", step_ms - bare_ms, "ms more than bare")
    _say("orchestration_ratio", step_ms / bare_ms, "times bare")
    return slack_waits


def _of_kind(took: Sequence[float | None], kind: int) -> list[float]:
    """The times of one kind of check: they come in turn."""
    return [one for one in took[kind :: gates.KINDS_OF_CHECK] if one is not None]


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.99 * len(values)))]


def _measure_rollback(estate: WholeEstate, folder: Path) -> bool:
    played = play(estate, folder / "report", lambda line: print(line, file=sys.stderr))
    with closing(SqliteStore(estate.documents.ledger)) as store:
        record = Logbook(store, played.launch).refresh()
    undone = next((one.at for one in record.events if isinstance(one, ev.UndoIntended)), None)
    if record.watch_decided is None or undone is None:
        raise RuntimeError(f"it was not rolled back: {played.said}")
    decided = record.watch_decided.decided_on.timestamp()
    new = [one for one in read_answers(estate.trading.address.traffic) if one.version == NEXT]
    spell = bad_spell(new)
    _say(
        "onset_to_decision_ms", (decided - spell.first) * _MS, "ms from the first bad request, by the traffic's record"
    )
    took, allowed = (undone.timestamp() - decided) * _MS, _SAMPLING_MS + 1000
    _say("decision_to_rollback_ms", took, "ms from the deciding sample", f"<= {allowed:g}", holds=took <= allowed)
    _say("onset_to_last_bad_ms", (spell.last - spell.first) * _MS, "ms")
    _say("requests_failed", spell.bad, f"of {spell.requests} that the new version answered")
    return took <= allowed


def _say(figure: str, value: float, unit: str, goal: str = "", *, holds: bool | None = None) -> None:
    line = {"figure": figure, "value": round(value, 2), "unit": unit, "goal": goal or None, "holds": holds}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
