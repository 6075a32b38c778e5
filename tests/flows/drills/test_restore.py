"""A server that lost its data comes back as of the instant that is wanted, or gets its own data back."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg

from deployments.rehearsal.drill_estate import DrillEstate
from tests.flows.drills.playing import drill, last, locked, said_otherwise

NAME = "records-restore"


def test_to_an_instant_before_the_loss(estate: DrillEstate) -> None:
    """All that was acknowledged after that instant is lost and counted, and what the book promises is not held."""
    book = estate.book.read_text("utf-8")
    scenario = book[book.index(f"{NAME}:") :]
    told_more = scenario.replace("rpo: 1h", "rpo: 1s\n    before: 4s", 1).replace("lead_in: 300 ms", "lead_in: 6s", 1)
    with said_otherwise(estate.book, scenario, told_more):
        came = drill(estate, NAME)
    assert came.returncode == 1, came.stdout + came.stderr
    played = last(estate, NAME)
    found = played.measured
    assert found is not None, came.stdout + came.stderr
    assert found.lost_s >= 4
    assert found.lost > 0
    assert found.kept > 0
    assert played.ended is not None
    assert played.ended.how == "missed"
    assert "1.0 s are promised" in played.ended.sentence
    assert played.ended.after == played.began.before
    until = played.moments["inject"] - timedelta(seconds=4)
    assert until.isoformat(timespec="microseconds") in played.done["recover"].said


def test_a_backup_that_is_no_good(estate: DrillEstate) -> None:
    """The restore fails, which is said; the server has its own data again, and nothing is lost."""
    rows = count(estate)
    with aside(estate.folder / "records" / "backup" / "global" / "pg_control"):
        came = drill(estate, NAME)
    assert came.returncode == 1, came.stdout + came.stderr
    played = last(estate, NAME)
    assert played.ended is not None
    assert (played.ended.how, played.measured) == ("undone", None)
    assert [one.stage for one in played.broke_off] == ["recover"]
    assert "the command failed" in played.ended.sentence
    assert played.done["undo"].said == "records has its data again"
    assert count(estate) >= rows
    assert locked(estate) is None


def test_no_backup(estate: DrillEstate) -> None:
    """Nothing is broken where nothing could bring it back."""
    with aside(estate.folder / "records" / "backup" / "backup_label"):
        came = drill(estate, NAME)
    assert (came.returncode, "there is no backup from which it could be restored" in came.stderr) == (3, True)
    assert locked(estate) is None


def test_archiving_that_fails(estate: DrillEstate) -> None:
    """Nothing is broken while what is written now could not be restored."""
    with aside(estate.folder / "records" / "archive"):
        with psycopg.connect(estate.records.address.dsn("postgres").get_secret_value(), autocommit=True) as connection:
            connection.execute("SELECT pg_logical_emit_message(true, 'test', 'x'), pg_switch_wal()")
            while connection.execute(FAILS).fetchone() != (True,):
                connection.execute("SELECT pg_stat_clear_snapshot(), pg_sleep(0.1)")
        came = drill(estate, NAME)
    assert (came.returncode, "its WAL is not archived" in came.stderr) == (3, True), came.stderr


FAILS = "SELECT last_failed_time > coalesce(last_archived_time, '-infinity') FROM pg_stat_archiver"


def count(estate: DrillEstate) -> int:
    """Transactions that the server ever made."""
    with psycopg.connect(estate.records.address.dsn("postgres").get_secret_value()) as connection:
        [found] = connection.execute("SELECT txid_current()").fetchone() or (0,)
        return int(found)


@contextmanager
def aside(path: Path) -> Iterator[None]:
    """The block in which it is not there."""
    kept = path.with_name(f"{path.name}.aside")
    path.rename(kept)
    try:
        yield
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        kept.rename(path)
