"""Whether the ledger answers, by a clock like ours, and whether letters wait in it in vain. Only read, never made."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tminus.credentials import resolve
from tminus.doctor.finding import Finding, fail, ok, warn
from tminus.doctor.patience import NoAnswer, within
from tminus.environment import Ledger
from tminus.errors import LedgerError, MissingSecret, UsageError
from tminus.ledger.entries import Row

CLOCKS = 2.0  # seconds by which the ledger's clock and ours may differ
WAITING = 300.0  # seconds that a letter may wait before somebody should look
_BUSY = 2.0  # seconds
_LETTERS = (
    "SELECT (SELECT count(*) FROM outbox WHERE state = 'dead'), "
    "(SELECT count(*) FROM outbox WHERE state = 'due' AND made < {clock} - {old})"
)
_CLOCK = "extract(epoch from clock_timestamp())::double precision"


def look_at_ledger(settings: Ledger) -> Iterator[Finding]:
    """What is found; it opens connections of its own, which can only read."""
    try:
        if settings.sqlite is not None:
            path = settings.sqlite
            if not path.is_file():
                yield warn("ledger", f"{path} is not there yet", "nothing: the first launch or sign-off makes it")
                return
            dead, waiting = within(lambda: _of_file(path))
            yield ok("ledger", f"{path} answers, by this machine's clock")
        else:
            apart, letters = within(lambda: _of_server(str(settings.postgres)))
            yield _clock(apart)
            if letters is None:
                yield warn("ledger", "its tables are not there yet", "nothing: the first launch or sign-off makes them")
                return
            dead, waiting = letters
    except (LedgerError, MissingSecret, UsageError, NoAnswer) as e:
        yield fail("ledger", str(e), "no launch can begin; mend it first")
        return
    yield from _outbox(dead, waiting)


def _clock(apart: float) -> Finding:
    if abs(apart) > CLOCKS:
        said = f"it answers, but its clock and this machine's are {abs(apart):.1f} s apart"
        return fail("ledger", said, f"let both follow one time server; {CLOCKS:.0f} s are allowed")
    return ok("ledger", f"it answers; its clock and this machine's are {abs(apart):.1f} s apart")


def _outbox(dead: int, waiting: int) -> Iterator[Finding]:
    if dead:
        said = f"{dead} letters are dead and were never sent"
        yield fail("outbox", said, "`tminus outbox` says why, `tminus outbox resend --dead` tries again")
    if waiting:
        said = f"{waiting} letters wait for more than {WAITING / 60:.0f} min"
        yield warn("outbox", said, "`tminus outbox` says why; does `tminus gateway` run?")
    if not dead and not waiting:
        yield ok("outbox", "no letter is dead, none waits for long")


def _of_file(path: Path) -> tuple[int, int]:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY)) as file:
            row: Row = file.execute(_LETTERS.format(clock=time.time(), old=WAITING)).fetchone()
    except sqlite3.Error as e:
        raise UsageError(f"{path} does not answer, or is no ledger: {e}") from e
    return _two(row)


def _of_server(reference: str) -> tuple[float, tuple[int, int] | None]:
    """By how many seconds its clock is ahead of ours, and its letters; None where it has no tables yet."""
    import psycopg

    from tminus.ledger.server import Server

    server = Server(resolve(reference))
    with closing(server.connect()) as connection:
        try:
            connection.read_only = True
            before = time.time()
            (theirs,) = connection.execute(f"SELECT {_CLOCK}").fetchone() or (0,)
            ours = (before + time.time()) / 2
            (there,) = connection.execute("SELECT to_regclass('outbox') IS NOT NULL").fetchone() or (False,)
            row = connection.execute(_LETTERS.format(clock=_CLOCK, old=WAITING)).fetchone() if there else None
        except psycopg.Error as e:
            raise server.failure(e) from e
    return float(str(theirs)) - ours, _two(row) if row else None


def _two(row: Row) -> tuple[int, int]:
    return int(str(row[0])), int(str(row[1]))
