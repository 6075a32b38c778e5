"""Every fault of the rehearsal, one whole launch each: does it end just as it must?

Judged by the rehearsal itself (deployments/rehearsal/fault_judge.py): how it ended, by which step and with which
verdict, what customers met, and which letters arrived.

    python -m bench.gauntlet [--only bad-release,slow-release] [--hour 5s] [--sabotage watch|checks]

`--sabotage watch` plays a book whose watch tolerates everything, `checks` one whose checks expect nothing worth
expecting: the faults that the switched-off mechanism is there for must then end otherwise, and the figure falls.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deployments.rehearsal.faults import FAULTS, Fault
from deployments.rehearsal.out_folder import OutFolder
from deployments.rehearsal.play import BOOK

_LONGEST = 400  # seconds for one rehearsal
# What makes each mechanism blind, as edits of the book's own text.
_BLIND = {
    "watch": (
        (r'expect: \{error_rate: "< 0\.1 %", p95: "< 200 ms"\}', 'expect: {error_rate: "< 100 %", p95: "< 2500 ms"}'),
        (r"min_requests: 100\}", "min_requests: 100, tolerate_errors: 0.98, tolerate_slow: 0.98}"),
    ),
    "checks": (
        (r'high: "= 0"', 'high: ">= 0"'),
        (r'same: "= all", versions: "= 1"', 'versions: ">= 1"'),
        (r'age: "< 24 h", encrypted', 'age: "< 9000 h", encrypted'),
        (r'verdict: "= pass"', 'verdict: "!= never"'),
    ),
}
_SEEN_BY = {
    "watch": ("bad-release", "slow-release"),
    "checks": ("vulnerable", "one-old-instance", "stale-backup", "damaged-backup"),
}


def main(words: Sequence[str] | None = None) -> int:
    """Plays the faults; one JSON line each, and one for all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", help="some of the faults, with commas")
    parser.add_argument("--hour", default="5s", help="how long an hour of the countdown takes")
    parser.add_argument(
        "--sabotage", choices=sorted(_BLIND), help="switch a mechanism off; its faults must get through"
    )
    given = parser.parse_args(words)
    default = _SEEN_BY[given.sabotage] if given.sabotage else tuple(FAULTS)
    names = tuple(given.only.split(",")) if given.only else default
    with tempfile.TemporaryDirectory(prefix="gauntlet-") as folder:
        book = _book(Path(folder), given.sabotage)
        right = [_as_promised(FAULTS[name], given.hour, book, Path(folder) / name) for name in names]
    _figure("faults_ended_as_promised", sum(right), len(right))
    return 0 if all(right) else 1


def _book(folder: Path, sabotage: str | None) -> Path:
    text = BOOK.read_text("utf-8")
    for pattern, blind in _BLIND.get(sabotage or "", ()):
        text, count = re.subn(pattern, blind, text)
        if not count:
            raise SystemExit(f"the book no longer says {pattern!r}, so --sabotage {sabotage} would prove nothing")
    path = folder / "launch.yaml"
    path.write_text(text, "utf-8")
    return path


def _as_promised(fault: Fault, hour: str, book: Path, out: Path) -> bool:
    argv = [sys.executable, "-m", "cli.main", "rehearse", "--fault", fault.name, "--hour", hour]
    argv += ["--book", str(book), "--out", str(out)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_LONGEST, check=False)
    sys.stderr.write(f"{fault.name}: exit {done.returncode}\n  {_last(done.stdout, 3)}\n{done.stderr}")
    just_so = done.returncode == fault.exit_code and OutFolder(out).as_promised()
    _figure(f"as_promised_with_{fault.name}", int(just_so), 1)
    return just_so


def _last(said: str, lines: int) -> str:
    return "\n  ".join(said.strip().splitlines()[-lines:])


def _figure(name: str, value: int, goal: int) -> None:
    line = {"figure": name, "value": value, "unit": "", "goal": f"= {goal}", "holds": value == goal}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
