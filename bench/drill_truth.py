"""What a server had when it died, and what its heir has: read from their own files, for bench.drills.

Nothing here sees a receipt, and nothing of tminus is imported. A dead server's data folder is copied, and a program of
the same server opens the copy, recovers from the crash as the server itself would have, and lists what is there.
"""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis
from psycopg import sql

from deployments.rehearsal.ports import free_port

Write = tuple[int, int]
"""Which writer made it, and its number there."""

_SCHEMA = "tminus_drill"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s"
_ALONE = ("-c", "fsync=off", "-c", "synchronous_standby_names=")
_LISTS = "drill_*"
_LOADED_WITHIN = 30.0  # seconds
_LOOK = 0.02  # seconds between two looks


class TruthUnknown(Exception):
    """What was there cannot be told."""


@dataclass(frozen=True)
class Truth:
    """All writes of one drill, by the servers' own files.

    Attributes:
        old: there on the server that died.
        new: there on the one that took over.
    """

    old: frozenset[Write]
    new: frozenset[Write]

    @property
    def gone(self) -> frozenset[Write]:
        """There when the old one died, and not there now."""
        return self.old - self.new


def postgres_table(dsn: str) -> str:
    """The newest table of the drills' clients: their names sort by time. Raises TruthUnknown where there is none."""
    with psycopg.connect(dsn) as connection:
        found = [str(name) for (name,) in connection.execute(_TABLES, [_SCHEMA])]
    if not found:
        raise TruthUnknown(f"no table in {_SCHEMA}, and there must be one")
    return max(found)


def postgres_rows(dsn: str, table: str) -> frozenset[Write]:
    """The rows of a table on a server that runs; none where it has no such table."""
    listed = sql.SQL("SELECT writer, number FROM {}").format(sql.Identifier(_SCHEMA, table))
    with psycopg.connect(dsn) as connection:
        if (table,) not in connection.execute(_TABLES, [_SCHEMA]).fetchall():
            return frozenset()
        return frozenset((int(writer), int(number)) for writer, number in connection.execute(listed))


def postgres_rows_of_the_dead(
    data: Path, copy: Path, table: str, database: str, tools: Path, prefix: Sequence[str]
) -> frozenset[Write]:
    """The rows of a table in the data folder of a server that does not run.

    PostgreSQL's single-user mode (https://www.postgresql.org/docs/current/app-postgres.html) recovers the copy from its
    own WAL alone: it follows nobody, archives nothing, and nobody can connect to it.

    Args:
        data: the folder.
        copy: where it is copied to; it is taken away again.
        table: see postgres_table.
        database: whose table it is.
        tools: the folder with the program `postgres`.
        prefix: the words that make it run as whoever owns the data.
    """
    with _copied(data, copy):
        for name in ("postmaster.pid", "standby.signal", "recovery.signal"):
            (copy / name).unlink(missing_ok=True)
        rows = copy / "rows"
        listed = (
            sql.SQL("COPY {} (writer, number) TO {}")
            .format(sql.Identifier(_SCHEMA, table), sql.Literal(str(rows)))
            .as_string()
        )
        done = subprocess.run(
            [*prefix, str(tools / "postgres"), "--single", "-D", str(copy), *_ALONE, database],
            input=listed + "\n",
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 or not rows.exists():
            last = done.stderr.splitlines()[-3:]
            raise TruthUnknown(f"the copy of {data} cannot be read (status {done.returncode}): {' '.join(last)}")
        parted = (line.split("\t") for line in rows.read_text("ascii").splitlines())
        return frozenset((int(writer), int(number)) for writer, number in parted)


def redis_elements(client: "redis.Redis") -> frozenset[Write]:
    """The elements of the drill's list, on a server that runs; raises TruthUnknown where there are several lists."""
    names = list(client.scan_iter(_LISTS, count=1000, _type="list"))
    if len(names) > 1:
        raise TruthUnknown(f"{len(names)} lists {_LISTS}, and there must be one")
    listed = [str(one).split("-") for name in names for one in client.lrange(name, 0, -1)]
    return frozenset((int(writer), int(number)) for writer, number in listed)


def redis_elements_of_the_dead(data: Path, copy: Path, program: Path) -> frozenset[Write]:
    """The same from the append-only file of a server that does not run; `copy` is taken away again."""
    port = free_port()
    argv = [str(program), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(copy), "--appendonly", "yes"]
    with _copied(data, copy), (copy / "truth.log").open("wb") as log:
        server = subprocess.Popen([*argv, "--save", ""], cwd=copy, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            with redis.Redis(port=port, decode_responses=True) as client:
                _await(lambda: _loaded(client), f"the copy of {data}")
                return redis_elements(client)
        finally:
            server.kill()
            server.wait()


@contextmanager
def _copied(data: Path, copy: Path) -> Iterator[None]:
    """Whose files they are stays so, which shutil.copytree does not do."""
    subprocess.run(["/bin/cp", "-a", str(data), str(copy)], check=True)
    try:
        yield
    finally:
        shutil.rmtree(copy)


def _loaded(client: "redis.Redis") -> bool:
    """BusyLoadingError, too, is a ConnectionError."""
    try:
        return bool(client.ping())
    except redis.exceptions.ConnectionError:
        return False


def _await(so: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _LOADED_WITHIN
    while not so():
        if time.monotonic() > until:
            raise TruthUnknown(f"{what} was not loaded within {_LOADED_WITHIN:g} s")
        time.sleep(_LOOK)
