"""Real servers fail over under load, and what the drills count as lost is held against what is on the disks.

    python -m bench.drills [--failovers 104] [--full] [--only postgres|redis|restore] [--sabotage receipts]

PostgreSQL (once with asynchronous, once with synchronous replication) and Redis with Sentinels are killed and recovered
by the drill itself, and a PostgreSQL that lost its data is restored from its backup and its archived WAL, while the
outside client writes 100 times a second. The moment of each kill is seeded; before most,
replication is held back for 20 to 300 ms, so that something is lost that was acknowledged. Before the dead server is
undone its data folder is copied, and what is on the copy and not on the heir is the truth, which sees no receipt
(bench/drill_truth.py).

Each figure is a line of JSON; exit code 1 where one does not hold. `error` counts writes: those that the drill calls
lost and that are not gone, and those that are gone and that it neither calls lost nor unknown.

`--sabotage` makes one side of the comparison wrong; `error` must not be 0 then:
- receipts: the client keeps a receipt before its write was acknowledged.
- truth: what the old primary had is read from the new one.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from math import ceil
from pathlib import Path

from bench.approvals_figure import Figure, none_of, percentile
from bench.drills_course import ARMS, LEAD_IN, Arm, Failover, failovers
from bench.drills_sabotage import SABOTAGES
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.drill_estate import DrillEstate
from deployments.rehearsal.processes import Processes

_ITSELF = (sys.executable, "-m", "bench.drills")
_LOSSY = 0.5  # share of the failovers with asynchronous replication that must lose something


def main(words: Sequence[str] | None = None) -> int:
    """Prints one JSON line a figure; 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--failovers", type=int, default=104, help="of all kinds together, or of the one")
    parser.add_argument("--full", action="store_true", help="1,000 of them")
    parser.add_argument("--only", choices=sorted(ARMS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sabotage", choices=sorted(SABOTAGES), help="make one side wrong")
    given = parser.parse_args(words)
    count = 1000 if given.full else given.failovers
    if not given.only:
        more = ["--seed", str(given.seed), *(["--sabotage", given.sabotage] if given.sabotage else [])]
        return _side_by_side(["--failovers", str(ceil(count / len(ARMS))), *more])
    with SABOTAGES[given.sabotage]() if given.sabotage else nullcontext():
        found = figures(ARMS[given.only], _played(ARMS[given.only], count, given.seed), count)
    for figure in found:
        print(figure.line(), flush=True)
    return 0 if all(figure.holds for figure in found) else 1


def _side_by_side(words: Sequence[str]) -> int:
    """Each kind in a process of its own: they wait most of the time."""
    with tempfile.TemporaryDirectory(prefix="tminus-bench-") as folder, Processes() as processes:
        begun = [
            processes.start(name, [*_ITSELF, *words, "--only", name], cwd=CHECKOUT, log=Path(folder) / name)
            for name in ARMS
        ]
        codes = []
        for child in begun:
            codes.append(child.wait())
            for line in child.log.read_text("utf-8").splitlines():
                print(line, file=sys.stdout if line.startswith("{") else sys.stderr, flush=True)
    return 1 if any(codes) else 0


def _played(arm: Arm, count: int, seed: int) -> list[Failover]:
    began, seen = time.monotonic(), list[Failover]()
    with tempfile.TemporaryDirectory(prefix="tminus-bench-") as folder, ExitStack() as ending:
        Path(folder).chmod(0o711)
        estate = ending.enter_context(DrillEstate(Path(folder), synchronous=arm.synchronous, lead_in=LEAD_IN))
        for one in failovers(arm, estate, count, seed):
            seen.append(one)
            if one.error or one.ended.how != "held":
                _tell(f"{len(seen)}: error {one.error}; {one.ended.how}: {one.ended.sentence}")
            if one.ended.how == "not undone":  # nothing begins there any more
                break
    _tell(f"{arm.name}: {len(seen)} failovers in {time.monotonic() - began:.0f} s")
    return seen


def figures(arm: Arm, seen: Sequence[Failover], asked: int) -> list[Figure]:
    """Of one kind, and what each has to be."""
    lost = [len(one.loss.lost) for one in seen]
    lossy = sum(map(bool, lost)) / len(seen)
    rto = [one.rto_s for one in seen]
    acknowledged = sum(len(one.loss.kept) for one in seen) + sum(lost)
    told = [
        Figure("failovers", len(seen), "drills", f">= {asked}", len(seen) >= asked),
        none_of("error", sum(one.error for one in seen), f"of {acknowledged} acknowledged writes"),
        none_of("not_held", sum(one.ended.how != "held" for one in seen), "drills that ended otherwise"),
        none_of("lost", sum(lost), "acknowledged writes")
        if arm.synchronous
        else Figure("lossy", lossy, "share of failovers that lost something", f">= {_LOSSY}", lossy >= _LOSSY),
        Figure("lost_at_most", max(lost), "acknowledged writes in one failover"),
        Figure("gone", sum(len(one.truth.gone) for one in seen), "writes that the truth misses"),
        Figure("unknown", sum(len(one.loss.unknown) for one in seen), "writes never answered"),
        *(Figure(f"rto_{name}", value, "s") for name, value in _distribution(rto).items()),
    ]
    return [Figure(f"{arm.name}.{one.figure}", one.value, one.unit, one.goal, one.holds) for one in told]


def _distribution(seconds: Sequence[float]) -> dict[str, float]:
    return {"p50": percentile(seconds, 0.5), "p90": percentile(seconds, 0.9), "max": max(seconds)}


def _tell(line: str) -> None:
    """For people, who see the figures afterwards."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
