"""Append-only files: copied from a running server, restored, and damaged in every way."""

import secrets
from collections.abc import Callable, Iterator

import pytest

from tasks.backups.redis_aof import AofLayout, copy_aof
from tasks.backups.redis_tools import RedisProgram
from tests.conftest import Estates, S3Server
from tests.sampling import few
from tests.tasks.backups.redis_room import MULTI_PART, PROGRAMS, LiveRedis, RedisRoom, ago, fill, found, live_redis
from tests.tasks.backups.redis_writers import writing
from tminus.backups.manifest import BackupManifest
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict

SINGLE = tuple(one for one in PROGRAMS if one.version.number < (7, 0, 0))
EACH = [pytest.param(one, id=str(one.version)) for one in (*SINGLE[:1], *MULTI_PART[:1])]


@pytest.fixture(scope="module", params=EACH)
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRedis]:
    """A server with keys of every type, of a base and of what was appended since."""
    program: RedisProgram = request.param
    with live_redis(program, tmp_path_factory.mktemp("live")) as server:
        fill(server, keys=100)
        with server.client() as client:
            client.bgrewriteaof()
            while client.info("persistence")["aof_rewrite_in_progress"]:
                pass
        append(server)
        server.mark(7, ago(minutes=5))
        yield server


@pytest.fixture
def room(estates: Estates, s3_server: S3Server, live: LiveRedis) -> RedisRoom:
    """Where its backups go."""
    return RedisRoom(estates, s3_server, live)


def append(live: LiveRedis) -> None:
    """Commands at the end of what is appended."""
    with live.client() as client:
        for number in range(50):
            client.set(f"later:{number}", secrets.token_hex(4))


def last(manifest: BackupManifest) -> str:
    """The file that is appended to."""
    return manifest.names[-1]


async def test_good_backup_passes(room: RedisRoom) -> None:
    """What was taken comes back, with what was appended after the last rewrite."""
    manifest = await room.take("redis.aof")
    seen = await room.verify(manifest)
    assert room.judged(manifest, seen).verdict is Verdict.PASS, seen
    # Valkey 9.1's own checker calls the files that it has just written damaged: what was restored decides.
    assert any("redis-check-aof" in line for line in seen.details), seen.details


@pytest.mark.long
async def test_good_while_others_write(room: RedisRoom) -> None:
    """A copy that ends in the middle of a command, during rewrites, is a good one all the same."""
    with writing(room.live, rewriting=True):
        manifests = [await room.take("redis.aof") for _ in range(4)]
    for manifest in manifests:
        outcome = await room.outcome(manifest)
        assert outcome.verdict is Verdict.PASS, outcome


async def test_nothing_is_changed_on_the_server(room: RedisRoom) -> None:
    """Settings are as before, so nothing has to be restored where taking is killed."""
    with room.live.client() as client:
        before = client.config_get("*aof*")
        await room.take("redis.aof")
        assert client.config_get("*aof*") == before


def _swap_last_command(aof: bytes) -> bytes:
    at = aof.rindex(b"*3\r\n$3\r\nSET")
    return aof[:at] + b"*3\r\n$3\r\nSET\r\n$8\r\nlater:00\r\n$1\r\n1\r\n" + aof[at:]


def _value(aof: bytes) -> int:
    """Where the last value of `later:10` begins."""
    before = b"later:10\r\n$8\r\n"
    return aof.rindex(before) + len(before)


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "a bad tail": lambda aof: aof[:-3],
    "garbage behind its end": lambda aof: aof + b"garbage",
    "a command cut off behind its end": lambda aof: aof + b"*3\r\n$3\r\nSET\r\n$1\r\n",
    "an open transaction at its end": lambda aof: (
        aof + b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"
    ),
    "the last commands missing": lambda aof: aof[: aof.rindex(b"*3\r\n$3\r\nSET")],
    "a command too many": _swap_last_command,
    "a length that swallows the rest": lambda aof: aof.replace(b"$8\r\nlater:10", b"$9\r\nlater:10", 1),
    "a value is another": lambda aof: aof[: _value(aof)] + b"x" + aof[_value(aof) + 1 :],
    "zeros near its end": lambda aof: aof[:-300] + b"\0" * 200 + aof[-100:],
    "nothing in it": lambda _aof: b"\n",
    "all is deleted at its end": lambda aof: aof + b"*1\r\n$8\r\nFLUSHALL\r\n",
    "time to live is taken away at its end": lambda aof: aof + b"*2\r\n$7\r\nPERSIST\r\n$9\r\nsession:5\r\n",
}


@pytest.mark.parametrize("damage", few(BYTES, "the last commands missing", "a value is another", "zeros near its end"))
async def test_damaged_bytes(room: RedisRoom, damage: str) -> None:
    """The file that was appended to is damaged, with hashes that agree: it fails."""
    append(room.live)
    manifest = await room.take("redis.aof")
    before = room.plain(manifest, last(manifest))
    after = BYTES[damage](before)
    assert after != before
    seen = await room.verify(room.replace(manifest, last(manifest), after))
    assert room.judged(manifest, seen).verdict is Verdict.FAIL, seen
    assert found(seen, "files_damaged") == "files_damaged 0"


async def test_missing_file_fails(room: RedisRoom) -> None:
    """Where the manifest of the backup has lost a file, what was in it is missed."""
    manifest = await room.take("redis.aof")
    if len(manifest.files) == 1:
        pytest.skip("a server before Redis 7 keeps one file")
    for missing in manifest.names:
        rest = tuple(file for file in manifest.files if file.name != missing)
        shorter = manifest.model_copy(update={"files": rest})
        outcome = await room.outcome(shorter)
        assert outcome.verdict is not Verdict.PASS, (missing, outcome)


async def test_unencrypted_fails(room: RedisRoom) -> None:
    """One readable file among encrypted ones fails."""
    manifest = await room.take("redis.aof")
    name = last(manifest)
    seen = await room.verify(room.replace(manifest, name, room.plain(manifest, name), recipients=()))
    assert found(seen, "readable_without_key") == "readable_without_key yes"
    assert room.judged(manifest, seen).verdict is Verdict.FAIL


async def test_name_that_leads_out_is_refused(room: RedisRoom) -> None:
    """A file's name in a manifest puts nothing outside the scratch."""
    manifest = await room.take("redis.aof")
    evil = manifest.files[-1].model_copy(update={"name": "../outside"})
    seen = await room.verify(manifest.model_copy(update={"files": (*manifest.files, evil)}))
    assert found(seen, "restored") == "restored no"
    assert "no name of a file" in seen.because


def test_folder_without_files_is_said(estates: Estates) -> None:
    """A folder that is not the server's is named."""
    with pytest.raises(CouldNotObserve, match="has no append-only file"):
        AofLayout.find(estates.folder, "appendonly.aof", "appendonlydir")


def test_manifest_that_leads_out_is_refused(estates: Estates) -> None:
    """A server's manifest that names a file elsewhere copies nothing."""
    source, into = estates.folder / "source", estates.folder / "into"
    source.mkdir()
    into.mkdir()
    (source / "appendonly.aof.manifest").write_text("file ../../etc/passwd seq 1 type i\n")
    with pytest.raises(CouldNotObserve, match="not beside it"):
        copy_aof(AofLayout(source, "appendonly.aof"), into)
    assert not list(into.iterdir())


def test_history_and_empty_files_stay_out(estates: Estates) -> None:
    """What a rewrite left behind, and what is empty, is neither copied nor named."""
    source, into = estates.folder / "source", estates.folder / "into"
    source.mkdir()
    into.mkdir()
    (source / "appendonly.aof.manifest").write_text(
        "file a.1.incr.aof seq 1 type h\nfile a.2.base.rdb seq 2 type b\nfile a.2.incr.aof seq 2 type i\n"
    )
    (source / "a.2.base.rdb").write_bytes(b"REDIS")
    (source / "a.2.incr.aof").touch()
    assert copy_aof(AofLayout(source, "appendonly.aof"), into) == ("appendonly.aof.manifest", "a.2.base.rdb")
    assert (into / "appendonlydir" / "appendonly.aof.manifest").read_text() == "file a.2.base.rdb seq 2 type b\n"
    assert sorted(one.name for one in (into / "appendonlydir").iterdir()) == ["a.2.base.rdb", "appendonly.aof.manifest"]
