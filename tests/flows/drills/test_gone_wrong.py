"""Where a drill goes wrong it says so, says what state things are in, and never that it went well."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from bench.drill_world import look
from bench.drills_sides import PostgresSide
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.drill_estate import DrillEstate
from flows.drill_round import opened_drills
from tests.flows.drills.playing import argv, course, drill, last, locked, machine, said_otherwise
from tminus.drills.course import Played

NAME = "database-failover"
_MISTAKEN = """
from tasks.scenarios.postgres_failover import PostgresFailover
async def mistaken(self, site):
    raise KeyError("what nobody foresaw")
PostgresFailover.{stage} = mistaken
from cli.main import main
main()
"""


def test_a_standby_that_is_behind(estate: DrillEstate) -> None:
    """Nothing is broken where the heir lacks more than the book allows, and how much it lacks is said."""
    with said_otherwise(estate.book, "cluster: main", "cluster: main\n    behind: 1000"):
        primary, _ = estate.writable()
        side = PostgresSide(estate)
        with side.held(_name(estate)), psycopg.connect(primary.get_secret_value(), autocommit=True) as connection:
            connection.execute("SELECT pg_logical_emit_message(false, 'test', repeat('x', 100000))")
            came = drill(estate, NAME)
    assert came.returncode == 3, came.stdout + came.stderr
    assert "bytes behind, and the book allows 1000" in came.stderr
    assert locked(estate) is None


def test_the_heir_dies_too(estate: DrillEstate) -> None:
    """Recovery fails; both are started again, and the one that has the newest data takes writes."""
    before = look(estate)
    with said_otherwise(estate.book, "cluster: main", "cluster: main\n    patience: 20s"), broken(estate) as process:
        heir = last(estate, NAME).began.way["heir"]
        machine(estate, "kill", f"pg-{heir}")
        said, _ = process.communicate(timeout=60)
    played = last(estate, NAME)
    assert (process.returncode, played.ended and played.ended.how) == (1, "undone"), said
    assert [one.stage for one in played.broke_off] == ["recover"]
    assert f"{heir} was off too, and was started" in played.done["undo"].said
    assert look(estate) == before
    assert locked(estate) is None


def test_an_undo_that_fails(estate: DrillEstate) -> None:
    """What the command said stands in the last line, and the same is tried again once somebody mended it."""
    before = look(estate)
    argv_of_rejoin = "- rejoin\n"
    with said_otherwise(estate.environment_file, argv_of_rejoin, "- no-such-deed\n", everywhere=True):
        came = drill(estate, NAME)
    assert came.returncode == 4, came.stdout + came.stderr
    assert "undo: the command failed" in came.stdout
    assert "no-such-deed" in came.stdout
    played = last(estate, NAME)
    _needs_a_person(played)
    assert played.measured is not None, "what it measured before is not forgotten"
    assert locked(estate) == opened_drills(estate.book, estate.environment_file).chain(NAME)
    other = drill(estate, "cache-failover")
    assert (other.returncode, f"`tminus drill {NAME} --undo`" in other.stderr) == (3, True), other.stderr
    again = drill(estate, NAME)
    assert again.returncode == 1, again.stdout + again.stderr
    assert "is undone, nothing more" in again.stdout
    assert "what was broken is undone (b follows a), and all is as before" in again.stdout.replace(
        "a follows b", "b follows a"
    )
    assert look(estate) == before


@pytest.mark.long
def test_a_book_that_names_other_servers(estate: DrillEstate) -> None:
    """Nothing is called undone by looking at a cluster that was never broken."""
    before = look(estate)
    with broken(estate) as process:
        process.kill()
        process.wait()
        with said_otherwise(estate.book, "cluster: main", "cluster: billing"):
            came = drill(estate, NAME, "--undo")
        assert (came.returncode, "the book names cluster billing (was main)" in came.stderr) == (3, True), came.stderr
        assert last(estate, NAME).ended is None
        assert drill(estate, NAME, "--undo").returncode == 0
    assert look(estate) == before


@pytest.mark.long
def test_the_standby_dies_before_the_primary_would(estate: DrillEstate) -> None:
    """It is looked for again right before: a primary without an heir is not killed."""
    before, count_before = look(estate), len(course(estate, NAME).drills)
    with said_otherwise(estate.book, "lead_in: 300 ms", "lead_in: 6s"):
        process = subprocess.Popen(
            argv(estate, NAME), env=estate.seen(), cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
        )
        _until(lambda: len(course(estate, NAME).drills) > count_before)
        heir = last(estate, NAME).began.way["heir"]
        machine(estate, "kill", f"pg-{heir}")
        said, _ = process.communicate(timeout=90)
    played = last(estate, NAME)
    assert (process.returncode, played.ended and played.ended.how) == (1, "undone"), said
    assert [one.stage for one in played.broke_off] == ["inject"]
    assert "it was planned that" in played.broke_off[0].why
    assert f"{heir} was off too, and was started" in played.done["undo"].said
    assert look(estate) == before


@pytest.mark.parametrize(
    ("stage", "code", "how"),
    [("verify", 1, "undone"), pytest.param("undo", 4, "not undone", marks=pytest.mark.long)],
)
def test_a_mistake_of_tminus(estate: DrillEstate, stage: str, code: int, how: str) -> None:
    """What nobody foresaw leaves nothing broken where it can be undone, and calls a person where it cannot."""
    before = look(estate)
    came = subprocess.run(
        [sys.executable, "-c", _MISTAKEN.format(stage=stage), *argv(estate, NAME)[3:]],
        env=estate.seen(),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    ended = last(estate, NAME).ended
    assert (came.returncode, ended and ended.how) == (code, how), came.stdout + came.stderr
    assert "tminus itself failed with KeyError" in came.stdout
    assert "what nobody foresaw" in came.stderr, "its log shows it whole"
    if how == "not undone":
        _needs_a_person(last(estate, NAME))
        assert drill(estate, NAME, "--undo").returncode in {0, 1}
    assert look(estate) == before
    assert locked(estate) is None


@pytest.mark.long
def test_worse_than_it_was(estate: DrillEstate) -> None:
    """One that ends with less than it began with is not undone, and what is missing is said."""
    name = "cache-failover"
    with said_otherwise(estate.book, "group: cache", "group: cache\n    patience: 20s"):
        with broken(estate, name) as process:
            _until(lambda: "undo" in last(estate, name).moments)
            machine(estate, "kill", "redis-b")
            machine(estate, "kill", "redis-a")
            assert process.wait(100) == 4
        _needs_a_person(last(estate, name))
        for server in ("redis-a", "redis-b"):
            machine(estate, "start", server)
        _until(lambda: drill(estate, name, "--undo").returncode in {0, 1})
    assert locked(estate) is None


def test_two_at_once(estate: DrillEstate) -> None:
    """The second, of the same or of another scenario, is refused, and the first goes on."""
    with broken(estate) as process:
        same, other = drill(estate, NAME), drill(estate, "records-restore")
        assert process.wait(60) == 0
    assert (same.returncode, other.returncode) == (3, 3), same.stderr + other.stderr
    assert last(estate, NAME).ended is not None
    assert not course(estate, "records-restore").unproven


def test_a_launch_holds_the_environment(estate: DrillEstate) -> None:
    """Nothing is broken meanwhile, and who holds it is said."""
    with closing(opened_drills(estate.book, estate.environment_file).store()) as store:
        store.lock("drills", "TS-2026-11")
        try:
            came = drill(estate, NAME)
        finally:
            store.unlock("drills", "TS-2026-11")
    assert (came.returncode, "TS-2026-11" in came.stderr) == (3, True), came.stderr


def test_the_market_is_open(estate: DrillEstate) -> None:
    """Nothing is broken while somebody trades, and it is said until when."""
    open_all_day = (
        "calendar:\n  time_zone: UTC\n  sessions:\n  - name: the market\n"
        "    days: [mon, tue, wed, thu, fri, sat, sun]\n    from: '00:00'\n    to: '23:59'\nlease: 5s"
    )
    with said_otherwise(estate.environment_file, "lease: 5s", open_all_day):
        came = drill(estate, NAME)
    assert (came.returncode, "the market" in came.stderr) == (3, True), came.stderr


def _needs_a_person(played: Played) -> None:
    assert played.ended is not None
    assert played.ended.how == "not undone"
    assert "held" not in played.ended.sentence.split(":")[0]


def _name(estate: DrillEstate) -> str:
    return "a" if estate.writable()[0] == estate.postgres.address.dsn("postgres") else "b"


@contextmanager
def broken(estate: DrillEstate, name: str = NAME) -> Iterator["subprocess.Popen[bytes]"]:
    """The block that begins once something is about to be broken, by a process of `tminus drill`."""
    before = len(course(estate, name).drills)
    process = subprocess.Popen(argv(estate, name), env=estate.seen(), cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    try:
        _until(lambda: len(course(estate, name).drills) > before and last(estate, name).injected)
        yield process
    finally:
        process.kill()
        process.wait()


def _until(so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not so():
        if time.monotonic() > until:
            pytest.fail("it was not so within 60 s")
        time.sleep(0.005)
