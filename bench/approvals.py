"""What approvals promise, measured; each figure one line of JSON with its goal.

    python -m bench.approvals [--only histories,kill,latency,acknowledgement] [--histories 100000] [--seed 1]
                              [--sabotage signature|replay|matching|digest]

- histories: generated histories against a reference model that knows nothing of tminus (bench.approvals_histories);
  most through the door's own parts, some through the door over HTTP;
- kill: histories in whose midst the gateway and the conductor are killed (bench.approvals_kill);
- latency: from a decision to the next task, beside Prefect's own pause (bench.approvals_latency);
- acknowledgement: two gateways at 100 clicks a second (bench.approvals_acknowledgement).

Latency and acknowledgement want a machine that does nothing else. `--sabotage` plays histories with that mechanism of
tminus switched off in this process: wrong outcomes must then be found, and the exit code is 1.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.approvals_figure import Figure
from bench.approvals_sabotage import MECHANISMS

_MEASUREMENTS = ("histories", "kill", "latency", "acknowledgement")


def main(words: Sequence[str] | None = None) -> int:
    """Prints one JSON line a figure; 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default=",".join(_MEASUREMENTS), help="some of the measurements, with commas")
    parser.add_argument("--histories", type=int, default=100_000, help="how many are generated")
    parser.add_argument("--http", type=int, default=3_000, help="how many more go through the door over HTTP")
    parser.add_argument("--kills", type=int, default=48, help="histories in whose midst there are kills")
    parser.add_argument("--decisions", type=int, default=100, help="decisions whose latency is measured")
    parser.add_argument("--pauses", type=int, default=12, help="of Prefect's own pauses, at each interval")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long is clicked")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--sabotage", choices=MECHANISMS, help="switch a mechanism off; histories alone are played")
    given = parser.parse_args(words)
    wanted = ["histories"] if given.sabotage else given.only.split(",")
    if unknown := set(wanted) - set(_MEASUREMENTS):
        parser.error(f"--only: {', '.join(sorted(unknown))} is none of {', '.join(_MEASUREMENTS)}")
    holds = [_told(figure) for name in wanted for figure in _measured(given)[name]()]
    return 0 if all(holds) else 1


def _measured(given: argparse.Namespace) -> Mapping[str, Callable[[], Iterator[Figure]]]:
    """Each imports what it needs: latency needs Prefect, and histories do not."""

    def histories() -> Iterator[Figure]:
        from bench.approvals_histories import figures

        return figures(given.histories, given.http, given.seed, given.sabotage)

    def kill() -> Iterator[Figure]:
        from bench.approvals_kill import figures

        return figures(given.kills, given.seed)

    def latency() -> Iterator[Figure]:
        from bench.approvals_latency import figures

        return figures(given.decisions, given.pauses, given.seed)

    def acknowledgement() -> Iterator[Figure]:
        from bench.approvals_acknowledgement import figures

        return figures(given.seconds, given.seed)

    return {"histories": histories, "kill": kill, "latency": latency, "acknowledgement": acknowledgement}


def _told(figure: Figure) -> bool:
    print(figure.line(), flush=True)
    return figure.holds


if __name__ == "__main__":
    sys.exit(main())
