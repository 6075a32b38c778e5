"""S3 objects backed up with their versions, and verified by restoring each: good ones pass, damaged ones never."""

import secrets
from collections.abc import Callable
from datetime import timedelta

import pyrage
import pytest

from deployments.rehearsal.aws import make_bucket
from tasks.backup_store import AtRest, BackupStore
from tasks.backups import catalogue, object_pool
from tasks.backups.catalogue import read_catalogue
from tasks.backups.object_source import ObjectSource
from tests.conftest import Estates, S3Server
from tests.tasks.backups.object_room import ObjectRoom
from tests.tasks.backups.redis_room import ago, found
from tminus.backups.catalogue import tell
from tminus.backups.object_list import ListedObject
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict


@pytest.fixture
def room(estates: Estates, s3_server: S3Server) -> ObjectRoom:
    """Thirty invoices, two of them alike, some written twice, some deleted, and a mark of five minutes ago."""
    live = f"live-{secrets.token_hex(6)}"
    make_bucket(s3_server.at.address, live)
    made = ObjectRoom(estates, s3_server, live)
    for number in range(30):
        made.put(f"invoice/{number:03}.txt", f"invoice {number} of {live}".encode() * 40)
    made.put("invoice/005.txt", b"the second version")
    made.put("invoice/006.txt", b"the second version")
    made.put("empty", b"")
    made.put("ünïcode/日本", b"x" * 100_000, CacheControl="no-cache")
    for number in (7, 8):
        s3_server.client().delete_object(Bucket=live, Key=f"shop/invoice/{number:03}.txt")
    s3_server.client().put_object(Bucket=live, Key="elsewhere/of-another-system", Body=b"not ours")
    made.mark(3, ago(minutes=5))
    return made


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


async def test_unchanged_objects_are_stored_once(room: ObjectRoom) -> None:
    """A second backup stores nothing but its list and what is new; equal contents are one."""
    await room.take()
    before = set(room.stored_keys())
    assert len(before) == 31  # 31 objects, of which two are alike, and the list
    room.put("invoice/001.txt", b"changed")
    manifest = await room.take()
    assert len(set(room.stored_keys()) - before) == 2
    assert room.judged(await room.verify(manifest)).verdict is Verdict.PASS


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


async def test_contents_that_no_backup_names_any_more_should_be_gone(
    room: ObjectRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They count as overdue, two days after one and a half `keep`, as backups do two days after theirs."""
    await room.take()
    async with room.estate() as estate:
        bucket = BackupStore.open(estate, "backups")
        end = room.store.keep * 1.5 + room.store.every + timedelta(days=1)
        monkeypatch.setattr(catalogue, "now", lambda: now() + end - timedelta(minutes=1))
        assert read_catalogue(bucket, "invoices", room.store, tuple).outlived.contents == 0
        monkeypatch.setattr(catalogue, "now", lambda: now() + end + timedelta(minutes=1))
        found = read_catalogue(bucket, "invoices", room.store, tuple)
    assert found.outlived.contents == len([key for key in room.stored_keys() if ".objects/" in key]) == 30
    told = tell(found, room.store, now())
    assert any(one.name == "overdue" and one.quantity is not None and one.quantity.value == 30 for one in told.found)
    assert any("30 contents of objects should be gone" in line for line in told.details)


async def test_nothing_is_readable_without_the_key(room: ObjectRoom) -> None:
    """Every stored object is age's, and no name of an invoice is in any of them or in the manifest."""
    manifest = await room.take()
    for key in room.stored_keys():
        assert room.get(key).startswith(b"age-encryption.org/v1\n")
    assert b"invoice/" not in manifest.text()


async def test_new_keys_have_contents_of_their_own(room: ObjectRoom) -> None:
    """After a change of keys everything is stored anew: the new key could not read what the old one can."""
    await room.take()
    room.identity = pyrage.x25519.Identity.generate()
    manifest = await room.take()
    assert room.judged(await room.verify(manifest)).verdict is Verdict.PASS


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


@pytest.mark.parametrize("damage", POOL)
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


@pytest.mark.parametrize("damage", LISTS)
async def test_altered_list(room: ObjectRoom, damage: str) -> None:
    """A list that is not the one that was written fails, though its hashes agree with the manifest."""
    manifest = await room.take()
    seen = await room.verify(room.relist(manifest, LISTS[damage](room.listed(manifest))))
    assert room.judged(seen).verdict is Verdict.FAIL, seen


async def test_list_of_another_backup(room: ObjectRoom) -> None:
    """Yesterday's list under today's name fails."""
    before = room.listed(await room.take())
    room.put("invoice/001.txt", b"changed")
    manifest = await room.take()
    seen = await room.verify(room.relist(manifest, [one.line() for one in before]))
    assert room.judged(seen).verdict is Verdict.FAIL, seen


async def test_unencrypted_list_fails(room: ObjectRoom) -> None:
    """A list that anybody can read fails."""
    manifest = await room.take()
    seen = await room.verify(room.relist(manifest, [one.line() for one in room.listed(manifest)], recipients=()))
    assert found(seen, "readable_without_key") == "readable_without_key yes"
    assert room.judged(seen).verdict is Verdict.FAIL


async def test_wrong_key(room: ObjectRoom) -> None:
    """With another key than it was encrypted to, nothing can be told."""
    manifest = await room.take()
    room.identity = pyrage.x25519.Identity.generate()
    with pytest.raises(CouldNotObserve, match="is not a key of"):
        await room.verify(manifest)


async def test_full_scratch_is_unknown(room: ObjectRoom) -> None:
    """Where the scratch does not hold all, it is said how many were restored."""
    manifest = await room.take()
    with pytest.raises(CouldNotObserve, match=r"\d+ of 31 objects were restored, then the scratch was full"):
        await room.verify(manifest, disk=30_000)


async def test_live_version_that_differs(room: ObjectRoom) -> None:
    """A backup that says of a live version what the bucket does not say fails, even where its own parts agree."""
    manifest = await room.take()
    listed = room.listed(manifest)
    forged = [one.model_copy(update={"etag": '"0"'}) if number == 3 else one for number, one in enumerate(listed)]
    seen = await room.verify(room.relist(manifest, [one.line() for one in forged]))
    assert found(seen, "objects_differ") == "objects_differ 1"


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


async def test_without_a_mark_the_loss_is_not_known(room: ObjectRoom) -> None:
    """No mark, no loss: that is never a pass."""
    room.s3.client().delete_object(Bucket=room.live, Key="shop/tminus/marker.json")
    seen = await room.verify(await room.take())
    assert found(seen, "loss") == "no loss"
    assert room.judged(seen).verdict is not Verdict.PASS


async def test_store_that_is_not_encrypted(room: ObjectRoom) -> None:
    """A book may say that a store is not encrypted here; objects of no bytes come back all the same."""
    room.encrypted = False
    manifest = await room.take(recipients=())
    assert room.judged(await room.verify(manifest)).verdict is Verdict.PASS
