"""Comparisons of stores in the flow of backup verification: recorded, paged and taken back. Restores are fakes."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from flows import looking_at_backup
from flows.backup_verification import proven
from tasks.backups.asked import Asked, Seen
from tasks.backups.together_asking import finish
from tests.conftest import Estates, S3Server
from tests.flows.backup_room import GOOD, PAGED, Room, use, verified, well
from tests.flows.comparing_room import holding, set_room
from tminus import events as ev
from tminus.backups.contents import Marker
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict


@pytest.fixture
def room(estates: Estates, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """Two stores that belong together."""
    monkeypatch.setattr(looking_at_backup, "VERIFIERS", looking_at_backup.VERIFIERS)
    yield set_room(estates.folder, s3_server.section(estates.secret, f"c/{estates.folder.name}"), **PAGED)
    use(well)


def compared(room: Room) -> ev.StoresCompared:
    """The last comparison."""
    return [one for one in room.events() if isinstance(one, ev.StoresCompared)][-1]


def test_a_disagreement_pages_its_owner_and_is_taken_back(room: Room) -> None:
    """One incident a group; the stores' own backups are proven, the verification is not."""
    holding(cache=range(5), queue=range(7))
    ended = verified(room, "cache", "queue")
    assert compared(room).outcome.verdict is Verdict.FAIL
    assert "cache lacks 2 that queue has, written before mark 7" in compared(room).outcome.summary
    mark = compared(room).mark
    assert mark is not None
    assert mark.number == 7
    assert ended.counts == {"pass": 2, "fail": 1}
    assert not proven(ended)
    (page,) = room.told()
    assert '"op":"trigger"' in page
    assert "cache and queue do not agree once they are restored" in page

    holding(cache=range(7), queue=range(7))
    ended = verified(room, "cache", "queue")
    assert proven(ended)
    assert ended.sentence == "shop: 2 of 2 backups proven; 1 group of stores compared, all agree"
    assert '"op":"resolve"' in room.told()[-1]


def test_a_store_that_was_not_restored_makes_it_unknown(room: Room) -> None:
    """With that store's own reason."""

    async def half(asked: Asked) -> Seen:
        if asked.name == "cache":
            raise CouldNotObserve("S3 is silent")
        finish(asked, Marker(number=7, at=now()))
        return Seen(GOOD)

    use(half)
    ended = verified(room, "cache", "queue")
    assert compared(room).outcome.verdict is Verdict.UNKNOWN
    assert compared(room).mark is None
    assert "cache: S3 is silent" in compared(room).outcome.summary
    assert ended.counts == {"unknown": 2, "pass": 1}


def test_one_store_alone_is_compared_with_nothing(room: Room) -> None:
    """Nor is it asked anything besides, and an older backup is not either."""
    asked_for = []

    async def look(asked: Asked) -> Seen:
        asked_for.append((asked.manifest.backup, asked.together is not None))
        return Seen(GOOD)

    use(look)
    verified(room, "cache")
    room.put("cache", ago=timedelta(hours=25))
    verified(room, "cache", "queue", older=True)
    assert [together for _, together in asked_for] == [False, True, False, True]
    assert len([one for one in room.events() if isinstance(one, ev.StoresCompared)]) == 1
