"""A Redis backed up by its snapshot, and verified by restoring it: good ones pass, damaged ones never."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pyrage
import pytest
import redis
from pydantic import SecretStr

from tests.conftest import Estates, S3Server
from tests.sampling import few
from tests.tasks.backups.redis_room import PROGRAMS, LiveRedis, RedisRoom, ago, edited, fill, found, live_redis
from tests.tasks.backups.redis_writers import writing
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict

RDB = "dump.rdb"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRedis]:
    """A server with keys of every type, and a mark of five minutes ago."""
    with live_redis(PROGRAMS[0], tmp_path_factory.mktemp("live")) as server:
        fill(server)
        server.mark(7, ago(minutes=5))
        yield server


@pytest.fixture
def room(estates: Estates, s3_server: S3Server, live: LiveRedis) -> RedisRoom:
    """Where its backups go."""
    return RedisRoom(estates, s3_server, live)


async def test_good_backup_passes(room: RedisRoom) -> None:
    """What was taken comes back to the byte, and the loss is counted from the mark in it."""
    manifest = await room.take()
    seen = await room.verify(manifest)
    outcome = room.judged(manifest, seen)
    assert outcome.verdict is Verdict.PASS, outcome
    assert found(seen, "readable_without_key") == "readable_without_key no"
    assert 300 <= float(found(seen, "loss").split()[1].removesuffix("s")) < 400, found(seen, "loss")
    assert manifest.marker is not None
    assert manifest.marker.number == 7
    assert any("redis-check-rdb finds nothing wrong" in line for line in seen.details), seen.details


async def test_encrypted_to_the_recipients(room: RedisRoom) -> None:
    """What lies in the bucket begins as age does, and no key's name is in it."""
    manifest = await room.take()
    stored = room._get(manifest.file(RDB).key)
    assert stored.startswith(b"age-encryption.org/v1\n")
    assert b"account:1" not in stored
    assert b"account:1" in room.plain(manifest, RDB)


async def test_no_customers_data_in_the_manifest(room: RedisRoom) -> None:
    """The manifest has counts and hashes, and no key's name."""
    text = (await room.take()).text()
    assert b"account" not in text
    assert b"session" not in text


@pytest.mark.long
async def test_good_while_others_write(room: RedisRoom) -> None:
    """Backups of a busy server pass, each of them."""
    with writing(room.live):
        manifests = [await room.take() for _ in range(4)]
    for manifest in manifests:
        outcome = await room.outcome(manifest)
        assert outcome.verdict is Verdict.PASS, outcome


@pytest.mark.long
async def test_keys_that_expired_since_are_no_damage(room: RedisRoom) -> None:
    """A key whose time ran out after the backup is counted, and what is left of it is not missed."""
    with room.live.client() as client:
        for number in range(50):
            client.set(f"fleeting:{number}", number, px=1500)
        manifest = await room.take()
        client.delete(*(f"fleeting:{number}" for number in range(50)))
    await asyncio.sleep(1.6)
    seen = await room.verify(manifest)
    assert room.judged(manifest, seen).verdict is Verdict.PASS, seen
    assert any("50 of them expired by now" in line for line in seen.details), seen.details


def first_session_changed(client: "redis.Redis") -> object:
    """A value changed that has a time to live."""
    return client.set("session:3", "another", keepttl=True)


def without_ttl(client: "redis.Redis") -> object:
    """Every key lasts for ever."""
    return [client.persist(key) for key in client.scan_iter("session:*")]


def other_ttl(client: "redis.Redis") -> object:
    """A key expires ten minutes later than it should."""
    return client.pexpireat("session:9", int(client.time()[0] + 3600 + 360 + 600) * 1000)


EDITS: dict[str, Callable[["redis.Redis"], object]] = {
    "a key is missing": lambda client: client.delete("account:17"),
    "many keys are missing": lambda client: client.delete(*(f"account:{one}" for one in range(200))),
    "a key too many": lambda client: client.set("account:new", 1),
    "a value is another": lambda client: client.set("account:17", "balance 1000000"),
    "two values are swapped": lambda client: client.mset({"account:1": "balance 14", "account:2": "balance 7"}),
    "a type is another": lambda client: (client.delete("account:5"), client.rpush("account:5", "balance 35")),
    "a field of a hash is another": lambda client: client.hset("order:7", "field 1", 999),
    "a field of a large hash is another": lambda client: client.hset("large hash", "field 1 of it", 999),
    "a member of a set is gone": lambda client: client.srem("numbers:9", 4),
    "a member of a large set is gone": lambda client: client.srem("large set", "member 4 of a large set"),
    "a score is another": lambda client: client.zadd("board:9", {"player 3": 5}),
    "a list is in another order": lambda client: client.rpoplpush("queue:9", "queue:9"),
    "an entry of a stream is gone": lambda client: client.xtrim("events:3", maxlen=0, approximate=False),
    "a consumer group is gone": lambda client: client.xgroup_destroy("events:1", "mailer"),
    "a byte of a large value is another": lambda client: client.setrange("large", 1_200_000, "z"),
    "keys without time to live": without_ttl,
    "a key lost its time to live": lambda client: client.persist("session:5"),
    "a key got a time to live": lambda client: client.expire("account:5", 10**6),
    "a key expires at another time": other_ttl,
    "a value with a time to live is another": first_session_changed,
    "the databases are swapped": lambda client: (
        client.swapdb(0, 3),
        client.set("account:1", "x"),
        client.swapdb(3, 4),
    ),
    "a database is gone": lambda client: client.swapdb(3, 5) and client.execute_command("FLUSHDB"),
    "keys are in another database": lambda client: client.move("account:8", 5),
    "all is gone": lambda client: client.flushall(),
    "the mark is older": lambda client: client.hset("tminus:marker", "number", 6),
}


@pytest.mark.parametrize(
    "damage",
    few(
        EDITS,
        *("a key is missing", "a member of a large set is gone", "a key lost its time to live"),
    ),
)
async def test_wrong_content_in_a_sound_file(room: RedisRoom, tmp_path: Path, damage: str) -> None:
    """A file that loads, whose hashes and manifest agree with it, is caught by what is in it."""
    manifest = await room.take()
    rdb = edited(PROGRAMS[0], room.plain(manifest, RDB), tmp_path / "edit", EDITS[damage])
    seen = await room.verify(room.replace(manifest, RDB, rdb))
    assert room.judged(manifest, seen).verdict is Verdict.FAIL, seen
    assert found(seen, "files_damaged") == "files_damaged 0"
    assert found(seen, "restored") == "restored yes"
    assert not any(name in line for line in (*seen.details, seen.because) for name in ("account:", "session:"))


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "cut at the end": lambda rdb: rdb[:-50],
    "cut in the middle": lambda rdb: rdb[: len(rdb) // 2],
    "without its checksum": lambda rdb: rdb[:-8],
    "a bit of the header": lambda rdb: _flipped(rdb, 3),
    "a bit at a third": lambda rdb: _flipped(rdb, len(rdb) // 3),
    "a bit near the end": lambda rdb: _flipped(rdb, len(rdb) - 20),
    "a bit of the checksum": lambda rdb: _flipped(rdb, len(rdb) - 3),
    "a page of zeros": lambda rdb: rdb[:4096] + b"\0" * 4096 + rdb[8192:],
    "a page twice": lambda rdb: rdb[:8192] + rdb[4096:],
    "nothing but its header": lambda rdb: rdb[:9],
    "no RDB file": lambda _rdb: b"PGDMP but no dump at all",
}


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 8]) + data[at + 1 :]


@pytest.mark.parametrize("damage", few(BYTES, "a page twice"))
@pytest.mark.parametrize("consistent", [True, False], ids=["hashes agree", "as stored"])
async def test_damaged_bytes(room: RedisRoom, damage: str, consistent: bool) -> None:
    """Damaged bytes fail, be it before they were encrypted, with hashes that agree, or as they lie in the bucket."""
    manifest = await room.take()
    if consistent:
        manifest = room.replace(manifest, RDB, BYTES[damage](room.plain(manifest, RDB)))
    else:
        room.overwrite(manifest, RDB, BYTES[damage])
    assert (await room.outcome(manifest)).verdict is Verdict.FAIL


async def test_what_is_not_ours_is_not_loaded(room: RedisRoom) -> None:
    """A whole file, encrypted to our key, that is not the one that was written."""
    manifest = await room.take()
    room.replace(manifest, RDB, room.plain(manifest, RDB))
    seen = await room.verify(manifest)
    assert found(seen, "restored") == "restored no"
    assert found(seen, "files_damaged") == "files_damaged 1"


async def test_unencrypted_fails(room: RedisRoom) -> None:
    """A file that anybody can read fails, though it restores well and its hashes agree."""
    manifest = await room.take()
    seen = await room.verify(room.replace(manifest, RDB, room.plain(manifest, RDB), recipients=()))
    assert found(seen, "restored") == "restored yes"
    assert found(seen, "readable_without_key") == "readable_without_key yes"
    assert room.judged(manifest, seen).verdict is Verdict.FAIL


async def test_encrypted_to_another_key_fails(room: RedisRoom) -> None:
    """A file that our key does not open is no backup of ours."""
    manifest = await room.take()
    other = str(pyrage.x25519.Identity.generate().to_public())
    seen = await room.verify(room.replace(manifest, RDB, room.plain(manifest, RDB), recipients=(other,)))
    assert found(seen, "restored") == "restored no"
    assert room.judged(manifest, seen).verdict is Verdict.FAIL


async def test_our_own_wrong_key_is_unknown(room: RedisRoom) -> None:
    """Where the environment has another key, nothing can be told of the backup."""
    manifest = await room.take()
    with pytest.raises(CouldNotObserve, match="is not a key of"):
        await room.verify(manifest, identity=pyrage.x25519.Identity.generate())


async def test_missing_file_is_never_a_pass(room: RedisRoom) -> None:
    """Where the file is gone, the verifier cannot look; that it is gone is measured before."""
    manifest = await room.take()
    room.s3.client().delete_object(Bucket=room.s3.at.address.bucket, Key=manifest.file(RDB).key)
    with pytest.raises(CouldNotObserve, match="NoSuchKey"):
        await room.verify(manifest)


@pytest.mark.long
async def test_yesterdays_file_fails(room: RedisRoom) -> None:
    """Another backup's file under this one's name is not this one's content."""
    before = await room.take()
    with room.live.client() as client:
        client.set("account:today", "balance 1")
        manifest = await room.take()
        client.delete("account:today")
    assert (await room.outcome(room.replace(manifest, RDB, room.plain(before, RDB)))).verdict is Verdict.FAIL


async def test_old_mark_is_a_loss(room: RedisRoom) -> None:
    """What was marked longer ago than may be lost fails, and without a mark it is not known."""
    manifest = await room.take()
    late = await room.verify(manifest, needed_at=ago(hours=-2))
    assert room.judged(manifest, late).verdict is Verdict.FAIL
    with room.live.client() as client:
        mark = client.hgetall("tminus:marker")
        client.delete("tminus:marker")
        try:
            unmarked = await room.take()
        finally:
            client.hset("tminus:marker", mapping=mark)
    seen = await room.verify(unmarked)
    assert found(seen, "loss") == "no loss"
    assert room.judged(unmarked, seen).verdict is not Verdict.PASS


async def test_invariants(room: RedisRoom) -> None:
    """What the book asks is answered by the restored server; what does not hold is named."""
    room.invariants = (
        {"title": "all accounts", "sql": "COUNT account:*", "expect": "= 300"},
        {"title": "queue", "sql": "DB 3 LLEN queue:9", "expect": "= 10"},
        {"title": "no debts", "sql": "GET debts", "expect": "= 0"},
        {"title": "few orders", "sql": "COUNT order:*", "expect": "< 20"},
    )
    seen = await room.verify(await room.take())
    assert found(seen, "invariants_broken") == "invariants_broken 2"
    assert "no debts: no number, expected = 0" in seen.details
    assert "few orders: 20, expected < 20" in seen.details


async def test_lying_snapshot_is_refused(room: RedisRoom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A snapshot that holds less than the server has all the time is no backup."""
    whole = room.plain(await room.take(), RDB)
    partial = edited(PROGRAMS[0], whole, tmp_path / "edit", lambda client: client.delete("account:17"))

    def lies(_name: str, _url: SecretStr, into: "object") -> int:
        return into.write(partial)  # type: ignore[attr-defined]

    monkeypatch.setattr("tasks.backups.take_redis.snapshot", lies)
    with pytest.raises(CouldNotObserve, match=r"cannot be whole.*database 0 of the copy has 725 keys"):
        await room.take()
