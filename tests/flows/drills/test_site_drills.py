"""A service and its links are broken one by one and all together; killed in the midst, what was broken is undone."""

from collections.abc import Iterator

import httpx
import pytest

from deployments.rehearsal.drill_site import BOOK, DrillSite
from tests.flows.drills.playing import drill, last, require_undone_after_a_kill
from tests.sampling import few
from tminus import events as ev
from tminus.drills.course import FORWARD

REGION = {"region": {"kind": "region.lost", "title": "The region is lost", "parts": ["killed", "secrets-unreachable"]}}
NAMES = [*BOOK, *REGION]
STAGES: tuple[ev.DrillStage, ...] = (*FORWARD, "undo")
KILLED: list[tuple[str, ev.DrillStage]] = [
    *((name, "recover") for name in BOOK),
    *(("region", stage) for stage in STAGES),
    ("cut", "inject"),
    ("hung", "inject"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillSite]:
    """A service, what it needs, and a link to each."""
    with DrillSite(tmp_path_factory.mktemp("site")) as made:
        made.keep_book({**BOOK, **REGION})
        yield made


@pytest.mark.parametrize("name", few(NAMES, "closed"))
def test_it_goes_through(site: DrillSite, name: str) -> None:
    """All is as before; how long it was gone is measured, and of loss nothing is said, since nobody wrote."""
    came = drill(site, name)
    assert came.returncode == 0, came.stdout + came.stderr
    played = last(site, name)
    assert played.ended is not None
    assert played.ended.after == played.began.before
    assert played.measured is not None
    assert played.measured.rto_s is not None
    assert (played.measured.rto_s > 0) == (name != "slow"), "150 ms are within a client's patience, an outage is not"
    assert "nothing is said about loss" in came.stdout
    assert " lost" not in came.stdout


@pytest.mark.parametrize("where", few(KILLED, ("region", "recover")), ids="-".join)
def test_killed_there(site: DrillSite, where: tuple[str, ev.DrillStage]) -> None:
    """Kill -9 while it is broken: the next one undoes and breaks nothing, and the world says so."""
    name, stage = where
    require_undone_after_a_kill(site, name, stage)
    for link in ("orders", "secrets"):
        said = httpx.get(f"{site.toxiproxy}/proxies/{link}").json()
        assert (said["enabled"], said["toxics"]) == (True, []), said
