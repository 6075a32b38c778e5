"""What outlives one verification: older backups, those that did not pass, and the page that tells of them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tasks.backups.asked import Asked, Seen
from tests.conftest import Estates, S3Server
from tests.flows.backup_room import GOOD, PAGED, Room, Script, one_store, use, verified, well
from tminus import events as ev
from tminus.backups.history import Verified
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Verdict

HOUR = timedelta(hours=1)


@pytest.fixture
def room(estates: Estates, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """A store whose owner is paged; restored by a fake that sees nothing wrong."""
    yield from one_store(estates, s3_server, monkeypatch, **PAGED)


def letters(room: Room) -> list[str]:
    """What PagerDuty is told, in a word each."""
    return ["resolve" if '"op":"resolve"' in one else "trigger" for one in room.told()]


def last(room: Room) -> Verified:
    """What the last verification said of the store."""
    opened = room.opened()
    ledger = opened.store()
    try:
        return opened.history(ledger).verifications_of("cache")[-1]
    finally:
        ledger.close()


def damaged(name: str) -> Script:
    """The data of that one backup differ, and no other's."""

    async def script(asked: Asked) -> Seen:
        if asked.manifest.backup != name:
            return Seen(GOOD)
        return Seen([*GOOD[:-1], Measurement.number("databases_differ", 1)], (), "database 0")

    return script


async def hang_up(_asked: Asked) -> Seen:
    """The server ends at once."""
    raise CouldNotObserve("the scratch server ended with status 1")


def test_older_backups_are_chosen_by_the_ledger(room: Room) -> None:
    """One that is not the newest, by a seed that is written down before it; the same seed chooses the same."""
    made = [room.put(ago=timedelta(hours=hours), marker=None) for hours in (73, 49, 25, 1)]
    verified(room, older=True)

    newest, older = room.verified()
    (began,) = (one for one in room.events() if isinstance(one, ev.VerificationBegan))
    assert began.seed
    assert (newest.newest, newest.backup) == (True, made[-1].backup)
    assert (older.newest, older.backup in {one.backup for one in made[:-1]}) == (False, True)
    assert older.outcome.verdict is Verdict.PASS, older.outcome.summary


def test_what_is_not_proven_pages_its_owner_and_is_taken_back(room: Room) -> None:
    """One incident a store: triggered as long as it is bad, resolved once it is proven again."""
    room.put()
    for script in (hang_up, hang_up, well, well):
        use(script)
        verified(room)

    assert letters(room) == ["trigger", "trigger", "resolve"]


def test_a_damaged_older_backup_is_not_forgotten(room: Room) -> None:
    """It is restored again every night, beside one that is drawn; the page stays until it passes, or is gone."""
    bad = room.put(ago=26 * HOUR).backup
    room.put(ago=2 * HOUR)
    use(damaged(bad))
    verified(room, older=True)
    assert letters(room) == ["trigger"]

    room.put()  # the next day's
    verified(room, older=True)
    looked = [one.backup for one in room.verified()[2:]]
    assert (len(looked), looked[1]) == (3, bad)
    assert letters(room) == ["trigger"] * 2

    verified(room)  # by hand, of the newest alone
    assert (last(room).verdict, last(room).left) == (Verdict.FAIL, (bad,))
    assert letters(room) == ["trigger"] * 2

    use(well)
    verified(room, older=True)
    assert (last(room).verdict, last(room).left) == (Verdict.PASS, ())
    assert letters(room) == ["trigger", "trigger", "resolve"]


def test_an_older_one_that_could_not_be_looked_at_is_tried_again(room: Room) -> None:
    """First of all older ones, until it was looked at to its end."""
    old = [room.put(ago=hours * HOUR).backup for hours in (97, 73, 49, 25)]
    room.put()

    async def breaks_older(asked: Asked) -> Seen:
        return await (hang_up(asked) if asked.manifest.backup in old else well(asked))

    use(breaks_older)
    verified(room, older=True)
    unknown = room.verified()[-1].backup
    use(well)
    verified(room, older=True)
    assert room.verified()[3].backup == unknown
    assert letters(room) == ["trigger", "resolve"]
