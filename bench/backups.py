"""What proving a backup costs beyond restoring it, and what memory it takes.

    python -m bench.backups [--size 1] [--rounds 3] [--sabotage overlap]

A database of `--size` GB, with foreign keys and indexes, once in 200 tables and once in a single one, is dumped,
encrypted and put into S3 (moto). Then it is restored by pg_restore alone, from the same bucket, decrypted by the same
library, into a scratch server of the same settings, which is thrown away; and verified by tminus: the same, and every
row, index, constraint and sequence looked at. With one job the bare restore begins while the dump still comes; tminus
first has all of it, and compares its hash.

- verification_over_restore: with one job of pg_restore and 200 tables, the median of the rounds. The checks overlap the
  restore, so proving costs little more than restoring.
- the same with two jobs, and with one big table, of which nothing can be checked before it is there: told, no limit.
- memory_growth_taking, memory_growth_verifying: the most resident memory of tminus itself, for the whole size over that
  for a quarter of it.

A verification counts only if it did its work: every aspect measured, all as it should be, of every row that the live
database has.

`--sabotage overlap` checks after the restore instead of meanwhile, and one thing after another: the first figure must
not hold, so this ends with exit code 1.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.backups_bare import bare_restore
from bench.backups_data import TABLES, Place, again, asked, make_database, place
from bench.backups_verified import verified
from bench.readiness_done import NotDone
from tasks.backups.overlapped import Overlapped
from tasks.backups.postgres_indexes import Amcheck
from tminus.backups.contents import TableContents
from tminus.backups.manifest import BackupManifest

if TYPE_CHECKING:
    from tasks.backups.overlapped import Connection

_GOAL = 1.15
_GROWTH = 1.1


def main(words: Sequence[str] | None = None) -> int:
    """Prints one JSON line a figure; 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=float, default=1.1, help="GB of the database, about")
    parser.add_argument("--rounds", type=int, default=3, help="of the figure that has a limit; the others have one")
    parser.add_argument("--sabotage", choices=["overlap"], help="switch a mechanism off")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="tminus-bench-") as folder:
        Path(folder).chmod(0o711)
        with place(Path(folder)) as at:
            try:
                return _measure(at, int(given.size * 1e9), given.rounds, sabotaged=given.sabotage is not None)
            except NotDone as e:
                _tell(f"a verification did not do its work, so it has no time: {e}")
                return 1


def _measure(at: Place, size: int, rounds: int, *, sabotaged: bool) -> int:
    manifest = _made(at, "many", size, TABLES)
    if sabotaged:
        _one_after_another()
    ratio = asyncio.run(_ratio(at, "many", manifest, 1, rounds))
    held = [_figure("verification_over_restore", ratio, f"<= {_GOAL}", holds=ratio <= _GOAL)]
    if sabotaged:
        return 0 if all(held) else 1
    _figure("verification_over_restore_two_jobs", asyncio.run(_ratio(at, "many", manifest, 2, 1)))
    one = _made(at, "one", size, 1)
    _figure("verification_over_restore_big_table", asyncio.run(_ratio(at, "one", one, 1, 1)))
    _figure("verification_over_restore_big_table_two_jobs", asyncio.run(_ratio(at, "one", one, 2, 1)))
    return 0 if all([*held, *_memory(at, size)]) else 1


def _one_after_another() -> None:
    """Nothing is checked while others are restored, nor two things at once, nor one by several processes."""
    count, check_indexes = Overlapped.count, Overlapped.check_indexes
    counted = set[int]()

    async def later(_checks: Overlapped) -> None:
        """What would be checked meanwhile is left for the end."""

    async def count_alone(checks: Overlapped, connection: "Connection") -> dict[str, TableContents]:
        await connection.execute("SET max_parallel_workers_per_gather = 0")
        try:
            return await count(checks, connection)
        finally:
            counted.add(id(checks))

    async def then_indexes(checks: Overlapped, amcheck: Amcheck) -> None:
        while id(checks) not in counted:
            await asyncio.sleep(0.01)
        await check_indexes(checks, amcheck)

    Overlapped.meanwhile = later  # type: ignore[method-assign,assignment]  # that is the sabotage
    Overlapped.count = count_alone  # type: ignore[method-assign,assignment]
    Overlapped.check_indexes = then_indexes  # type: ignore[method-assign,assignment]


def _made(at: Place, name: str, size: int, tables: int) -> BackupManifest:
    found = make_database(at, name, size, tables)
    manifest = asyncio.run(at.take(name))
    _tell(
        f"{name}: {found / 1e9:.2f} GB in {tables} tables; its encrypted dump has {manifest.files[0].size / 1e9:.2f} GB"
    )
    return manifest


async def _ratio(at: Place, name: str, manifest: BackupManifest, jobs: int, rounds: int) -> float:
    """The median of the rounds; in each the two take turns in being first."""
    ratios = []
    async with at.estate() as estate:
        one = asked(at, estate, name, manifest)
        for number in range(rounds):
            for arm in ("bare", "verified") if number % 2 == 0 else ("verified", "bare"):
                before = _cpu()
                if arm == "bare":
                    bare, bare_cpu = await bare_restore(again(one), jobs), _cpu() - before
                else:
                    took, seen = await verified(again(one), jobs)
                    cpu = _cpu() - before
            ratios.append(took / bare)
            _tell(
                f"{name}, -j{jobs}: restored in {bare:.1f} s ({bare_cpu:.1f} s of processors' time), verified in "
                f"{took:.1f} s ({cpu:.1f} s): {seen.details[-1]}"
            )
    return median(ratios)


def _cpu() -> float:
    """Seconds of processors that this process took, and all that it started and that has ended; S3's are not in it."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _memory(at: Place, size: int) -> list[bool]:
    make_database(at, "quarter", size // 4, TABLES)
    environment = at.folder / "environment.json"
    environment.write_text(at.environment.model_dump_json(), "utf-8")
    peaks = {}
    for name in ("quarter", "many"):
        argv = [sys.executable, "-m", "bench.backups_memory", str(at.folder), str(environment), name]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, env=dict(os.environ))
        if done.returncode:
            raise NotDone(f"{name}: {done.stderr.strip().rpartition(chr(10))[2]}")
        peaks[name] = json.loads(done.stdout)
        taking, verifying = peaks[name]["taking"], peaks[name]["verifying"]
        _tell(f"{name}: {taking:.0f} MB while it was taken, {verifying:.0f} MB while it was verified")
    growth = {what: peaks["many"][what] / peaks["quarter"][what] for what in ("taking", "verifying")}
    return [
        _figure(f"memory_growth_{what}", one, f"<= {_GROWTH}", holds=one <= _GROWTH) for what, one in growth.items()
    ]


def _figure(name: str, value: float, goal: str = "for comparison", *, holds: bool = True) -> bool:
    figure = {"figure": name, "value": round(value, 3), "unit": "ratio", "goal": goal, "holds": holds}
    print(json.dumps(figure), flush=True)
    return holds


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
