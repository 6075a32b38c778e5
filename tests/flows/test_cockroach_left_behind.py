"""What verifications leave behind in a scratch cluster: swept where it is theirs, and else never touched."""

import asyncio
from collections.abc import Iterator

import pytest

from flows.backup_verification import verify
from tests.conftest import Estates
from tests.flows.cockroach_room import Clusters, two_clusters
from tminus import events as ev
from tminus.outcome import Verdict


@pytest.fixture
def clusters(estates: Estates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clusters]:
    """Both well; the scratch is declared as one."""
    yield from two_clusters(estates, monkeypatch)


def test_what_a_killed_one_left_is_swept(clusters: Clusters) -> None:
    """The restore that still runs is ended first; it does not matter which machine began it."""
    clusters.left_behind("tminus-scratch-database-0123")
    assert clusters.verified().outcome.verdict is Verdict.PASS
    gone = [one for one in clusters.events() if isinstance(one, ev.ScratchGone)]
    assert [one.how for one in gone] == ["swept", "destroyed"]
    assert clusters.restores.jobs[1].status == "canceled"
    assert clusters.restores.databases == set()


@pytest.mark.parametrize(("marked", "how"), [(True, "swept"), (False, "never made")])
def test_one_killed_before_its_restore_leaves_nothing(clusters: Clusters, marked: bool, how: str) -> None:
    """Neither where its mark was written, nor where not even that was."""
    clusters.left_behind("tminus-scratch-database-0123")
    clusters.restores.jobs.clear()
    clusters.restores.databases.clear()
    if not marked:
        clusters.restores.made.clear()
    clusters.verified()
    assert [one.how for one in clusters.events() if isinstance(one, ev.ScratchGone)] == [how, "destroyed"]
    assert clusters.restores.made == {}


def test_a_silent_scratch_is_swept_later(clusters: Clusters) -> None:
    """The plan stays in the ledger until the cluster answers again."""
    clusters.left_behind("tminus-scratch-database-0123")
    dsns = clusters.dsns
    clusters.dsns = {**dsns, "scratch": "postgresql://tminus@127.0.0.1:1/vatic"}
    assert clusters.verified().outcome.verdict is Verdict.UNKNOWN
    assert not [one for one in clusters.events() if isinstance(one, ev.ScratchGone)]
    clusters.dsns = dsns
    assert clusters.verified().outcome.verdict is Verdict.PASS
    assert clusters.restores.databases == set()


@pytest.mark.parametrize("mark", ["another ledger's", "none"])
def test_what_has_not_our_mark_is_never_dropped(clusters: Clusters, mark: str) -> None:
    """Whatever the ledger says."""
    clusters.left_behind("tminus-scratch-database-0123", chain="backups.other.here")
    clusters.restores.jobs.clear()
    if mark == "none":
        clusters.restores.made.clear()
    clusters.verified()
    assert clusters.restores.databases == {"tminus_scratch_database_0123"}
    assert [one.how for one in clusters.events() if isinstance(one, ev.ScratchGone)] == ["destroyed"]


def test_a_cancelled_verification_drops_what_it_made(clusters: Clusters) -> None:
    """Ctrl-C while the restore runs ends the restore too."""
    clusters.restores.looks = 10**6

    async def cancelled() -> None:
        running = asyncio.create_task(verify(clusters.opened(), shown=False))
        while not clusters.restores.jobs:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    assert [job.status for job in clusters.restores.jobs.values()] == ["canceled"]
    assert (clusters.restores.databases, clusters.restores.made) == (set(), {})
