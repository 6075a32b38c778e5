"""Taking a backup: two at once, one that is killed at any stage, one that fills the disk or comes to no end."""

import asyncio
import platform
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from flows import looking_at_backup, restoring, taking
from flows.backup_verification import proven, verify
from flows.killed_takings import held
from flows.restoring import plan_scratch
from flows.taking import take_backup
from tasks.backups import catalogue
from tasks.backups.asked import Scratch, Seen, TakeAsked, Taker
from tasks.backups.scratch import make_scratch
from tests.conftest import Estates, S3Server
from tests.flows.backup_room import CONTENT, GOOD, Room, use, well
from tminus import events as ev
from tminus.backups.manifest import BackupKind, BackupManifest
from tminus.errors import CouldNotObserve, LedgerError
from tminus.expectation import Measurement
from tminus.outcome import Outcome, Verdict


async def nothing(_asked: TakeAsked) -> None:
    """What it does besides."""


class Scripted(Taker):
    """Puts a file that holds nothing, and does what the test says before; a fake of a Redis' taker."""

    kinds: ClassVar[tuple[BackupKind, ...]] = ("redis.rdb",)
    room: ClassVar[Room]
    does: ClassVar[Callable[[TakeAsked], Awaitable[None]]] = staticmethod(nothing)
    asked: ClassVar[list[TakeAsked]] = []

    async def take(self, asked: TakeAsked) -> BackupManifest:
        """Its manifest is for the caller to write."""
        self.asked.append(asked)
        await type(self).does(asked)
        made = self.room.manifest(asked.name, asked.backup, content=f"{CONTENT!r} {asked.backup}".encode())
        self.room.put_object(made.files[0].key, f"{CONTENT!r} {asked.backup}".encode())
        return made


@pytest.fixture
def room(estates: Estates, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """A store that is taken and restored by fakes."""
    monkeypatch.setattr(looking_at_backup, "VERIFIERS", looking_at_backup.VERIFIERS)
    monkeypatch.setattr(taking, "TAKERS", {"redis.rdb": Scripted})
    monkeypatch.setattr(restoring, "_LOOK", 0.02)
    section = s3_server.section(estates.secret, f"t/{estates.folder.name}")
    made = Room.set(estates.folder, {name: str(value) for name, value in section.items()}, encrypted=False)
    monkeypatch.setattr(Scripted, "room", made, raising=False)
    Scripted.asked.clear()
    use(well)
    yield made
    use(well)


def take(room: Room) -> ev.BackupTaken:
    """One backup of the cache."""
    opened = room.opened()
    return asyncio.run(take_backup(opened, "cache", opened.book.stores["cache"]))


def taken(room: Room) -> list[ev.BackupTaken]:
    """Those that were recorded."""
    return [one for one in room.events() if isinstance(one, ev.BackupTaken)]


def open_places(room: Room) -> list[str]:
    """The scratch places that the ledger does not know to be gone."""
    opened = room.opened()
    store = opened.store()
    try:
        return list(opened.history(store).scratches)
    finally:
        store.close()


def test_two_of_the_same_second_are_two_backups(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither writes over the other's files; by their names they lie after what was taken before, of the old form."""
    monkeypatch.setattr(taking, "now", lambda: datetime(2026, 11, 22, 3, 0, 7, tzinfo=UTC))
    one, other = take(room), take(room)
    assert one.backup != other.backup
    names = {"cache-20261122T030006Z", one.backup, other.backup, "cache-20261122T030008Z"}
    assert min(names) == "cache-20261122T030006Z"
    assert max(names) == "cache-20261122T030008Z"
    assert [one.backup for one in taken(room)] == [one.backup, other.backup]
    keys = room.client().list_objects_v2(Bucket=room.bucket["bucket"], Prefix=f"{room.bucket['prefix']}/")
    assert keys["KeyCount"] == 4


def test_what_lies_on_the_disk_is_in_a_scratch_that_is_thrown_away(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded before it is made, whatever comes of the backup."""

    async def fails(asked: TakeAsked) -> None:
        assert asked.folder.parent == room.scratch
        (asked.folder / "rows").write_text("customers")
        raise CouldNotObserve("redis main: ConnectionError")

    take(room)
    monkeypatch.setattr(Scripted, "does", staticmethod(fails))
    with pytest.raises(CouldNotObserve, match="ConnectionError"):
        take(room)
    assert list(room.scratch.iterdir()) == list((room.folder / "state" / "locks").iterdir()) == []
    kinds = [one.type for one in room.events()]
    assert kinds == ["scratch.planned", "scratch.gone", "backup.announced", "backup.taken", *kinds[:2]]


@pytest.mark.parametrize("limit", ["disk", "time"])
def test_one_without_end_is_given_up(room: Room, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """Where it fills more than the environment allows, and where it takes too long; nothing is left."""

    async def goes_on(asked: TakeAsked) -> None:
        (asked.folder / "data").write_bytes(b"x" * (2_000_000 if limit == "disk" else 1))
        await asyncio.sleep(600)

    monkeypatch.setattr(Scripted, "does", staticmethod(goes_on))
    if limit == "time":
        monkeypatch.setattr(taking, "patience", lambda _store: timedelta(seconds=0.2))
    said = "backups.disk allows 1000000" if limit == "disk" else "the backup of cache .*: no end within"
    with pytest.raises(CouldNotObserve, match=said):
        take(room)
    assert list(room.scratch.iterdir()) == []


@pytest.mark.parametrize("by", ["backup", "verification"])
def test_what_a_killed_one_left_is_swept(room: Room, by: str) -> None:
    """By the next backup or verification on that machine; not while it goes on, and not from another machine."""
    opened = room.opened()
    left = {}
    for name, machine in (("dead", platform.node()), ("live", platform.node()), ("far", "elsewhere")):
        planned = plan_scratch(room.scratch, name, "cache", backup=name).model_copy(update={"machine": machine})
        make_scratch(Scratch(planned.scratch, Path(planned.folder), 1), opened.chain)
        (Path(planned.folder) / "rows").write_text("customers")
        room.write(planned)
        left[name] = planned

    async def sweep() -> None:
        async with held(opened, left["live"]):
            if by == "backup":
                await take_backup(opened, "cache", opened.book.stores["cache"])
            else:
                await verify(opened, ("cache",), shown=False)

    asyncio.run(sweep())
    assert sorted(path.name for path in room.scratch.iterdir()) == sorted(left[one].scratch for one in ("live", "far"))
    assert sorted(open_places(room)) == sorted(left[one].scratch for one in ("live", "far"))


@pytest.mark.parametrize("by", ["backup", "verification"])
@pytest.mark.parametrize("where", ["before its manifest", "after its manifest"])
def test_killed_beside_its_manifest(room: Room, monkeypatch: pytest.MonkeyPatch, where: str, by: str) -> None:
    """What is in the bucket just as it was announced is recorded by who comes next; what is not there is not."""

    def killed(*_: object) -> None:
        raise LedgerError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(taking, "_put" if where.startswith("before") else "_record", killed)
        with pytest.raises(LedgerError):
            take(room)
    assert taken(room) == []
    if by == "backup":
        take(room)
    ended = asyncio.run(verify(room.opened(), ("cache",), shown=False))

    names = {one.backup for one in taken(room)}
    assert names == {asked.backup for asked in (Scripted.asked if where.startswith("after") else Scripted.asked[1:])}
    assert len(names) == len(taken(room))
    assert proven(ended) == bool(names)


def test_another_manifest_is_not_recorded(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's, under the name that was announced, is nobody's."""

    def killed(_bucket: object, _name: str, manifest: BackupManifest) -> None:
        key = f"{room.bucket['prefix']}/cache/{manifest.backup}.manifest.json"
        room.put_object(key, manifest.text().replace(b'"keys":1', b'"keys":2'))
        raise LedgerError("gone")

    monkeypatch.setattr(catalogue, "_AGAIN", 0.0)
    with monkeypatch.context() as broken:
        broken.setattr(taking, "_put", killed)
        with pytest.raises(LedgerError):
            take(room)
    asyncio.run(verify(room.opened(), ("cache",), shown=False))
    assert taken(room) == []
    assert "manifest" in room.verified()[-1].outcome.summary


def test_what_may_be_damaged_is_not_relied_on(room: Room) -> None:
    """A backup after a verification that did not pass uploads all of it afresh; after one that did, it need not.

    Nor where only a figure of the moment was wrong, such as what was lost.
    """
    late, other = Measurement.number("loss", 1e6, "s"), Measurement.number("databases_differ", 1)

    async def loses(_asked: object) -> Seen:
        return Seen([late if one.name == "loss" else one for one in GOOD])

    async def differs(_asked: object) -> Seen:
        return Seen([*GOOD[:-1], other])

    take(room)
    for script in (well, differs, loses, well):
        use(script)
        asyncio.run(verify(room.opened(), ("cache",), shown=False))
        take(room)
    assert [one.afresh for one in Scripted.asked] == [False, False, True, False, False]
    assert room.verified()[2].outcome.verdict is Verdict.FAIL

    room.write(room.verified()[-1].model_copy(update={"outcome": Outcome.unknown("S3 is silent"), "verification": "w"}))
    take(room)
    assert Scripted.asked[-1].afresh
