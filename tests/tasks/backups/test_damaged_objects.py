"""Backups of S3 objects that are damaged, in their contents or in their list: none of them passes."""

from collections.abc import Callable

import pyrage
import pytest

from tests.conftest import Estates, S3Server
from tests.sampling import few
from tests.tasks.backups.object_room import ObjectRoom, invoices
from tests.tasks.backups.redis_room import found
from tminus.backups.object_list import ListedObject
from tminus.outcome import Verdict


@pytest.fixture
def room(estates: Estates, s3_server: S3Server) -> ObjectRoom:
    """Thirty invoices."""
    return invoices(estates, s3_server)


def _encrypted(room: ObjectRoom, content: bytes) -> bytes:
    return pyrage.encrypt(content, [room.identity.to_public()])


POOL: dict[str, Callable[[ObjectRoom, ListedObject], None]] = {
    "an object is missing": lambda room, one: room.s3.client().delete_object(  # type: ignore[dict-item, return-value]
        Bucket=room.s3.at.address.bucket, Key=room.pooled(one)
    ),
    "an object is another": lambda room, one: room.put_stored(room.pooled(one), _encrypted(room, b"altered")),
    "an object of another version": lambda room, one: room.put_stored(
        room.pooled(one), _encrypted(room, f"invoice 5 of {room.live}".encode() * 40)
    ),
    "an object is cut off": lambda room, one: room.put_stored(room.pooled(one), room.get(room.pooled(one))[:-9]),
    "a bit of an object": lambda room, one: room.put_stored(
        room.pooled(one), room.get(room.pooled(one))[:-1] + bytes([room.get(room.pooled(one))[-1] ^ 1])
    ),
    "an object is empty": lambda room, one: room.put_stored(room.pooled(one), b""),
    "an object is not encrypted": lambda room, one: room.put_stored(
        room.pooled(one), pyrage.decrypt(room.get(room.pooled(one)), [room.identity])
    ),
    "an object is encrypted to another key": lambda room, one: room.put_stored(
        room.pooled(one), pyrage.encrypt(b"the second version", [pyrage.x25519.Identity.generate().to_public()])
    ),
}


@pytest.mark.parametrize("damage", few(POOL, "an object is missing"))
async def test_damaged_content(room: ObjectRoom, damage: str) -> None:
    """A content that is not what the list says fails, and its key is not told."""
    manifest = await room.take()
    one = next(one for one in room.listed(manifest) if one.key.endswith("005.txt"))
    POOL[damage](room, one)
    seen = await room.verify(manifest)
    assert room.judged(seen).verdict is Verdict.FAIL, seen
    assert not any("005" in line for line in (*seen.details, seen.because))


def _other_version(one: ListedObject) -> ListedObject:
    return one.model_copy(update={"version": "another"})


LISTS: dict[str, Callable[[list[ListedObject]], list[bytes]]] = {
    "an object is left out": lambda listed: [one.line() for one in listed[:4] + listed[5:]],
    "an object is named twice": lambda listed: [one.line() for one in listed[:5] + listed[4:]],
    "two contents are swapped": lambda listed: [
        one.line()
        for one in (
            listed[0],
            listed[1].model_copy(update={"stored": listed[2].stored, "sha256": listed[2].sha256}),
            listed[2].model_copy(update={"stored": listed[1].stored, "sha256": listed[1].sha256}),
            *listed[3:],
        )
    ],
    "a version is another": lambda listed: [one.line() for one in (listed[0], _other_version(listed[1]), *listed[2:])],
    "a key is another": lambda listed: [
        one.line() for one in (listed[0], listed[1].model_copy(update={"key": f"{listed[1].key}x"}), *listed[2:])
    ],
    "its order is another": lambda listed: [one.line() for one in reversed(listed)],
    "it is cut off": lambda listed: [b"".join(one.line() for one in listed)[:-70]],
    "its last line is missing": lambda listed: [one.line() for one in listed[:-1]],
    "it is empty": lambda _listed: [b"\n"],
    "it is no list": lambda _listed: [b"{}\n", b"[1, 2]\n"],
    "it leads elsewhere": lambda listed: [
        listed[0].line(),
        listed[1].line().replace(b'"stored":"', b'"stored":"../../'),
        *(one.line() for one in listed[2:]),
    ],
}


@pytest.mark.parametrize("damage", few(LISTS, "an object is left out"))
async def test_altered_list(room: ObjectRoom, damage: str) -> None:
    """A list that is not the one that was written fails, though its hashes agree with the manifest."""
    manifest = await room.take()
    seen = await room.verify(room.relist(manifest, LISTS[damage](room.listed(manifest))))
    assert room.judged(seen).verdict is Verdict.FAIL, seen


@pytest.mark.long
async def test_list_of_another_backup(room: ObjectRoom) -> None:
    """Yesterday's list under today's name fails."""
    before = room.listed(await room.take())
    room.put("invoice/001.txt", b"changed")
    manifest = await room.take()
    seen = await room.verify(room.relist(manifest, [one.line() for one in before]))
    assert room.judged(seen).verdict is Verdict.FAIL, seen


@pytest.mark.long
async def test_unencrypted_list_fails(room: ObjectRoom) -> None:
    """A list that anybody can read fails."""
    manifest = await room.take()
    seen = await room.verify(room.relist(manifest, [one.line() for one in room.listed(manifest)], recipients=()))
    assert found(seen, "readable_without_key") == "readable_without_key yes"
    assert room.judged(seen).verdict is Verdict.FAIL


@pytest.mark.long
async def test_live_version_that_differs(room: ObjectRoom) -> None:
    """A backup that says of a live version what the bucket does not say fails, even where its own parts agree."""
    manifest = await room.take()
    listed = room.listed(manifest)
    forged = [one.model_copy(update={"etag": '"0"'}) if number == 3 else one for number, one in enumerate(listed)]
    seen = await room.verify(room.relist(manifest, [one.line() for one in forged]))
    assert found(seen, "objects_differ") == "objects_differ 1"
