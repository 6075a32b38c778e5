"""The contents of objects: each stored once, made young in time, and forgotten once no backup names it."""

from datetime import timedelta

import pyrage
import pytest

from tasks.backup_store import AtRest, BackupStore
from tasks.backups import catalogue, object_pool
from tasks.backups.catalogue import read_catalogue
from tests.conftest import Estates, S3Server
from tests.tasks.backups.object_room import ObjectRoom, invoices
from tminus.backups.catalogue import tell
from tminus.clock import now
from tminus.outcome import Verdict


@pytest.fixture
def room(estates: Estates, s3_server: S3Server) -> ObjectRoom:
    """Thirty invoices."""
    return invoices(estates, s3_server)


async def test_unchanged_objects_are_stored_once(room: ObjectRoom) -> None:
    """A second backup stores nothing but its list and what is new; equal contents are one."""
    await room.take()
    before = set(room.stored_keys())
    assert len(before) == 31  # 31 objects, of which two are alike, and the list
    room.put("invoice/001.txt", b"changed")
    manifest = await room.take()
    assert len(set(room.stored_keys()) - before) == 2
    assert room.judged(await room.verify(manifest)).verdict is Verdict.PASS


@pytest.mark.long
async def test_what_is_named_again_is_made_young_in_time(room: ObjectRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nothing which a lifecycle rule removes by its age is named by a backup that is kept."""
    await room.take()
    before = {key: room.get(key) for key in room.stored_keys()}
    renewed: list[str] = []

    def renew(_store: BackupStore, key: str, _at_rest: AtRest) -> bool:
        renewed.append(key)
        return key.endswith("f")

    monkeypatch.setattr(BackupStore, "renew", renew)
    quarter = room.store.keep / 4
    monkeypatch.setattr(object_pool, "now", lambda: now() + quarter - timedelta(minutes=1))
    await room.take()
    assert renewed == []
    monkeypatch.setattr(object_pool, "now", lambda: now() + quarter + timedelta(minutes=1))
    manifest = await room.take()
    assert set(renewed) == {key for key in before if ".objects/" in key}
    # Encrypted anew, it has other bytes: what S3 does not renew from its own copy is stored again.
    assert {key for key in renewed if room.get(key) == before[key]} == {key for key in renewed if key.endswith("f")}
    assert room.judged(await room.verify(manifest)).verdict is Verdict.PASS


@pytest.mark.long
async def test_contents_that_no_backup_names_any_more_should_be_gone(
    room: ObjectRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They count as overdue, two days after one and a half `keep`, as backups do two days after theirs."""
    await room.take()
    async with room.estate() as estate:
        bucket = BackupStore.open(estate, "backups")
        end = room.store.keep * 1.5 + timedelta(days=2)
        monkeypatch.setattr(catalogue, "now", lambda: now() + end - timedelta(minutes=1))
        assert read_catalogue(bucket, "invoices", room.store, tuple).outlived.contents == 0
        monkeypatch.setattr(catalogue, "now", lambda: now() + end + timedelta(minutes=1))
        found = read_catalogue(bucket, "invoices", room.store, tuple)
    assert found.outlived.contents == len([key for key in room.stored_keys() if ".objects/" in key]) == 30
    told = tell(found, room.store, now())
    assert any(one.name == "overdue" and one.quantity is not None and one.quantity.value == 30 for one in told.found)
    assert any("30 contents of objects should be gone" in line for line in told.details)


@pytest.mark.long
async def test_new_keys_have_contents_of_their_own(room: ObjectRoom) -> None:
    """After a change of keys everything is stored anew: the new key could not read what the old one can."""
    await room.take()
    room.identity = pyrage.x25519.Identity.generate()
    manifest = await room.take()
    assert room.judged(await room.verify(manifest)).verdict is Verdict.PASS
