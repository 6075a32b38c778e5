"""What happens while a verification runs: another backup is taken, or people want live data restored."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta

import pytest

from flows import verifying
from tasks.backup_store import BackupStore
from tasks.backups import catalogue
from tasks.backups.asked import Asked, Seen
from tasks.checks.backup_intact import BackupIntact
from tasks.estate import Estate
from tests.conftest import Estates, S3Server
from tests.flows.backup_room import PAGED, Room, Scripted, hang, one_store, taken, use, verified
from tminus import events as ev
from tminus.backups.catalogue import Entry
from tminus.backups.under_way import restore_under_way, verification_under_way
from tminus.chain_names import restore_chain, taking_back_chain
from tminus.clock import now
from tminus.errors import Refused
from tminus.outcome import Verdict
from tminus.release import no_release

RESTORE = restore_chain("shop", "here", "queue", now())


@pytest.fixture
def room(estates: Estates, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """A store whose owner is paged; restored by a fake that sees nothing wrong."""
    monkeypatch.setattr(verifying, "_LOOK", 0.02)
    yield from one_store(estates, s3_server, monkeypatch, **PAGED)


@pytest.fixture
def taken_meanwhile(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup is stored and recorded right before the bucket is listed."""
    listing = BackupStore.entries

    def entries(bucket: BackupStore, folder: str) -> list[Entry]:
        monkeypatch.setattr(BackupStore, "entries", listing)
        room.put()
        return listing(bucket, folder)

    monkeypatch.setattr(BackupStore, "entries", entries)


def ask_for_a_restore(room: Room, chain: str = RESTORE) -> None:
    """As `tminus restore` takes the environment."""
    with closing(room.opened().store()) as ledger:
        ledger.open_locked("here", chain)


@pytest.mark.usefixtures("taken_meanwhile")
def test_a_backup_that_is_taken_meanwhile_is_recorded(room: Room) -> None:
    """The ledger is read after the bucket: what was stored since the verification began is known."""
    verified(room)
    assert room.verified()[0].outcome.verdict is Verdict.PASS, room.verified()[0].outcome.summary


@pytest.mark.usefixtures("taken_meanwhile")
def test_the_check_of_the_newest_reads_the_ledger_last(room: Room) -> None:
    """As a verification does."""
    earlier = room.manifest("cache", "cache-earlier", now() - timedelta(hours=25))
    room.write(taken(earlier, earlier.taken_at))
    opened = room.opened()
    check = BackupIntact.model_validate({"store": "cache", "bucket": "backups", "expect": {"age": "< 2 h"}})

    async def looked() -> object:
        async with Estate(opened.environment, no_release("shop"), "l", opened.base) as estate:
            return (await check.observe(estate)).verdict

    assert asyncio.run(looked()) is Verdict.PASS


@pytest.mark.parametrize(("old", "asked"), [(False, 2), (True, 1)])
def test_what_was_stored_just_now_is_asked_after_again(room: Room, old: bool, asked: int) -> None:
    """Its manifest is stored right before it is recorded; one that lies there for long is unrecorded at once."""
    folder, name = "p/cache/", "cache-20260101T000000Z"
    at = now() - catalogue._YOUNG * (2 if old else 0.5)
    recorded = ev.BackupTaken(
        store="cache", kind="redis.rdb", backup=name, manifest_digest="d", size=1, taken_at=at, marker=None
    )
    answers: list[Sequence[ev.BackupTaken]] = [[], [recorded]]
    entries = [Entry(f"{folder}{name}/dump.rdb", 1, at), Entry(f"{folder}{name}.manifest.json", 9, at)]
    found = catalogue.against_ledger(folder, entries, lambda: answers.pop(0))
    assert found.newest is not None
    assert (found.newest.recorded is None, 2 - len(answers)) == (old, asked)


def test_a_verification_makes_way_for_a_restore(room: Room) -> None:
    """It ends the restore that it runs, looks at no other store, pages nobody, and says why; its lease is free."""
    for name in ("cache", "queue"):
        room.put(name)
    plan_says = []

    async def asked_for_meanwhile(asked: Asked) -> Seen:
        with closing(room.opened().store()) as ledger:
            plan_says.append(verification_under_way(ledger, room.opened()))
        ask_for_a_restore(room)
        return await hang(asked)

    use(asked_for_meanwhile)
    with pytest.raises(Refused, match=RESTORE):
        verified(room, "cache", "queue")

    (said,) = room.verified("cache")
    assert said.outcome.verdict is Verdict.UNKNOWN
    assert RESTORE in said.outcome.summary
    assert room.verified("queue") == []
    ended = room.events()[-1]
    assert isinstance(ended, ev.VerificationEnded)
    assert (ended.broke_off, ended.common_mark) == (True, None)
    assert "verify once that is over" in ended.sentence
    assert room.told() == []
    assert list(room.scratch.iterdir()) == []
    opened = room.opened()
    with closing(opened.store()) as ledger:
        held = ledger.lease(opened.chain)
        assert held is None or held.holder is None or held.left <= 0
        assert verification_under_way(ledger, opened) == ""
    assert "runs since" in plan_says[0]


def test_while_live_data_are_restored_none_begins(room: Room) -> None:
    """And nothing is written."""
    room.put()
    ask_for_a_restore(room)
    with pytest.raises(Refused, match="under way"):
        verified(room)
    assert [one.type for one in room.events()] == ["backup.taken"]
    assert Scripted.asked == []


@pytest.mark.parametrize(
    "chain",
    [
        taking_back_chain(RESTORE, now()),
        restore_chain("other", "here", "cache", now()),
        restore_chain("shop-2", "here", "cache", now()),
        "launch-1",
    ],
    ids=["a taking back", "another system's", "one of a system with a longer name", "a launch"],
)
def test_nothing_else_that_holds_the_environment_hinders_it(room: Room, chain: str) -> None:
    """Neither a restore that is taken back, which needs no copy, nor another system's, nor a launch."""
    room.put()
    ask_for_a_restore(room, chain)
    opened = room.opened()
    with closing(opened.store()) as ledger:
        assert restore_under_way(ledger, opened) == ""
    verified(room)
