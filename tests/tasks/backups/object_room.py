"""A bucket of objects that is backed up into another, and its backups damaged in every way."""

import io
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyrage
from pydantic import SecretStr

from deployments.rehearsal.aws import make_bucket
from tasks.backup_store import BackupStore
from tasks.backups.asked import Asked, Scratch, Seen, TakeAsked
from tasks.backups.stored_file import upload
from tasks.backups.take_objects import TakeObjects
from tasks.backups.verify_objects import VerifyObjects
from tasks.estate import Estate
from tests.conftest import Estates, S3Server
from tests.tasks.backups.redis_room import BEFORE_RESTORING, BOOK, ago
from tminus.backups.aspects import expected
from tminus.backups.book import S3Objects
from tminus.backups.manifest import BackupManifest
from tminus.backups.object_list import LIST, ListedObject
from tminus.clock import now
from tminus.outcome import Outcome, judge

DISK = 10**9


@dataclass
class ObjectRoom:
    """A bucket of invoices, and the bucket of its backups."""

    estates: Estates
    s3: S3Server
    live: str
    identity: pyrage.x25519.Identity = field(default_factory=pyrage.x25519.Identity.generate)
    invariants: tuple[dict[str, str], ...] = ()
    encrypted: bool = True
    _times: int = 0

    @property
    def recipient(self) -> str:
        """The public key."""
        return str(self.identity.to_public())

    def estate(self) -> Estate:
        """The environment, opened."""
        section = self.s3.section(self.estates.secret, f"objects/{self.estates.folder.name}")
        return self.estates.make(
            buckets={"backups": section, "invoices": self.s3.section(self.estates.secret, "shop", bucket=self.live)},
            backups={
                "recipients": [self.recipient],
                "identity": self.estates.secret(SecretStr(str(self.identity))),
                "scratch": str(self.estates.folder / "scratch"),
            },
        )

    @property
    def store(self) -> S3Objects:
        """The book's entry."""
        return S3Objects.model_validate(
            {
                **BOOK,
                "kind": "s3.objects",
                "source": "invoices",
                "invariants": self.invariants,
                "encrypted": self.encrypted,
            }
        )

    def put(self, key: str, body: bytes, **more: str) -> None:
        """A live object, as text."""
        self.s3.client().put_object(Bucket=self.live, Key=f"shop/{key}", Body=body, ContentType="text/plain", **more)

    def mark(self, number: int, at: datetime) -> None:
        """What `tminus mark` writes."""
        self.put("tminus/marker.json", json.dumps({"number": number, "at": at.isoformat()}).encode())

    async def take(self, recipients: Sequence[str] | None = None, *, afresh: bool = False) -> BackupManifest:
        """A backup, which leaves nothing of an object on the disk."""
        self._times += 1
        folder = self.estates.folder / f"taking-{self._times}"
        folder.mkdir()
        async with self.estate() as estate:
            manifest = await TakeObjects().take(
                TakeAsked(
                    estate=estate,
                    system="shop",
                    name="invoices",
                    store=self.store,
                    bucket=BackupStore.open(estate, "backups"),
                    backup=f"invoices-{secrets.token_hex(4)}",
                    recipients=(self.recipient,) if recipients is None else tuple(recipients),
                    folder=folder,
                    afresh=afresh,
                )
            )
        assert [one.name for one in folder.iterdir()] == [LIST]  # no content is left lying
        return manifest

    async def verify(self, manifest: BackupManifest, needed_at: datetime | None = None, disk: int = DISK) -> Seen:
        """What a verifier sees of it."""
        self._times += 1
        folder = self.estates.folder / f"scratch-{self._times}"
        folder.mkdir()
        async with self.estate() as estate:
            bucket = BackupStore.open(estate, "backups")
            scratch = Scratch(folder.name, folder, disk)
            asked = Asked(estate, "invoices", self.store, bucket, manifest, needed_at or now(), scratch)
            return await VerifyObjects().verify(asked)

    def judged(self, seen: Seen) -> Outcome:
        """How that comes out, as far as a verifier measures it."""
        wanted = expected("s3.objects", self.store)
        return judge({name: one for name, one in wanted.items() if name not in BEFORE_RESTORING}, seen.observation(""))

    def listed(self, manifest: BackupManifest) -> list[ListedObject]:
        """The lines of its list."""
        stored = self.get(manifest.file(LIST).key)
        return [ListedObject.read(line) for line in pyrage.decrypt(stored, [self.identity]).splitlines()]

    def listed_plain(self, manifest: BackupManifest) -> list[ListedObject]:
        """The lines of a list that is not encrypted."""
        return [ListedObject.read(line) for line in self.get(manifest.file(LIST).key).splitlines()]

    def relist(
        self, manifest: BackupManifest, lines: Sequence[bytes], recipients: Sequence[str] | None = None
    ) -> BackupManifest:
        """Another list under the same name, whose hashes agree with the manifest."""
        store = BackupStore(self.s3.client(), self.s3.at.address.bucket, "")
        keys = manifest.encrypted_to if recipients is None else recipients
        file = upload(store, manifest.file(LIST).key, io.BytesIO(b"".join(lines)), keys, name=LIST)
        return manifest.model_copy(update={"files": (file,)})

    def pooled(self, one: ListedObject) -> str:
        """Where a content lies in the bucket."""
        return f"objects/{self.estates.folder.name}/invoices.objects/{one.stored}"

    def get(self, key: str) -> bytes:
        """What lies there."""
        return self.s3.client().get_object(Bucket=self.s3.at.address.bucket, Key=key)["Body"].read()

    def put_stored(self, key: str, body: bytes) -> None:
        """Writes over it."""
        self.s3.client().put_object(Bucket=self.s3.at.address.bucket, Key=key, Body=body)

    def stored_keys(self) -> list[str]:
        """All that backups have left in the bucket."""
        pages = self.s3.client().get_paginator("list_objects_v2")
        prefix = f"objects/{self.estates.folder.name}/"
        found = pages.paginate(Bucket=self.s3.at.address.bucket, Prefix=prefix)
        return [one["Key"] for page in found for one in page.get("Contents", [])]


def invoices(estates: Estates, s3_server: S3Server) -> ObjectRoom:
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
