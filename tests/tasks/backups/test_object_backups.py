"""S3 objects backed up with their versions, and verified by restoring each: good ones pass."""

import secrets

import pyrage
import pytest

from deployments.rehearsal.aws import make_bucket
from tasks.backups.object_source import ObjectSource
from tests.conftest import Estates, S3Server
from tests.tasks.backups.object_room import ObjectRoom, invoices
from tests.tasks.backups.redis_room import ago, found
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict


@pytest.fixture
def room(estates: Estates, s3_server: S3Server) -> ObjectRoom:
    """Thirty invoices."""
    return invoices(estates, s3_server)


async def test_good_backup_passes(room: ObjectRoom) -> None:
    """Every object comes back in the version that was current, deleted ones do not, and the loss is the mark's."""
    manifest = await room.take()
    seen = await room.verify(manifest)
    assert room.judged(seen).verdict is Verdict.PASS, seen
    assert 300 <= float(found(seen, "loss").split()[1].removesuffix("s")) < 400
    listed = {one.key: one for one in room.listed(manifest)}
    assert len(listed) == 31
    assert "shop/invoice/007.txt" not in listed
    assert listed["shop/invoice/005.txt"].size == len(b"the second version")
    assert listed["shop/ünïcode/日本"].content_type == "text/plain"
    assert "31 of a sample of 31 objects held against the live bucket, 0 differ" in seen.details


async def test_nothing_is_readable_without_the_key(room: ObjectRoom) -> None:
    """Every stored object is age's, and no name of an invoice is in any of them or in the manifest."""
    manifest = await room.take()
    for key in room.stored_keys():
        assert room.get(key).startswith(b"age-encryption.org/v1\n")
    assert b"invoice/" not in manifest.text()


@pytest.mark.long
async def test_changes_under_way_are_no_damage(room: ObjectRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written or deleted after it was listed is backed up in the version that was listed."""
    listing = ObjectSource.current

    def busy(source: ObjectSource, leave_out: str = "") -> "object":
        for one in list(listing(source, leave_out)):
            if one.key.endswith(("1.txt", "marker.json")):
                room.put(one.key.removeprefix("shop/"), b"written while it was backed up")
            if one.key.endswith("2.txt"):
                room.s3.client().delete_object(Bucket=room.live, Key=one.key)
            yield one

    monkeypatch.setattr(ObjectSource, "current", busy)
    manifest = await room.take()
    seen = await room.verify(manifest)
    assert room.judged(seen).verdict is Verdict.PASS, seen
    assert manifest.marker is not None
    assert manifest.marker.number == 3


@pytest.mark.long
async def test_bucket_without_versions(room: ObjectRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without versions, what is overwritten while it is read is read again, and what is gone is left out."""
    room.live = f"plain-{secrets.token_hex(6)}"
    region = room.s3.at.address.region
    room.s3.client().create_bucket(Bucket=room.live, CreateBucketConfiguration={"LocationConstraint": region})
    for number in range(5):
        room.put(f"{number}.txt", b"before")
    room.mark(4, ago(minutes=1))
    listing = ObjectSource.current

    def busy(source: ObjectSource, leave_out: str = "") -> "object":
        for one in list(listing(source, leave_out)):
            if one.key.endswith("1.txt"):
                room.put("1.txt", b"after it was listed")
            if one.key.endswith("2.txt"):
                room.s3.client().delete_object(Bucket=room.live, Key=one.key)
            yield one

    monkeypatch.setattr(ObjectSource, "current", busy)
    manifest = await room.take()
    assert [(one.key, one.size) for one in room.listed(manifest)][:3] == [
        ("shop/0.txt", 6),
        ("shop/1.txt", 19),
        ("shop/3.txt", 6),
    ]
    assert room.judged(await room.verify(manifest)).verdict is Verdict.PASS


@pytest.mark.long
async def test_wrong_key(room: ObjectRoom) -> None:
    """With another key than it was encrypted to, nothing can be told."""
    manifest = await room.take()
    room.identity = pyrage.x25519.Identity.generate()
    with pytest.raises(CouldNotObserve, match="is not a key of"):
        await room.verify(manifest)


@pytest.mark.long
async def test_full_scratch_is_unknown(room: ObjectRoom) -> None:
    """Where the scratch does not hold all, it is said how many were restored."""
    manifest = await room.take()
    with pytest.raises(CouldNotObserve, match=r"\d+ of 31 objects were restored, then the scratch was full"):
        await room.verify(manifest, disk=30_000)


@pytest.mark.long
async def test_half_uploads_are_named(room: ObjectRoom) -> None:
    """Uploads in parts that were never completed are counted."""
    room.s3.client().create_multipart_upload(Bucket=room.live, Key="shop/half")
    seen = await room.verify(await room.take())
    assert any(line.startswith("1 uploads in parts were begun in the live bucket") for line in seen.details)
    assert room.judged(seen).verdict is Verdict.PASS


async def test_invariants(room: ObjectRoom) -> None:
    """How many objects, and how many bytes, lie below a prefix may be asked."""
    room.invariants = (
        {"title": "all invoices", "sql": "COUNT shop/invoice/", "expect": "= 28"},
        {"title": "small", "sql": "SIZE shop/ünïcode/", "expect": "< 1000"},
    )
    seen = await room.verify(await room.take())
    assert found(seen, "invariants_broken") == "invariants_broken 1"
    assert "small: 100000, expected < 1000" in seen.details


async def test_empty_bucket_is_no_backup(room: ObjectRoom) -> None:
    """Nothing there is said, and is no backup."""
    room.live = f"void-{secrets.token_hex(6)}"
    make_bucket(room.s3.at.address, room.live)
    with pytest.raises(CouldNotObserve, match="has no object"):
        await room.take()


@pytest.mark.long
async def test_without_a_mark_the_loss_is_not_known(room: ObjectRoom) -> None:
    """No mark, no loss: that is never a pass."""
    room.s3.client().delete_object(Bucket=room.live, Key="shop/tminus/marker.json")
    seen = await room.verify(await room.take())
    assert found(seen, "loss") == "no loss"
    assert room.judged(seen).verdict is not Verdict.PASS


@pytest.mark.long
async def test_store_that_is_not_encrypted(room: ObjectRoom) -> None:
    """A book may say that a store is not encrypted here; objects of no bytes come back all the same."""
    room.encrypted = False
    manifest = await room.take(recipients=())
    assert room.judged(await room.verify(manifest)).verdict is Verdict.PASS
