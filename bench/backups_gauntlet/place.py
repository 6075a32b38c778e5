"""Where one store's backups are taken, damaged and verified: moto's S3, keys, and a ledger of its own for each look."""

import hashlib
import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pyrage

from deployments.rehearsal.aws import Aws
from tminus.backups.book import BackupBook
from tminus.backups.opened import OpenedBackups
from tminus.environment import Environment

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

SYSTEM = "shop"
BACKUPS = "backups"
"""The bucket's name in the environment, and in S3."""
_DIGESTS = {"book": f"sha256:{'0' * 64}", "environment": f"sha256:{'0' * 64}"}
_EACH: Mapping[str, object] = {
    "title": "A store",
    "owner": "devops_lead",
    "bucket": BACKUPS,
    "every": "24h",
    "late": "1h",
    "keep": "30d",
    "rpo": "2h",
    "rto": "10m",
}


@dataclass
class Place:
    """One worker's.

    Attributes:
        identity: the private key that backups are read with.
        other: a key that opens nothing of ours.
    """

    folder: Path
    aws: Aws
    identity: pyrage.x25519.Identity = field(default_factory=pyrage.x25519.Identity.generate)
    other: pyrage.x25519.Identity = field(default_factory=pyrage.x25519.Identity.generate)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    _bodies: dict[str, bytes] = field(default_factory=dict)

    @cached_property
    def s3(self) -> "S3Client":
        """A client that is allowed everything."""
        return boto3.client(
            "s3",
            endpoint_url=self.aws.address.url,
            region_name=self.aws.address.region,
            aws_access_key_id=self.aws.address.access_key_id,
            aws_secret_access_key=self.aws.address.secret_access_key.get_secret_value(),
        )

    def make_bucket(self, name: str, *, versions: bool) -> None:
        """A bucket; one without versions forgets what is written over, so moto's memory does not grow."""
        self.s3.create_bucket(
            Bucket=name,
            CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        )
        if versions:
            self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def new_folder(self, name: str) -> Path:
        """One that nobody else has."""
        folder = self.folder / f"{name}-{next(self.numbers)}"
        folder.mkdir(mode=0o700)
        return folder

    def secret(self, value: str) -> str:
        """A reference to a secret made up here."""
        name = f"TMINUS_GAUNTLET_{next(self.numbers)}"
        os.environ[name] = value
        return f"env:{name}"

    def bucket(self, bucket: str, prefix: str) -> dict[str, object]:
        """A `buckets` entry."""
        return {
            "bucket": bucket,
            "prefix": prefix,
            "endpoint": self.aws.address.url,
            "region": self.aws.address.region,
            "access_key": self._access,
            "secret_key": self._secret,
        }

    def opened(
        self,
        prefix: str,
        stores: Mapping[str, Mapping[str, object]],
        sections: Mapping[str, object],
        *,
        wrong_key: bool = False,
    ) -> OpenedBackups:
        """The book and an environment whose backups lie below a prefix; its ledger is new.

        Args:
            prefix: in the bucket of backups.
            stores: what the book says of each, beside what all have.
            sections: of the environment.
            wrong_key: whether the environment has another private key than the backups are encrypted to.
        """
        buckets = {BACKUPS: self.bucket(BACKUPS, prefix)}
        more = sections.get("buckets", {})
        assert isinstance(more, Mapping)
        environment = {
            "environment": "here",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(self.folder / f"ledger-{next(self.numbers)}.db")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(self.folder / "state"),
            **sections,
            "buckets": {**buckets, **more},
            "backups": {
                "recipients": [str(self.identity.to_public())],
                "identity": self._other if wrong_key else self._identity,
                "scratch": str(self.folder / "scratch"),
                "disk": "4 GB",
            },
        }
        book = {
            "backups": SYSTEM,
            "title": "Backups",
            "stores": {name: {**_EACH, **one} for name, one in stores.items()},
        }
        return OpenedBackups(
            BackupBook.model_validate(book), Environment.model_validate(environment), self.folder, dict(_DIGESTS)
        )

    @cached_property
    def _access(self) -> str:
        return self.secret(self.aws.address.access_key_id)

    @cached_property
    def _secret(self) -> str:
        return self.secret(self.aws.address.secret_access_key.get_secret_value())

    @cached_property
    def _identity(self) -> str:
        return self.secret(str(self.identity))

    @cached_property
    def _other(self) -> str:
        return self.secret(str(self.other))

    def keys(self, prefix: str) -> list[str]:
        """All that lies below it in the bucket of backups."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BACKUPS, Prefix=f"{prefix}/")
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def get(self, key: str) -> bytes:
        """What lies there."""
        return self.s3.get_object(Bucket=BACKUPS, Key=key)["Body"].read()

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> str:
        """Puts it there, over what there is; returns its ETag."""
        return self.s3.put_object(Bucket=BACKUPS, Key=key, Body=body, Metadata=dict(metadata or {}))["ETag"]

    def in_parts(self, key: str) -> bytes | None:
        """All of an object that came in parts; None of one that did not.

        moto's copy of such an object keeps the checksum of its parts, as if that were the whole's.
        """
        if key not in self._bodies:
            if "-" not in self.s3.head_object(Bucket=BACKUPS, Key=key)["ETag"]:
                return None
            self._bodies[key] = self.get(key)
        return self._bodies[key]

    def copy(self, key: str, to: str) -> str:
        """Copies an object with its metadata; returns its ETag."""
        source: CopySourceTypeDef = {"Bucket": BACKUPS, "Key": key}
        self.s3.copy_object(Bucket=BACKUPS, Key=to, CopySource=source)
        return self.s3.head_object(Bucket=BACKUPS, Key=to)["ETag"]

    def remove(self, key: str) -> None:
        """Removes an object."""
        self.s3.delete_object(Bucket=BACKUPS, Key=key)

    def empty(self, prefix: str) -> None:
        """Removes all that lies below it."""
        for key in self.keys(prefix):
            self.remove(key)

    def seal(self, plain: bytes, *, other: bool = False) -> bytes:
        """Encrypted as a backup is; with `other` to a key that is not ours."""
        return bytes(pyrage.encrypt(plain, [(self.other if other else self.identity).to_public()]))

    def unseal(self, stored: bytes) -> bytes:
        """Decrypted with our key; raises pyrage.DecryptError."""
        return bytes(pyrage.decrypt(stored, [self.identity]))


def sha256(content: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(content).hexdigest()
