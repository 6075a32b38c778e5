"""One sweep of so many checks of 0 ms in a process of its own, for bench.readiness: its time, and the memory it took.

    python -m bench.readiness_growth SITE FOLDER CHECKS

Prints one line of JSON: `inside`, the seconds from the sweep's first event to its end; `whole`, with what comes before
it; `peak`, the most resident memory that the process ever had, in MB.
"""

import json
import resource
import sys
from pathlib import Path

from bench.readiness import swept
from bench.readiness_books import SYSTEM
from bench.readiness_done import events_of

_KB = 1024  # bytes, in which Linux counts


def main() -> int:
    """One sweep; raises NotDone where it left something out."""
    site, folder, checks = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    _, whole = swept(folder, site, checks, "/wait/0", "")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KB / 1e6
    events = events_of(folder / SYSTEM, folder / "environment.yaml")
    print(json.dumps({"inside": (events[-1].at - events[0].at).total_seconds(), "whole": whole, "peak": peak}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
