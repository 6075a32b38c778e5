"""The live objects of a bucket, each in the version that is current. They are only read. Blocks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tasks.backup_store import Readable
from tasks.estate import Estate
from tasks.s3_body import reading
from tasks.s3_errors import ABSENT, code_of, s3_errors
from tminus.backups.object_list import MARKER_OBJECT
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ABSENT = ABSENT | {"NoSuchVersion", "405", "MethodNotAllowed"}
_CHANGED = frozenset({"412", "PreconditionFailed"})
_NO_VERSIONS = "null"


@dataclass(frozen=True)
class Current:
    """An object as the bucket lists it: `version` is "null" where the bucket keeps none."""

    key: str
    version: str
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True)
class OpenedObject:
    """One that is being read."""

    body: Readable
    content_type: str
    metadata: dict[str, str]


class ObjectSource:
    """A bucket, or what is below a prefix in it. Every method raises CouldNotObserve where S3 does not answer."""

    def __init__(self, client: "S3Client", bucket: str, prefix: str) -> None:
        self._client = client
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @classmethod
    def open(cls, estate: Estate, name: str) -> "ObjectSource":
        """By its name in the environment's `buckets` section; raises NotConfigured, MissingSecret."""
        client, section = estate.s3(name)
        return cls(client, section.bucket, section.prefix)

    @property
    def marker_key(self) -> str:
        """Where `tminus mark` writes."""
        return f"{self.prefix}{MARKER_OBJECT}"

    def current(self, leave_out: str = "") -> Iterator[Current]:
        """Every object that is there, in the order of keys; one whose newest version is a delete marker is not.

        Args:
            leave_out: a prefix below which nothing is listed: where the backups themselves lie.
        """
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=self.prefix)
        with self._mapped(self.prefix):
            for page in pages:
                for one in page.get("Versions", []):
                    if not one.get("IsLatest") or (leave_out and one["Key"].startswith(leave_out)):
                        continue
                    version = one.get("VersionId") or _NO_VERSIONS
                    yield Current(one["Key"], version, one["Size"], one["ETag"], one["LastModified"])

    def one(self, key: str, version: str = "") -> Current | None:
        """An object as it is now, or a version of it; None where it is not there."""
        with self._mapped(key, absent_is_none=True):
            if version in {"", _NO_VERSIONS}:
                head = self._client.head_object(Bucket=self.bucket, Key=key)
            else:
                head = self._client.head_object(Bucket=self.bucket, Key=key, VersionId=version)
            found = head.get("VersionId") or _NO_VERSIONS
            return Current(key, found, head["ContentLength"], head["ETag"], head["LastModified"])
        return None

    @contextmanager
    def reading(self, one: Current) -> Iterator[OpenedObject]:
        """That very version's content; raises Changed where it is not to be had any more."""
        with self._mapped(one.key):
            if one.version == _NO_VERSIONS:
                answer = self._client.get_object(Bucket=self.bucket, Key=one.key, IfMatch=one.etag)
            else:
                answer = self._client.get_object(Bucket=self.bucket, Key=one.key, VersionId=one.version)
            with reading(answer["Body"], answer["ContentLength"], f"s3://{self.bucket}/{one.key}") as body:
                yield OpenedObject(body, answer.get("ContentType", ""), dict(answer.get("Metadata", {})))

    def half_uploaded(self) -> int:
        """Uploads in parts that were begun here and neither completed nor given up."""
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=self.prefix)
        with self._mapped(self.prefix):
            return sum(len(page.get("Uploads", [])) for page in pages)

    @contextmanager
    def _mapped(self, key: str, *, absent_is_none: bool = False) -> Iterator[None]:
        from botocore.exceptions import ClientError

        with s3_errors(f"s3://{self.bucket}/{key}"):
            try:
                yield
            except ClientError as e:
                code = code_of(e.response)
                if absent_is_none and code in _ABSENT:
                    return
                if code in _ABSENT | _CHANGED:
                    raise Changed(f"S3: an object of {self.bucket} was changed or removed while it was read") from e
                raise


class Changed(CouldNotObserve):
    """What was listed is not there any more, or is another."""
