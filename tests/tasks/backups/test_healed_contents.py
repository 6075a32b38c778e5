"""A stored content that was damaged is stored again by a later backup: what it names must be good, not just there."""

import asyncio

import pytest

from tests.conftest import Estates, S3Server
from tests.sampling import few
from tests.tasks.backups.object_room import ObjectRoom, invoices
from tminus.outcome import Verdict

KEY = "shop/ünïcode/日本"


@pytest.fixture
def room(estates: Estates, s3_server: S3Server) -> ObjectRoom:
    """A bucket of invoices."""
    return invoices(estates, s3_server)


@pytest.mark.parametrize("damage", few(["cut off", "altered"], "altered"))
async def test_a_damaged_content_is_healed(room: ObjectRoom, damage: str) -> None:
    """One of another size by any backup; one that is as long by that which is taken after a verification failed."""
    (one,) = (one for one in room.listed(await room.take()) if one.key == KEY)
    good = room.get(room.pooled(one))
    bad = good[:-1000] if damage == "cut off" else good[:-1] + bytes([good[-1] ^ 1])
    room.put_stored(room.pooled(one), bad)
    manifest = await room.take()
    assert (room.get(room.pooled(one)) != bad) == (damage == "cut off")
    if damage == "altered":
        assert room.judged(await room.verify(manifest)).verdict is Verdict.FAIL
        await asyncio.sleep(1.1)  # S3 counts whole seconds
        manifest = await room.take(afresh=True)
    assert room.judged(await room.verify(manifest)).verdict is Verdict.PASS


@pytest.mark.long
async def test_a_plain_content_is_held_against_its_checksum(room: ObjectRoom) -> None:
    """Without encryption S3's own SHA-256 is that of the content."""
    room.encrypted = False
    (one,) = (one for one in room.listed_plain(await room.take([])) if one.key == KEY)
    room.s3.client().put_object(
        Bucket=room.s3.at.address.bucket, Key=room.pooled(one), Body=b"y" * one.size, ChecksumAlgorithm="SHA256"
    )
    await room.take([])
    assert room.get(room.pooled(one)) == b"x" * one.size
