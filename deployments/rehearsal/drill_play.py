"""`make drill`: every scenario of the rehearsal's book, one after another, on servers that are started for it.

Exit status: 0 where all went through and held what is promised, else the worst of `tminus drill`.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.drill_estate import BOOK, DrillEstate

_TMINUS = (sys.executable, "-m", "cli.main", "drill")
_WITHIN = 180.0  # seconds for one drill


def main(arguments: list[str] | None = None) -> int:
    """Plays them; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[], help="scenarios; all of them where none is named")
    parser.add_argument("--synchronous", action="store_true", help="let commits wait for the standby")
    asked = parser.parse_args(arguments)
    if strange := [name for name in asked.names if name not in BOOK]:
        parser.error(f"there is no {', '.join(strange)}; there are {', '.join(BOOK)}")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tminus-drill-") as folder:
        codes = _play(Path(folder), asked.names or list(BOOK), synchronous=asked.synchronous)
    print(f"{len(codes)} drill{'s' if len(codes) > 1 else ''} in {time.monotonic() - begun:.0f} s")
    return max(codes, default=0)


def _play(folder: Path, names: list[str], *, synchronous: bool) -> list[int]:
    codes = []
    with DrillEstate(folder, synchronous=synchronous) as estate:
        for name in names:
            argv = [*_TMINUS, name, "--runbook", str(estate.book), "--environment", str(estate.environment_file)]
            process = subprocess.Popen(argv, env=estate.seen(), cwd=CHECKOUT)
            try:
                codes.append(process.wait(_WITHIN))
            except KeyboardInterrupt:  # the terminal told it too, so it undoes what it broke
                return [*codes, process.wait(_WITHIN)]
    return codes


if __name__ == "__main__":
    sys.exit(main())
