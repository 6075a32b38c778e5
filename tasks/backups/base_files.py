"""What an unpacked base backup says of itself: pg_control, backup_label, and what pg_verifybackup says of it."""

import re
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tasks.backups.damage import Damaged
from tasks.backups.postgres_cluster import Cluster, mortal
from tasks.bounded_process import run_bounded
from tminus.backups.wal_names import parse_lsn
from tminus.errors import CouldNotObserve
from tminus.foreign_text import printable

_WITHIN = timedelta(hours=6)  # a large backup is read whole; what asked has a limit of its own
_QUICK = 30.0  # seconds
_OWN = {"config": "postgresql.conf", "hba": "pg_hba.conf", "ident": "pg_ident.conf"}
_SAID = 200  # characters of a line
_LABEL = re.compile(
    r"^START WAL LOCATION: ([0-9A-F]{1,8}/[0-9A-F]{1,8}) .*?^START TIMELINE: (\d+)$", re.MULTILINE | re.DOTALL
)
# What a hot standby must have at least as much of as the server whose WAL it replays, by its name in pg_control.
_AT_LEAST = {
    "max_connections setting": "max_connections",
    "max_worker_processes setting": "max_worker_processes",
    "max_wal_senders setting": "max_wal_senders",
    "max_prepared_xacts setting": "max_prepared_transactions",
    "max_locks_per_xact setting": "max_locks_per_transaction",
}


@dataclass(frozen=True)
class ControlFile:
    """What pg_controldata reads out of `global/pg_control`.

    Attributes:
        system: the system identifier, which no two servers share.
        segment: bytes of a WAL segment.
        checksums: whether pages have them.
        limits: settings that recovery wants no less of.
    """

    system: str
    segment: int
    checksums: bool
    limits: dict[str, str]

    @classmethod
    def read(cls, programs: Path, data: Path) -> "ControlFile":
        """Raises Damaged where the file is, CouldNotObserve where pg_controldata cannot be run. Blocks."""
        try:
            done = subprocess.run(
                [programs / "pg_controldata", data],
                env={"LC_ALL": "C"},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_QUICK,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as e:
            raise CouldNotObserve(f"{programs / 'pg_controldata'} could not be run: {type(e).__name__}") from e
        pairs = (line.partition(":") for line in done.stdout.splitlines())
        found = {name.strip(): value.strip() for name, colon, value in pairs if colon}
        if done.returncode or "WARNING" in found or "WARNING" in done.stderr:
            raise Damaged(f"its pg_control cannot be read: {printable(' '.join(done.stderr.split()))[:_SAID]}")
        try:
            return cls(
                system=found["Database system identifier"],
                segment=int(found["Bytes per WAL segment"]),
                checksums=found["Data page checksum version"] != "0",
                limits={setting: found[name] for name, setting in _AT_LEAST.items()},
            )
        except (KeyError, ValueError) as e:
            raise CouldNotObserve(f"what pg_controldata printed lacks {e}") from e


@dataclass(frozen=True)
class Label:
    """Where recovery of a base backup begins, by its `backup_label`."""

    start: int
    timeline: int

    @classmethod
    def read(cls, data: Path) -> "Label":
        """Raises Damaged where there is none: PostgreSQL would start without recovery, from files of many moments."""
        try:
            match = _LABEL.search((data / "backup_label").read_text("utf-8", "replace"))
        except OSError as e:
            raise Damaged("the base backup has no backup_label, which says where recovery begins") from e
        if match is None:
            raise Damaged("the base backup's backup_label does not say where recovery begins")
        return cls(parse_lsn(match[1]), int(match[2]))


def major_version(data: Path) -> int:
    """Of the server that wrote the files; raises Damaged."""
    try:
        return int((data / "PG_VERSION").read_text("utf-8"))
    except (OSError, ValueError) as e:
        raise Damaged("the base backup has no PG_VERSION: it is none, or not whole") from e


async def corrupt_files(programs: Path, data: Path) -> list[str]:
    """A line for each file that pg_verifybackup complains of, by the backup's own `backup_manifest`.

    Raises Damaged where there is no such manifest, CouldNotObserve where it cannot be run.
    """
    if not (data / "backup_manifest").is_file():
        raise Damaged("the base backup has no backup_manifest: its end is missing")
    return await _complaints([str(programs / "pg_verifybackup"), "--quiet", str(data)], data)


async def bad_pages(stopped: Cluster) -> list[str]:
    """A line for each page with a wrong checksum of a cluster that does not run, in all its databases.

    Raises Damaged where the cluster does not come up once more to be stopped cleanly, which pg_checksums wants.
    """
    programs, data = stopped.programs, stopped.data
    single = [*stopped.account.prefix, *mortal("KILL"), str(programs / "postgres"), "--single", "-D", str(data), "-F"]
    own_files = [
        word for name in ("config", "hba", "ident") for word in ("-c", f"{name}_file={data.parent}/{_OWN[name]}")
    ]
    ended = await run_bounded([*single, *own_files, "-c", "archive_mode=off", "template1"], _WITHIN, data.parent)
    if not ended.in_time or ended.exit < 0:
        raise CouldNotObserve("the restored cluster was ended before it was stopped cleanly")
    if ended.exit:
        raise Damaged(f"it does not stop cleanly: {printable(ended.err.decode(errors='replace'))[-_SAID:]}")
    return await _complaints([str(programs / "pg_checksums"), "--check", "-D", str(data)], data)


async def _complaints(argv: list[str], data: Path) -> list[str]:
    ended = await run_bounded(["env", "LC_ALL=C", *argv], _WITHIN, data.parent)
    if not ended.in_time or ended.exit < 0:
        raise CouldNotObserve(f"{argv[0]} was ended before it was through")
    lines = printable(ended.err.decode(errors="replace")).splitlines()
    said = [line.partition("error: ")[2] for line in lines if "error: " in line]
    if ended.exit and not said:
        raise CouldNotObserve(f"{argv[0]} ended with status {ended.exit} and said nothing of why")
    return [line.replace(f"{data}/", "")[:_SAID] for line in said]
