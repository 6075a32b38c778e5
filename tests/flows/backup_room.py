"""A system with one store in a bucket, a ledger, and backups in it of which the contents mean nothing."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import boto3
from ruamel.yaml import YAML

from flows import looking_at_backup, restoring
from flows.backup_verification import verify
from tasks.backups import catalogue
from tasks.backups.asked import Asked, Seen, Verifier, manifest_key, store_folder
from tminus import events as ev
from tminus.backups.contents import KeyCensus, Marker, RedisContents
from tminus.backups.manifest import BackupKind, BackupManifest, Origin, StoredFile, digest
from tminus.backups.opened import OpenedBackups, open_backups
from tminus.clock import now
from tminus.expectation import Measurement
from tminus.ledger.opening import have_chain
from tminus.ledger.store import Entry
from tminus.record_parts import read_event

if TYPE_CHECKING:
    import pytest
    from mypy_boto3_s3 import S3Client

    from tests.conftest import Estates, S3Server

GOOD = (
    Measurement(name="readable_without_key", word="no"),
    Measurement(name="restored", word="yes"),
    Measurement.number("restore_time", 1.5, "s"),
    Measurement.number("loss", 60, "s"),
    Measurement.number("invariants_broken", 0),
    Measurement.number("databases_differ", 0),
)
CONTENT = b"what redis-server wrote"
PAGED = {"pagerduty": {"routing_key": "env:R", "events": "https://127.0.0.1:1"}}
_CENSUS = KeyCensus(keys=1, types={"string": 1}, expiring=0, checksum="0" * 64)

Script = Callable[[Asked], Awaitable[Seen]]


async def well(_asked: Asked) -> Seen:
    """Everything is as it should be."""
    return Seen(GOOD)


class Scripted(Verifier):
    """Restores nothing, and sees what the test says; a fake of a Redis' verifier."""

    kinds: ClassVar[tuple[BackupKind, ...]] = ("redis.rdb",)
    script: ClassVar[Script] = staticmethod(well)
    asked: ClassVar[list[Asked]] = []

    async def verify(self, asked: Asked) -> Seen:
        """As scripted."""
        self.asked.append(asked)
        return await type(self).script(asked)


def use(script: Script) -> None:
    """From now on, what is seen of a restored Redis is what this says."""
    Scripted.script = staticmethod(script)
    Scripted.asked.clear()
    looking_at_backup.VERIFIERS = {**looking_at_backup.VERIFIERS, "redis.rdb": Scripted}


@dataclass(frozen=True)
class Room:
    """Where a test's backups are.

    Attributes:
        folder: with the book, the environment file, the ledger and the scratch.
        bucket: as an environment's `buckets` entry.
    """

    folder: Path
    bucket: Mapping[str, str]

    @classmethod
    def set(cls, folder: Path, bucket: Mapping[str, str], *, encrypted: bool = True, **more: object) -> "Room":
        """Writes the files; `more` are sections of the environment, None leaves one out."""
        room = cls(folder, bucket)
        store = {
            "title": "Sessions",
            "owner": "database-lead",
            "kind": "redis.rdb",
            "bucket": "backups",
            "every": "24h",
            "rpo": "1h",
            "rto": "15m",
            "redis": "main",
            "encrypted": encrypted,
        }
        book = {"backups": "shop", "title": "The shop's backups", "stores": {"cache": store, "queue": store}}
        environment = {
            "environment": "here",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(folder / "ledger.db")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(folder / "state"),
            "buckets": {"backups": dict(bucket)},
            "backups": {"scratch": str(folder / "scratch"), "disk": "1 MB"},
            **more,
        }
        yaml = YAML(typ="safe", pure=True)
        yaml.dump(book, room.book)
        yaml.dump({name: value for name, value in environment.items() if value is not None}, room.environment)
        return room

    @property
    def book(self) -> Path:
        """The book of backups."""
        return self.folder / "backups.yaml"

    @property
    def environment(self) -> Path:
        """The environment file."""
        return self.folder / "environment.yaml"

    @property
    def scratch(self) -> Path:
        """Where backups are restored."""
        return self.folder / "scratch"

    def opened(self) -> OpenedBackups:
        """As a command opens it."""
        return open_backups(self.book, self.environment)

    def events(self) -> list[ev.Event]:
        """What the ledger holds of these backups."""
        opened = self.opened()
        with closing(opened.store()) as store:
            return [read_event(one) for one in store.read(opened.chain)] if store.head(opened.chain) else []

    def verified(self, store: str = "cache") -> list[ev.BackupVerified]:
        """How backups of a store came out."""
        return [one for one in self.events() if isinstance(one, ev.BackupVerified) and one.store == store]

    def told(self) -> list[str]:
        """The letters, as they were written."""
        with closing(self.opened().store()) as store:
            return [str(body) for (body,) in store.look("SELECT body FROM outbox ORDER BY seq", {})]

    def write(self, *events: ev.Event) -> None:
        """Appends to the chain of backups."""
        opened = self.opened()
        with closing(opened.store()) as store:
            have_chain(store, opened.chain)
            for event in events:
                store.append(Entry(opened.chain, ev.write(event)))

    def put(
        self,
        store: str = "cache",
        *,
        ago: timedelta = timedelta(hours=1),
        recorded: bool = True,
        content: bytes = CONTENT,
        marker: int | None = 7,
        text: Callable[[bytes], bytes] = bytes,
    ) -> BackupManifest:
        """A backup in the bucket and in the ledger; `text` changes the manifest after it was recorded."""
        at = now() - ago
        manifest = self.manifest(store, f"{store}-{at:%Y%m%dT%H%M%SZ}", at, content, marker)
        self.put_object(manifest.files[0].key, content)
        self.put_object(manifest_key(self.bucket["prefix"], store, manifest.backup), text(manifest.text()))
        if recorded:
            self.write(taken(manifest, at))
        return manifest

    def manifest(
        self, store: str, name: str, at: datetime | None = None, content: bytes = CONTENT, marker: int | None = 7
    ) -> BackupManifest:
        """What describes a backup of that name; its ETag is the one that S3 gives what is put in one piece."""
        at = at or now()
        hashed = hashlib.sha256(content).hexdigest()
        file = StoredFile(
            name="dump.rdb",
            key=f"{store_folder(self.bucket['prefix'], store)}{name}/dump.rdb",
            size=len(content),
            sha256=hashed,
            plain_sha256=hashed,
            etag=f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"',
        )
        return BackupManifest(
            backup=name,
            system="shop",
            store=store,
            kind="redis.rdb",
            taken_at=at,
            finished_at=at,
            origin=Origin(identity="a", version="7"),
            files=(file,),
            marker=None if marker is None else Marker(number=marker, at=at),
            contents=RedisContents(databases={0: _CENSUS}),
        )

    def put_object(self, key: str, body: bytes) -> str:
        """Puts an object; returns its ETag."""
        return self.client().put_object(Bucket=self.bucket["bucket"], Key=key, Body=body)["ETag"]

    def remove(self, key: str) -> None:
        """Removes an object."""
        self.client().delete_object(Bucket=self.bucket["bucket"], Key=key)

    def client(self) -> "S3Client":
        """A client that is allowed everything; moto looks at no key."""
        return boto3.client(
            "s3",
            endpoint_url=self.bucket["endpoint"],
            region_name=self.bucket["region"],
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )


def one_store(
    estates: "Estates", s3_server: "S3Server", monkeypatch: "pytest.MonkeyPatch", **more: object
) -> Iterator[Room]:
    """A room whose backups are restored by a fake that sees nothing wrong; `more` are sections of its environment."""
    monkeypatch.setattr(looking_at_backup, "VERIFIERS", looking_at_backup.VERIFIERS)
    monkeypatch.setattr(restoring, "_LOOK", 0.02)
    monkeypatch.setattr(catalogue, "_AGAIN", 0.01)
    section = s3_server.section(estates.secret, f"v/{estates.folder.name}")
    use(well)
    yield Room.set(estates.folder, {name: str(value) for name, value in section.items()}, **more)
    use(well)


def verified(room: Room, *stores: str, older: bool = False) -> ev.VerificationEnded:
    """One verification, without Prefect."""
    return asyncio.run(verify(room.opened(), stores or ("cache",), older=older, shown=False))


def taken(manifest: BackupManifest, at: datetime) -> ev.BackupTaken:
    """What the ledger says of a backup."""
    return ev.BackupTaken(
        at=at,
        store=manifest.store,
        kind=manifest.kind,
        backup=manifest.backup,
        manifest_digest=digest(manifest.text()),
        size=sum(file.size for file in manifest.files),
        taken_at=manifest.taken_at,
        marker=manifest.marker,
    )


async def hang(_asked: Asked) -> Seen:
    """A restore that comes to no end."""
    await asyncio.sleep(3600)
    raise AssertionError
