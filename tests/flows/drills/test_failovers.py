"""Real servers die and others take over; what was lost and for how long is measured, and all is as it was."""

import subprocess
import time

import psycopg
import pytest

from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.drill_estate import DrillEstate
from tests.flows.drills.playing import (
    argv,
    count,
    drill,
    last,
    locked,
    pull,
    require_undone_after_a_kill,
    said_otherwise,
)
from tests.sampling import few
from tminus import events as ev
from tminus.drills.course import FORWARD

STAGES: tuple[ev.DrillStage, ...] = (*FORWARD, "undo")


@pytest.mark.parametrize("name", ["database-failover", "records-restore", "cache-failover"])
def test_it_goes_through(estate: DrillEstate, name: str) -> None:
    """All stages are done, acknowledged writes and the outage are counted, and the same roles are taken again."""
    came = drill(estate, name)
    assert came.returncode == 0, came.stdout + came.stderr
    played = last(estate, name)
    assert list(played.done) == list(STAGES)
    assert played.ended is not None
    assert played.ended.after == played.began.before
    found = played.measured
    assert found is not None
    assert found.kept > 0
    assert " at " in played.began.asked_by, "who typed it, since nobody had to approve it"
    assert found.strange == found.duplicates == found.reordered == 0
    assert found.rto_s is not None
    assert found.rto_s > 0, "the primary was killed, and nobody noticed"
    assert abs(sum(found.parts.values()) - found.rto_s) < 0.001
    assert locked(estate) is None
    assert f"{found.kept + found.lost:,} writes acknowledged" in came.stdout


@pytest.mark.long
def test_a_region_counts_all_that_it_loses(estate: DrillEstate) -> None:
    """Database and cache die together; the writes of both are counted, and each says what its own client saw."""
    region = (
        "scenarios:\n  region:\n    kind: region.lost\n    title: The region\n    owner: devops_lead\n    rto: 1h\n"
    )
    parts = "    rpo: 1h\n    approval: []\n    lead_in: 300ms\n    parts: [database-failover, cache-failover]\n"
    with said_otherwise(estate.book, "scenarios:\n", region + parts):
        came = drill(estate, "region")
        assert came.returncode == 0, came.stdout + came.stderr
        found = last(estate, "region").measured
    assert found is not None
    assert set(found.clients) == {"database-failover", "cache-failover"}
    counted = [int(said.split(" of ")[1].split()[0].replace(",", "")) for said in found.clients.values()]
    assert min(counted) > 0
    assert sum(counted) == found.kept + found.lost
    assert f"; cache-failover: {found.clients['cache-failover']}" in came.stdout


@pytest.mark.parametrize("stage", few(STAGES, "recover"))
@pytest.mark.parametrize(
    "name", few(["database-failover", "records-restore", "cache-failover"], "database-failover", "records-restore")
)
def test_killed_there(estate: DrillEstate, name: str, stage: ev.DrillStage) -> None:
    """Kill -9 in a stage: the next one undoes and breaks nothing, and all is as before.

    What was measured before that counts: killed while it undoes, it held.
    """
    require_undone_after_a_kill(estate, name, stage)


def test_two_that_take_writes_are_left_to_a_person(estate: DrillEstate) -> None:
    """Where a standby was promoted by hand nothing is broken, and it is said who takes writes."""
    primary, standby = estate.writable()
    with psycopg.connect(standby.get_secret_value(), autocommit=True) as connection:
        connection.execute("SELECT pg_promote()")
    try:
        came = drill(estate, "database-failover")
        assert came.returncode == 3, came.stdout
        assert "takes writes" in came.stderr
        assert locked(estate) is None
    finally:
        estate.rejoin(standby, primary)


def test_the_lever_ends_one_that_runs(estate: DrillEstate) -> None:
    """Pulled in the middle, all is undone at once, and no drill begins before somebody lets go of it."""
    name = "database-failover"
    before = count(estate, name)
    process = subprocess.Popen(argv(estate, name), env=estate.seen(), cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not (count(estate, name) > before and last(estate, name).injected):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.005)
        pull(estate)
        assert process.wait(60) == 1
        played = last(estate, name)
        assert played.stopped is not None
        assert played.ended is not None
        assert played.ended.how == "undone"
        assert played.ended.after == played.began.before
        refused = drill(estate, name)
        assert (refused.returncode, "stopped all drills" in refused.stderr) == (3, True), refused.stderr
    finally:
        process.kill()
        process.wait()
        assert drill(estate, "--allow", "--reason", "it was something else").returncode == 0


def test_nothing_to_undo(estate: DrillEstate) -> None:
    """Exit 3, and the reason; an unknown name exits 2 with the nearest."""
    came = drill(estate, "database-failover", "--undo")
    assert (came.returncode, "nothing is left to undo" in came.stderr) == (3, True), came.stderr
    came = drill(estate, "database-failovr")
    assert (came.returncode, "did you mean 'database-failover'?" in came.stderr) == (2, True), came.stderr
