"""The flow of backup verification, in this process: a real ledger, moto's S3, and a fake in the place of a restore."""

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta

import pytest

from flows import restoring
from flows.backup_verification import proven, verify
from flows.verifying import Verification
from tasks.backups.asked import Asked, Seen, manifest_key
from tests.conftest import Estates, S3Server
from tests.flows.backup_room import GOOD, Room, Scripted, hang, one_store, use, verified, well
from tminus import events as ev
from tminus.errors import CouldNotObserve, MissingSecret, Refused, UsageError
from tminus.expectation import Measurement
from tminus.outcome import Verdict


@pytest.fixture
def room(estates: Estates, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """One store that is well, restored by a fake that sees nothing wrong."""
    yield from one_store(estates, s3_server, monkeypatch)


def kinds(room: Room) -> list[str]:
    """What the ledger holds, event by event."""
    return [one.type for one in room.events()]


def test_a_good_backup_is_proven(room: Room) -> None:
    """Every stage is in the ledger, in its order, with the figures; of the scratch nothing is left."""
    manifest = room.put()
    ended = verified(room)

    assert proven(ended)
    assert kinds(room) == [
        *("backup.taken", "verification.began", "scratch.planned", "scratch.gone"),
        *("backup.verified", "verification.ended"),
    ]
    (said,) = room.verified()
    assert said.outcome.verdict is Verdict.PASS, said.outcome.summary
    assert (said.backup, said.rto_seconds, said.rpo_seconds) == (manifest.backup, 1.5, 60.0)
    assert {"manifest", "files", "restore"} <= set(said.stages)
    assert ended.common_mark is not None
    assert ended.common_mark.number == 7
    assert list(room.scratch.iterdir()) == []
    (asked,) = Scripted.asked
    assert asked.scratch.disk == 1_000_000
    assert asked.scratch.folder.parent == room.scratch


def test_nothing_there_is_a_failure(room: Room) -> None:
    """A store without any backup fails, and no scratch is made for it."""
    ended = verified(room)

    assert ended.counts == {"fail": 1}
    assert "there is no backup" in room.verified()[0].outcome.summary
    assert "scratch.planned" not in kinds(room)


def test_a_store_that_cannot_be_looked_at_leaves_the_others(room: Room) -> None:
    """It is unknown with its reason; the next store is verified all the same."""

    async def silent(asked: Asked) -> Seen:
        if asked.name == "cache":
            raise CouldNotObserve("S3 answered 500 for the dump")
        return Seen(GOOD)

    use(silent)
    room.put("cache")
    room.put("queue")
    ended = verified(room, "cache", "queue")

    assert ended.counts == {"unknown": 1, "pass": 1}
    assert room.verified("cache")[0].outcome.summary == "S3 answered 500 for the dump"
    assert room.verified("queue")[0].outcome.verdict is Verdict.PASS
    assert ended.common_mark is None
    assert not proven(ended)


@pytest.mark.parametrize("broken", [MissingSecret("env:KEY is not there"), ValueError("a customer's name")])
def test_whatever_a_verifier_raises_is_unknown(room: Room, broken: Exception) -> None:
    """What is a fault of tminus says so, and nothing of what was read."""

    async def breaks(_asked: Asked) -> Seen:
        raise broken

    use(breaks)
    room.put()
    verified(room)

    outcome = room.verified()[0].outcome
    assert outcome.verdict is Verdict.UNKNOWN
    assert "customer" not in outcome.model_dump_json()
    assert list(room.scratch.iterdir()) == []


def test_a_restore_without_end_is_given_up(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its scratch is thrown away, and it is unknown."""
    monkeypatch.setattr(restoring, "patience", lambda _store: timedelta(seconds=0.2))
    use(hang)
    room.put()
    verified(room)

    assert "no end within" in room.verified()[0].outcome.summary
    assert list(room.scratch.iterdir()) == []


def test_a_restore_that_fills_the_disk_is_given_up(room: Room) -> None:
    """More than the environment allows is unknown, with both numbers, and nothing is left."""

    async def fill(asked: Asked) -> Seen:
        await asyncio.to_thread((asked.scratch.folder / "data").write_bytes, b"x" * 2_000_000)
        return await hang(asked)

    use(fill)
    room.put()
    verified(room)

    assert "backups.disk allows 1000000" in room.verified()[0].outcome.summary
    assert list(room.scratch.iterdir()) == []


def test_what_the_restored_data_say_is_judged(room: Room) -> None:
    """A difference in the data fails, with the part that is wrong; what was not measured proves nothing."""

    async def differs(_asked: Asked) -> Seen:
        other = [one for one in GOOD if one.name != "databases_differ"]
        return Seen([*other, Measurement.number("databases_differ", 1)], ("database 0: 3 keys, not 4",), "database 0")

    async def partly(_asked: Asked) -> Seen:
        return Seen(GOOD[:-1])

    room.put()
    for script, verdict in ((differs, Verdict.FAIL), (partly, Verdict.UNKNOWN)):
        use(script)
        verified(room)
        assert room.verified()[-1].outcome.verdict is verdict
    assert "database 0" in room.verified()[0].outcome.summary


@pytest.mark.parametrize("change", ["unrecorded", "altered", "copied", "garbage"])
def test_a_manifest_that_the_ledger_does_not_know_is_not_restored(room: Room, change: str) -> None:
    """Nobody's dump but ours is run in a server of ours."""
    match change:
        case "unrecorded":
            room.put(recorded=False)
        case "altered":
            room.put(text=lambda text: text.replace(b'"keys":1', b'"keys":2'))
        case "garbage":
            room.put(text=lambda _text: b"{")
        case _:
            old = room.put(ago=timedelta(hours=30))
            room.put_object(manifest_key(room.bucket["prefix"], "cache", "cache-29990101T000000Z"), old.text())
    verified(room)

    outcome = room.verified()[0].outcome
    assert outcome.verdict is Verdict.FAIL
    assert "manifest" in outcome.summary
    assert not Scripted.asked


@pytest.mark.parametrize("change", ["gone", "longer", "again"])
def test_files_that_are_not_what_the_manifest_says(room: Room, change: str) -> None:
    """S3's own word about them is enough to fail; they are restored and looked at all the same."""
    key = room.put().files[0].key
    if change == "gone":
        room.remove(key)
    else:
        room.put_object(key, b"what redis-server wr0te" if change == "again" else b"longer" * 10)
    verified(room)

    outcome = room.verified()[0].outcome
    assert outcome.verdict is Verdict.FAIL
    assert "files_damaged 1" in outcome.summary


def test_two_at_once_are_refused(room: Room) -> None:
    """The second is told who holds the backups, and changes nothing."""
    room.put()

    async def both() -> None:
        opened = room.opened()
        store = opened.store()
        one = Verification(store, opened, ("cache",))
        async with one.conducting():
            await verify(opened, ("cache",), shown=False)
        store.close()

    with pytest.raises(Refused, match="conducted by process"):
        asyncio.run(both())


def test_an_unknown_store_is_named(room: Room) -> None:
    """With the nearest that there is."""
    with pytest.raises(UsageError, match="cache"):
        verified(room, "cahce")


def test_a_cancelled_verification_leaves_nothing(room: Room) -> None:
    """Ctrl-C throws the scratch away; that it broke off is written down by the next."""
    room.put()
    use(hang)

    async def cancelled() -> None:
        running = asyncio.create_task(verify(room.opened(), ("cache",), shown=False))
        while not Scripted.asked:
            await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    assert list(room.scratch.iterdir()) == []
    assert kinds(room)[-1] == "scratch.gone"
    use(well)
    verified(room)
    assert [one.broke_off for one in room.events() if isinstance(one, ev.VerificationEnded)] == [True, False]


def test_what_is_not_ours_is_never_swept(room: Room) -> None:
    """Neither a folder whose marker names another ledger, nor one that has none, nor a link: it stays as it is."""
    room.put()
    elsewhere = room.folder / "precious"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    planned = []
    for number, marker in enumerate(("", '{"scratch":"tminus-scratch-1","chain":"backups.other.here"}', "link")):
        name = f"tminus-scratch-{number}"
        folder = room.scratch / name
        if marker == "link":
            folder.symlink_to(elsewhere)
        else:
            folder.mkdir(parents=True)
            (folder / "data").touch()
            if marker:
                (folder / "tminus-scratch.json").write_text(marker)
        planned.append(
            ev.ScratchPlanned(verification="v", store="cache", scratch=name, folder=str(folder), machine=os.uname()[1])
        )
    room.write(*planned)
    verified(room)

    assert sorted(path.name for path in room.scratch.iterdir()) == [one.scratch for one in planned]
    assert (elsewhere / "file").exists()
    assert kinds(room).count("scratch.gone") == 1


def test_no_secret_is_a_parameter(room: Room) -> None:
    """The flow takes paths and names; keys and DSNs are read where they are used."""
    from flows.backup_verification import backup_verification

    assert set(backup_verification.parameters.properties) == {"runbooks", "environment", "stores", "older"}
