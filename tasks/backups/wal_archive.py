"""The WAL in a bucket: put there as the server hands it over, encrypted, never written over; fetched for a restore.

Beside each object stand, as metadata, the SHA-256 of what it is and of what it was before it was encrypted; and, where
the environment has `backups.seal`, its seal: an HMAC-SHA256 (RFC 2104) of its name and that second hash. Whoever may
write to the bucket can encrypt to a public key, and make every hash agree. PostgreSQL notices another server's WAL, and
damage, but not WAL that was made up with care.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, Literal

from pydantic import SecretStr

from tasks.backups.damage import Damaged
from tasks.backups.digested import CHUNK, DigestedTarget
from tasks.backups.sealing import seal, unseal
from tasks.backups.wal_pages import SegmentHead, examine
from tasks.estate import s3_bucket
from tasks.s3_body import reading
from tasks.s3_errors import code_of, s3_errors
from tminus.backups.wal_names import is_wal
from tminus.credentials import resolve
from tminus.environment import Environment
from tminus.errors import CouldNotObserve, NotConfigured, Refused, UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef, PutObjectRequestTypeDef

_PLAIN, _STORED, _SYSTEM, _SEAL = "tminus-plain-sha256", "tminus-sha256", "tminus-system", "tminus-seal"
_SHORTEST = 32  # characters of the seal's secret: name, hash and seal are there to be tried against
_CHANGED = frozenset({"412", "PreconditionFailed", "ConditionalRequestConflict"})
_NO_CONDITIONS = "NotImplemented"  # a store without conditional writes


@dataclass(frozen=True)
class Fetched:
    """What came: bytes once decrypted, their SHA-256, and whose WAL it is; `head` is None where it is no segment."""

    size: int
    plain_sha256: str
    head: SegmentHead | None


class WalArchive:
    """The WAL of one server. Its methods block: call them from a thread.

    Args:
        seal: the secret that files are sealed with; where there is one, what has no seal of it is damaged.
    """

    def __init__(self, client: "S3Client", bucket: str, folder: str, seal: SecretStr | None = None) -> None:
        self._client = client
        self._bucket = bucket
        self._seal = seal
        self.folder = f"{folder.strip('/')}/"

    @classmethod
    def open(cls, environment: Environment, bucket: str, wal: str) -> "WalArchive":
        """That below `wal` in a bucket of the environment; raises NotConfigured, MissingSecret."""
        client, section = s3_bucket(environment, bucket)
        folder = "/".join(part for part in (section.prefix.strip("/"), wal) if part)
        return cls(client, section.bucket, folder, _seal_of(environment))

    @property
    def sealed(self) -> bool:
        """Whether what is fetched must have a seal."""
        return self._seal is not None

    def url(self, name: str) -> str:
        """`s3://bucket/key`, for people."""
        return f"s3://{self._bucket}/{self.folder}{name}"

    def put(self, path: Path, recipients: Sequence[str]) -> Literal["stored", "was there"]:
        """Stores a file of the WAL under its name, where none is; done again with the same content, it is well.

        Raises UsageError where it is none of the WAL, Refused where its place holds other content, CouldNotObserve
        where it cannot be read, is not what its name says, or S3 does not have it whole.
        """
        if not is_wal(path.name):
            raise UsageError(f"{path.name} is no file of a WAL: archive_command gives its path as %p")
        with self._opened(path) as plain:
            head = examine(path.name, plain)
            plain.seek(0)
            before = _sha256(plain)
            if (there := self._head(path.name)) is not None:
                return self._same(path.name, there, before)
            plain.seek(0)
            with TemporaryFile() as sealed:
                through = DigestedTarget(sealed)
                seal(plain, through, recipients)
                sealed.seek(0)
                metadata = {_PLAIN: before, _STORED: through.sha256, _SYSTEM: head.system if head else ""}
                if self._seal is not None:
                    metadata[_SEAL] = _mac(self._seal, path.name, before)
                won = self._put_new(path.name, sealed, metadata)
        there = self._head(path.name)
        if there is None:
            raise CouldNotObserve(f"{self.url(path.name)} is not there although S3 took it; the WAL is kept for now")
        self._same(path.name, there, before)
        return "stored" if won else "was there"

    def names(self, after: str = "") -> list[str]:
        """The WAL files that are there, in order; only those that sort behind `after`, where that is given."""
        found: list[str] = []
        with s3_errors(self.url("")):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self.folder, StartAfter=f"{self.folder}{after}"
            )
            for page in pages:
                found += [entry["Key"].removeprefix(self.folder) for entry in page.get("Contents", [])]
        return [name for name in found if is_wal(name)]

    def fetch(self, name: str, into: Path, identity: SecretStr | None) -> Fetched | None:
        """Fetches and decrypts one file; None where there is none. It appears under `into` only once it is whole.

        Raises CouldNotObserve where S3 does not answer, and Damaged where the content is not what was archived: it
        cannot be decrypted, has another SHA-256, no seal where it must have one, or its pages are of another place.
        """
        aside = into.with_name(f".{into.name}.part")
        with s3_errors(self.url(name), absent_is_none=True):
            answer = self._client.get_object(Bucket=self._bucket, Key=f"{self.folder}{name}")
            metadata = answer["Metadata"]
            with aside.open("w+b") as file:
                through = DigestedTarget(file)
                with reading(answer["Body"], answer["ContentLength"], self.url(name)) as body:
                    unseal(body, through, identity, self.url(name))
                if through.sha256 != metadata.get(_PLAIN, through.sha256):
                    raise Damaged(f"{self.url(name)} is not what was archived under that name: its SHA-256 differs")
                self._require_seal(name, metadata.get(_SEAL, ""), through.sha256)
                file.seek(0)
                try:
                    head = examine(name, file)
                except CouldNotObserve as e:
                    raise Damaged(f"{self.url(name)}: {e}") from e
            aside.replace(into)
            return Fetched(through.size, through.sha256, head)
        return None

    def _require_seal(self, name: str, seal: str, plain_sha256: str) -> None:
        if self._seal is None or hmac.compare_digest(seal.encode(), _mac(self._seal, name, plain_sha256).encode()):
            return
        why = (
            "it has another seal than that of `backups.seal`"
            if seal
            else "it has no seal, and `backups.seal` wants one"
        )
        raise Damaged(f"{self.url(name)} is not what `tminus archive-wal` put there under that name: {why}")

    def _head(self, name: str) -> "HeadObjectOutputTypeDef | None":
        with s3_errors(self.url(name), absent_is_none=True):
            return self._client.head_object(Bucket=self._bucket, Key=f"{self.folder}{name}", ChecksumMode="ENABLED")
        return None

    def _same(self, name: str, there: "HeadObjectOutputTypeDef", plain_sha256: str) -> Literal["was there"]:
        """Raises Refused where the object is not this content, whole."""
        if there["Metadata"].get(_PLAIN) != plain_sha256:
            raise Refused(
                f"{self.url(name)} holds other content than this file, and is not written over: does another server "
                f"archive to the same place, or was this one restored? Give each server an archive of its own"
            )
        kept = there.get("ChecksumSHA256", "")
        if kept and "-" not in kept and base64.b64decode(kept).hex() != there["Metadata"].get(_STORED):
            raise Refused(f"{self.url(name)} is not what was put there: its SHA-256 differs from that in its metadata")
        return "was there"

    def _put_new(self, name: str, sealed: BinaryIO, metadata: dict[str, str]) -> bool:
        """Whether it was ours that was stored; False where something is there already."""
        from botocore.exceptions import ClientError

        checksum = base64.b64encode(bytes.fromhex(metadata[_STORED])).decode()
        put: PutObjectRequestTypeDef = {"Bucket": self._bucket, "Key": f"{self.folder}{name}", "Metadata": metadata}
        put["Body"], put["ChecksumAlgorithm"], put["ChecksumSHA256"] = sealed, "SHA256", checksum
        conditional = put.copy()
        conditional["IfNoneMatch"] = "*"
        with s3_errors(self.url(name)):
            try:
                self._client.put_object(**conditional)
            except ClientError as e:
                if code_of(e.response) in _CHANGED:
                    return False
                if code_of(e.response) != _NO_CONDITIONS:
                    raise
                sealed.seek(0)
                self._client.put_object(**put)
        return True

    @contextmanager
    def _opened(self, path: Path) -> Iterator[BinaryIO]:
        try:
            with path.open("rb") as file:
                yield file
        except OSError as e:
            raise CouldNotObserve(f"{path} cannot be read: {e.strerror}") from e


def _seal_of(environment: Environment) -> SecretStr | None:
    """Raises MissingSecret, and NotConfigured where it is too short to be one."""
    section = environment.backups
    if section is None or section.seal is None:
        return None
    seal = resolve(section.seal)
    if len(seal.get_secret_value()) < _SHORTEST:
        raise NotConfigured(
            f"{section.seal} (backups.seal) has fewer than {_SHORTEST} characters; `openssl rand -hex 32` makes one"
        )
    return seal


def _mac(seal: SecretStr, name: str, plain_sha256: str) -> str:
    said = f"tminus wal {name} {plain_sha256}"
    return hmac.new(seal.get_secret_value().encode(), said.encode(), hashlib.sha256).hexdigest()


def _sha256(file: BinaryIO) -> str:
    found = hashlib.sha256()
    while chunk := file.read(CHUNK):
        found.update(chunk)
    return found.hexdigest()
