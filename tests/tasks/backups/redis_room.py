"""A Redis that is backed up into a bucket, and its backups damaged in every way."""

import hashlib
import io
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import redis
from pydantic import SecretStr

from deployments.rehearsal.processes import Processes
from tasks.backup_store import BackupStore
from tasks.backups.asked import Asked, Scratch, Seen, TakeAsked
from tasks.backups.redis_tools import RedisProgram, _programs
from tasks.backups.stored_file import upload
from tasks.backups.take_redis import TakeRedisAof, TakeRedisRdb
from tasks.backups.verify_redis import VerifyRedis
from tasks.estate import Estate
from tests.conftest import Estates, S3Server
from tminus.backups.aspects import expected
from tminus.backups.book import RedisAof, RedisRdb
from tminus.backups.manifest import BackupManifest
from tminus.clock import now
from tminus.outcome import Outcome, judge

BEFORE_RESTORING = frozenset({"age", "missing", "overdue", "shrunk", "manifest"})  # what a verifier does not measure
BOOK = {"title": "Sessions", "owner": "database-lead", "bucket": "backups", "every": "6h", "rpo": "1h", "rto": "15m"}
PASSWORD = "made-up: for one test"
PROGRAMS = tuple(_programs())
MULTI_PART = tuple(one for one in PROGRAMS if one.version.number >= (7, 0, 0))


@dataclass(frozen=True)
class LiveRedis:
    """A running server with append-only files, on a port of loopback."""

    folder: Path
    port: int

    @property
    def url(self) -> SecretStr:
        """With its password."""
        quoted = PASSWORD.replace(":", "%3A").replace(" ", "%20")
        return SecretStr(f"redis://:{quoted}@127.0.0.1:{self.port}/0")

    def client(self, database: int = 0) -> "redis.Redis":
        """A client of one database."""
        return redis.Redis(port=self.port, password=PASSWORD, db=database)

    @property
    def files(self) -> Path:
        """Where its append-only files lie."""
        inner = self.folder / "appendonlydir"
        return inner if inner.is_dir() else self.folder

    def mark(self, number: int, at: datetime | None = None) -> None:
        """What `tminus mark` writes."""
        with self.client() as client:
            client.hset("tminus:marker", mapping={"number": number, "at": (at or now()).isoformat()})


@contextmanager
def live_redis(program: RedisProgram, folder: Path, *more: str, appendonly: bool = True) -> Iterator[LiveRedis]:
    """Runs a server until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = [
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {folder}",
        'save ""',
        f"appendonly {'yes' if appendonly else 'no'}",
        f'requirepass "{PASSWORD}"',
        "repl-diskless-sync-delay 0",
        *more,
    ]
    (folder / "redis.conf").write_text("\n".join([*settings, ""]))
    live = LiveRedis(folder, port)
    with Processes() as processes:
        argv = [str(program.path), str(folder / "redis.conf")]
        processes.start("redis", argv, cwd=folder, log=folder / "log", ready=lambda: _answers(live))
        yield live


def _answers(live: LiveRedis) -> bool:
    try:
        with live.client() as client:
            return bool(client.ping()) and not client.info("persistence")["aof_rewrite_in_progress"]
    except redis.RedisError:
        return False


def fill(live: LiveRedis, keys: int = 300) -> None:
    """Keys of every type in two databases, some with a time to live, the small and the large of each type."""
    for database in (0, 3):
        with live.client(database) as client, client.pipeline(transaction=False) as pipe:
            pipe.flushdb()
            for number in range(keys):
                pipe.set(f"account:{number}", f"balance {number * 7}")
                pipe.set(f"session:{number}", secrets.token_hex(8), ex=3600 + 40 * number)
            for number in range(20):
                pipe.rpush(f"queue:{number}", *range(number + 1))
                pipe.sadd(f"numbers:{number}", *range(number + 1))
                pipe.sadd(f"names:{number}", *(f"name {one}" for one in range(number + 1)))
                pipe.hset(f"order:{number}", mapping={f"field {one}": one for one in range(number + 1)})
                pipe.zadd(f"board:{number}", {f"player {one}": one / 3 for one in range(number + 1)})
                pipe.xadd(f"events:{number}", {"what": "login", "who": number})
            pipe.xgroup_create("events:1", "mailer", "0")
            pipe.set("large", b"x" * 1_500_000)
            pipe.rpush("large queue", *(b"y" * 50 for _ in range(3000)))
            pipe.sadd("large set", *(f"member {one} of a large set" for one in range(3000)))
            pipe.hset("large hash", mapping={f"field {one} of it": one for one in range(3000)})
            pipe.zadd("large board", {f"player {one} of it": one / 7 for one in range(3000)})
            pipe.execute()


def edited(
    program: RedisProgram, rdb: bytes, folder: Path, edit: Callable[["redis.Redis"], object], *settings: str
) -> bytes:
    """An RDB file as a server writes it after an edit: damage that no checksum of the file tells."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dump.rdb").write_bytes(rdb)
    with live_redis(program, folder, *settings, appendonly=False) as other, other.client() as client:
        edit(client)
        client.save()
    return (folder / "dump.rdb").read_bytes()


@dataclass
class RedisRoom:
    """Takes backups of a live Redis and verifies them, in a bucket prefix of the test's own."""

    estates: Estates
    s3: S3Server
    live: LiveRedis
    identity: pyrage.x25519.Identity = field(default_factory=pyrage.x25519.Identity.generate)
    invariants: tuple[Mapping[str, str], ...] = ()
    _times: int = 0

    @property
    def recipient(self) -> str:
        """The public key."""
        return str(self.identity.to_public())

    def estate(self, identity: pyrage.x25519.Identity | None = None) -> Estate:
        """The environment, opened."""
        key = SecretStr(str(identity or self.identity))
        return self.estates.make(
            redis={"cache": {"url": self.estates.secret(self.live.url)}},
            buckets={"backups": self.s3.section(self.estates.secret, f"redis/{self.estates.folder.name}")},
            backups={
                "recipients": [self.recipient],
                "identity": self.estates.secret(key),
                "scratch": str(self.estates.folder / "scratch"),
            },
        )

    def store(self, kind: str) -> RedisRdb | RedisAof:
        """The book's entry."""
        plain = {**BOOK, "kind": kind, "redis": "cache", "invariants": self.invariants}
        if kind == "redis.rdb":
            return RedisRdb.model_validate(plain)
        return RedisAof.model_validate({**plain, "folder": str(self.live.folder)})

    def folder(self, name: str) -> Path:
        """A new one."""
        self._times += 1
        folder = self.estates.folder / f"{name}-{self._times}"
        folder.mkdir(mode=0o700)
        return folder

    async def take(self, kind: str = "redis.rdb", recipients: Sequence[str] | None = None) -> BackupManifest:
        """A backup."""
        taker = TakeRedisRdb() if kind == "redis.rdb" else TakeRedisAof()
        async with self.estate() as estate:
            asked = TakeAsked(
                estate=estate,
                system="shop",
                name="cache",
                store=self.store(kind),
                bucket=BackupStore.open(estate, "backups"),
                backup=f"cache-{secrets.token_hex(4)}",
                recipients=(self.recipient,) if recipients is None else tuple(recipients),
                folder=self.folder("taking"),
            )
            return await taker.take(asked)

    async def verify(
        self,
        manifest: BackupManifest,
        identity: pyrage.x25519.Identity | None = None,
        needed_at: datetime | None = None,
    ) -> Seen:
        """What a verifier sees of it."""
        folder = self.folder("scratch")
        async with self.estate(identity) as estate:
            asked = Asked(
                estate=estate,
                name="cache",
                store=self.store(manifest.kind),
                bucket=BackupStore.open(estate, "backups"),
                manifest=manifest,
                needed_at=needed_at or now(),
                scratch=Scratch(folder.name, folder, 10**9),
            )
            return await VerifyRedis().verify(asked)

    async def outcome(self, manifest: BackupManifest) -> Outcome:
        """How it comes out."""
        return self.judged(manifest, await self.verify(manifest))

    def judged(self, manifest: BackupManifest, seen: Seen) -> Outcome:
        """By what is expected of every backup of the kind, as far as a verifier measures it."""
        wanted = expected(manifest.kind, self.store(manifest.kind))
        return judge({name: one for name, one in wanted.items() if name not in BEFORE_RESTORING}, seen.observation(""))

    def plain(self, manifest: BackupManifest, name: str) -> bytes:
        """A file of it, decrypted."""
        stored = self._get(manifest.file(name).key)
        return pyrage.decrypt(stored, [self.identity]) if manifest.encrypted_to else stored

    def replace(
        self, manifest: BackupManifest, name: str, content: bytes, recipients: Sequence[str] | None = None
    ) -> BackupManifest:
        """Puts another content there, and makes sizes and hashes agree with it; `contents` stay what was counted."""
        keys = manifest.encrypted_to if recipients is None else tuple(recipients)
        store = BackupStore(self.s3.client(), self.s3.at.address.bucket, "")
        file = upload(store, manifest.file(name).key, io.BytesIO(content), keys, name=name)
        files = tuple(file if one.name == name else one for one in manifest.files)
        return manifest.model_copy(update={"files": files})

    def overwrite(self, manifest: BackupManifest, name: str, change: Callable[[bytes], bytes]) -> None:
        """Changes the bytes as they are stored, and nothing else."""
        key = manifest.file(name).key
        body = change(self._get(key))
        self.s3.client().put_object(Bucket=self.s3.at.address.bucket, Key=key, Body=body)

    def _get(self, key: str) -> bytes:
        return self.s3.client().get_object(Bucket=self.s3.at.address.bucket, Key=key)["Body"].read()


def found(seen: Seen, name: str) -> str:
    """What was measured under a name, as text."""
    return next((str(one) for one in seen.found if one.name == name), f"no {name}")


def ago(**length: float) -> datetime:
    """A moment before now."""
    return datetime.now(UTC) - timedelta(**length)


def digest(data: bytes) -> str:
    """SHA-256."""
    return hashlib.sha256(data).hexdigest()
