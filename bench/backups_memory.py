"""One backup taken and verified in a process of its own, for bench.backups: the most memory that each took.

    python -m bench.backups_memory FOLDER ENVIRONMENT DATABASE

Prints one line of JSON: `taking` and `verifying`, the most resident memory in MB that the process had during each. What
it starts, pg_dump and the scratch server, does not count.
"""

import asyncio
import json
import re
import sys
from pathlib import Path

from bench.backups_data import Place, asked
from bench.backups_verified import verified
from deployments.rehearsal.postgres import Postgres
from tminus.environment import Environment

_KB = 1024  # bytes


def main() -> int:
    """Raises NotDone where a verification left something out."""
    folder, environment, database = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    print(json.dumps(asyncio.run(_both(folder, Environment.model_validate_json(environment.read_bytes()), database))))
    return 0


async def _both(folder: Path, environment: Environment, database: str) -> dict[str, float]:
    at = Place(folder, Postgres.plan(folder, standby=False), environment, {})
    manifest = await at.take(database)
    taking = _peak()
    _begin_anew()
    async with at.estate() as estate:
        await verified(asked(at, estate, database, manifest), jobs=1)
    return {"taking": taking, "verifying": _peak()}


def _peak() -> float:
    """As Linux counts it for this program alone; what getrusage says is that of who started it, where that had more."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    assert found is not None
    return int(found[1]) * _KB / 1e6


def _begin_anew() -> None:
    """The peak, by proc(5)."""
    Path("/proc/self/clear_refs").write_text("5", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
