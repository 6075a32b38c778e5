"""Backups in an S3 bucket. What S3 says is mapped to tminus's own words here, and nowhere else."""

import base64
import binascii
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

from tasks.estate import Estate
from tasks.s3_body import reading
from tasks.s3_errors import ABSENT, code_of, s3_errors
from tasks.s3_parts import Destination, upload
from tminus.backups.catalogue import Entry
from tminus.backups.manifest import SUFFIX, BackupManifest, digest
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Cipher = Literal["AES256", "aws:kms"]
_CHANGED = frozenset({"412", "PreconditionFailed"})
_CONFLICT = frozenset({"409", "ConditionalRequestConflict", "OperationAborted"})  # S3 wants it tried again
_TRIES = 5
_BETWEEN = 0.2  # seconds
_PART = 8 << 20  # bytes of a part of a stream
_PARTS = 8000  # into which what is expected is cut, of 10,000 that S3 allows
_NOT_COPIED = ABSENT | {"InvalidRequest", "EntityTooLarge"}
_NO_CONDITIONS = "NotImplemented"  # a store without conditional writes


class Readable(Protocol):
    """What bytes are read from; b"" at the end."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; all that is left where `size` is negative."""


@dataclass(frozen=True)
class StoredManifest:
    """A manifest as found: its key, ETag, digest, and when S3 stored it."""

    key: str
    etag: str
    digest: str
    stored: datetime
    manifest: BackupManifest


@dataclass(frozen=True)
class StoredDump:
    """What S3 says of a dump: size in bytes, when stored, how encrypted, ETag, and SHA-256 where it keeps one.

    For an upload in parts (its ETag ends with `-` and their number) S3 keeps a SHA-256 of the parts' own,
    which says nothing of the whole: that counts as none.
    """

    size: int
    stored: datetime
    encryption: str | None
    etag: str
    sha256: str | None


@dataclass(frozen=True)
class AtRest:
    """How objects are encrypted where they lie; `kms_key` only with aws:kms."""

    cipher: Cipher
    kms_key: str | None = None


class BackupStore:
    """The backups of one bucket. Its methods block: call them from a thread.

    Every method raises CouldNotObserve where S3 does not answer or does not let us.
    """

    def __init__(self, client: "S3Client", bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self.prefix = prefix

    @classmethod
    def open(cls, estate: Estate, name: str) -> "BackupStore":
        """The store in a bucket of the environment; raises NotConfigured, MissingSecret."""
        client, section = estate.s3(name)
        return cls(client, section.bucket, section.prefix)

    def url(self, key: str) -> str:
        """`s3://bucket/key`, for people."""
        return f"s3://{self._bucket}/{key}"

    def newest_manifests(self, folder: str, count: int) -> list[str]:
        """Keys of the `count` manifests that S3 stored last, the newest first."""
        found: list[tuple[datetime, str]] = []
        with s3_errors(self.url(folder)):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder):
                entries = page.get("Contents", [])
                found += [(entry["LastModified"], entry["Key"]) for entry in entries if entry["Key"].endswith(SUFFIX)]
        return [key for _, key in sorted(found, reverse=True)[:count]]

    def entries(self, folder: str) -> list[Entry]:
        """Every object under a folder, by key."""
        found: list[Entry] = []
        with s3_errors(self.url(folder)):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder):
                found += [Entry(one["Key"], one["Size"], one["LastModified"]) for one in page.get("Contents", [])]
        return found

    def text(self, key: str, most: int) -> bytes | None:
        """A small object's bytes; None where there is none, CouldNotObserve where it has more than `most`."""
        with s3_errors(self.url(key), absent_is_none=True):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            if answer["ContentLength"] > most:
                raise CouldNotObserve(f"{self.url(key)} has over {most} bytes, which is more than is read of it")
            with reading(answer["Body"], answer["ContentLength"], self.url(key)) as body:
                return body.read()
        return None

    def put_text(self, key: str, text: bytes) -> None:
        """Writes a small object, over what is there."""
        with s3_errors(self.url(key)):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=text, ContentType="application/json")

    def manifest(self, key: str) -> StoredManifest | None:
        """The manifest under a key; None where there is none, CouldNotObserve where it makes no sense."""
        with s3_errors(self.url(key), absent_is_none=True):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            with reading(answer["Body"], answer["ContentLength"], self.url(key)) as body:
                text = body.read()
            stored = answer["LastModified"]
            return StoredManifest(key, answer["ETag"], digest(text), stored, BackupManifest.read(self.url(key), text))
        return None

    def dump(self, key: str) -> StoredDump | None:
        """What S3 knows of a dump; None where there is none."""
        with s3_errors(self.url(key), absent_is_none=True):
            head = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
            return StoredDump(
                size=head["ContentLength"],
                stored=head["LastModified"],
                encryption=head.get("ServerSideEncryption"),
                etag=head["ETag"],
                sha256=None if "-" in head["ETag"] else _hexadecimal(head.get("ChecksumSHA256", "")),
            )
        return None

    def downloaded_sha256(self, key: str) -> str:
        """The SHA-256 of a dump's content as S3 hands it out now; reads all of it."""
        found = hashlib.sha256()
        with self.opened(key) as body:
            while chunk := body.read(1 << 20):
                found.update(chunk)
        return found.hexdigest()

    def put_stream(self, key: str, stream: Readable, at_rest: AtRest, expected: int = 0, part: int = _PART) -> str:
        """Uploads what is read from a stream, in parts unless it is small; returns its ETag. Memory is flat.

        Each part, or the whole where there is one, is checked by its SHA-256 on its way. What the stream raises passes
        through, and nothing is stored then. Where about how many bytes will come is known, give that as `expected`:
        S3 takes 10,000 parts at most.
        """
        with s3_errors(self.url(key)):
            return upload(self._client, self._put(key, at_rest), stream, max(part, expected // _PARTS))

    @contextmanager
    def opened(self, key: str) -> "Iterator[Readable]":
        """A stored file's bytes, to be read while they arrive (`tasks.s3_body`)."""
        with s3_errors(self.url(key)):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            with reading(answer["Body"], answer["ContentLength"], self.url(key)) as body:
                yield body

    def put_manifest(self, key: str, text: bytes, at_rest: AtRest, replacing: str | None) -> bool:
        """Writes a manifest where none is, or over the one with the ETag `replacing`; whether it was ours that won.

        What is there with these very bytes is ours: the answer to an earlier try was lost on its way.
        """
        from botocore.exceptions import ClientError

        put = partial(self._client.put_object, **self._put(key, at_rest), Body=text, ContentType="application/json")
        with s3_errors(self.url(key)):
            for left in reversed(range(_TRIES)):
                try:
                    if replacing is None:
                        put(IfNoneMatch="*")
                    else:
                        put(IfMatch=replacing)
                except ClientError as e:
                    if code_of(e.response) in _CHANGED:
                        return self._holds(key, text)
                    if code_of(e.response) == _NO_CONDITIONS:
                        break
                    if code_of(e.response) not in _CONFLICT or not left:
                        raise
                    time.sleep(_BETWEEN)
                else:
                    return True
            put()
        return True

    def _holds(self, key: str, text: bytes) -> bool:
        """Whether an object is these very bytes."""
        with s3_errors(self.url(key), absent_is_none=True):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            with reading(answer["Body"], answer["ContentLength"], self.url(key)) as body:
                return answer["ContentLength"] == len(text) and body.read() == text
        return False

    def renew(self, key: str, at_rest: AtRest) -> bool:
        """Makes S3 store an object anew, from its own copy, as if it were put there now.

        False where S3 does not do that: it is gone, or larger than S3 copies at once.
        """
        from botocore.exceptions import ClientError

        with s3_errors(self.url(key)):
            try:
                self._client.copy_object(
                    Bucket=self._bucket,
                    Key=key,
                    CopySource={"Bucket": self._bucket, "Key": key},
                    MetadataDirective="REPLACE",
                    ServerSideEncryption=at_rest.cipher,
                )
            except ClientError as e:
                if code_of(e.response) in _NOT_COPIED:
                    return False
                raise
        return True

    def older(self, folder: str, before: datetime) -> tuple[int, int]:
        """How many objects under a folder were stored before a moment, and their bytes."""
        count = size = 0
        with s3_errors(self.url(folder)):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder):
                old = [one["Size"] for one in page.get("Contents", []) if one["LastModified"] < before]
                count, size = count + len(old), size + sum(old)
        return count, size

    def delete_dump(self, key: str) -> None:
        """Removes a dump that no manifest names."""
        with s3_errors(self.url(key)):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def _put(self, key: str, at_rest: AtRest) -> Destination:
        put: Destination = {"Bucket": self._bucket, "Key": key, "ServerSideEncryption": at_rest.cipher}
        if at_rest.kms_key:
            put["SSEKMSKeyId"] = at_rest.kms_key
        return put


def _hexadecimal(checksum: str) -> str | None:
    """S3's checksum in hexadecimal; None where it has none."""
    try:
        return base64.b64decode(checksum, validate=True).hex() or None
    except binascii.Error:
        return None
