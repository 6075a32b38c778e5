"""A backup that somebody replaced after it was chosen: nothing of it is run on the live server."""

import pytest

from flows import restore_beside
from tasks.backup_store import BackupStore
from tasks.backups.stored_file import upload
from tasks.restores import pg_restore
from tests.flows.restores.room import Room
from tests.sampling import few
from tests.tasks.backups.dumps.shop import Shop
from tminus.expectation import Measurement


def replaced(room: Room, shop: Shop) -> None:
    """The newest dump is another one, encrypted to the same key, which is no secret."""
    client, bucket = shop.s3.client(), shop.s3.at.address.bucket
    listed = client.list_objects_v2(Bucket=bucket, Prefix=f"rooms/{room.database}/")["Contents"]
    [key] = [one["Key"] for one in listed if one["Key"].endswith("/dump")]
    with (room.folder / "other").open("w+b") as file:
        file.write(shop.plain)
        file.seek(0)
        upload(BackupStore(client, bucket, ""), key, file, (shop.recipient,), name="dump")


@pytest.mark.parametrize("told_by_s3", few([True, False], False))
@pytest.mark.long
def test_it_is_never_run(room: Room, shop: Shop, monkeypatch: pytest.MonkeyPatch, told_by_s3: bool) -> None:
    """S3's own ETag tells it before it is fetched, and its hash before pg_restore begins."""

    async def never(*_: object) -> str:
        pytest.fail("it was restored")

    monkeypatch.setattr(pg_restore, "fill", never)
    if not told_by_s3:
        none = (Measurement.number("files_damaged", 0), list[str]())
        monkeypatch.setattr(restore_beside, "damaged_files", lambda *_: none)
    chain = room.asked(unsaved="the orders are gone anyway")
    room.approved(chain)
    replaced(room, shop)
    found = room.restore("--resume")
    assert found.exit_code == 1, found.output
    assert ("so it is not restored" in found.output) is not told_by_s3, found.output
    assert "files_damaged 1" in found.output
    assert room.databases() == {""}
    assert room.holder() is None
