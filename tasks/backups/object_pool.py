"""Contents of objects, stored once however many objects and backups have them: each lies under its own SHA-256. Blocks.

They lie beside a store's folder and not in it, since no single backup owns them. What no list names any more is told
by its age alone, so whoever removes it (a lifecycle rule of the bucket) reads no list and needs no key: a backup leaves
no content that it names older than a quarter of `keep`, so what is older than one and a half `keep` is named by no
backup that is kept. Nor can a backup lose what it finds there while it is taken: that has more than a `keep` left.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import SecretStr

from tasks.backup_store import BackupStore, StoredDump
from tasks.backups.digested import DigestedSource, DigestedTarget
from tasks.backups.encryption import HEAD, may_be_sealed, readable_without_key
from tasks.backups.sealing import unseal
from tasks.backups.stored_file import AT_REST, upload
from tminus.clock import now
from tminus.errors import CouldNotObserve

_RENEWED = 0.25  # of the time for which a backup is kept
OUTLIVED = 1.5
"""Of that time: a content that is older is named by no backup that is kept."""
_KEYS = 12  # hexadecimal digits that tell one set of recipients from another


@dataclass(frozen=True)
class Got:
    """What came: its plain size and SHA-256, and whether it can be read without the key."""

    size: int
    sha256: str
    readable: Literal["no", "yes", "unproven"]


class ObjectPool:
    """The contents of one store's objects. Its methods raise CouldNotObserve where S3 does not answer.

    Args:
        bucket: the backups'.
        store: the store's name.
        since: what was stored before is not relied on, since some of it may be damaged; None where all is.
    """

    def __init__(self, bucket: BackupStore, store: str, since: datetime | None = None) -> None:
        self._bucket = bucket
        self._since = since
        self.folder = f"{bucket.prefix.strip('/')}/{store}.objects/".lstrip("/")

    def put(self, path: Path, sha256: str, recipients: Sequence[str], keep: timedelta) -> str:
        """Stores a file's content, unless it is there, as long as it should be, and young; returns where in the folder.

        Other recipients have another place: who gets a new key could not read what was encrypted to the old one.

        Args:
            path: the file.
            sha256: of its content.
            recipients: the public keys to encrypt to.
            keep: for how long the backup is kept.
        """
        stored = f"{_fingerprint(recipients)}/{sha256[:2]}/{sha256}"
        key, size = f"{self.folder}{stored}", path.stat().st_size
        found = self._bucket.dump(key)
        if found is None or not _may_be(found, size, sha256, recipients) or not self._young(key, found, keep):
            with path.open("rb") as file:
                sent = self._send(key, file, size, recipients)
            if sent != sha256:
                raise CouldNotObserve(f"{path} changed while it was uploaded")
        return stored

    def _young(self, key: str, found: StoredDump, keep: timedelta) -> bool:
        """Whether it was stored, or is now stored anew, so lately that it outlasts this backup."""
        if self._since is not None and found.stored < self._since:
            return False
        return now() - found.stored < keep * _RENEWED or self._bucket.renew(key, AT_REST)

    def _send(self, key: str, file: BinaryIO, size: int, recipients: Sequence[str]) -> str:
        """The SHA-256 of what was read of the file."""
        if recipients:
            return upload(self._bucket, key, file, recipients, name="object", expected=size).plain_sha256
        plain = DigestedSource(file)  # of no bytes, it may be, which no file of a backup is
        self._bucket.put_stream(key, plain, AT_REST, size)
        return plain.sha256

    def get(self, stored: str, into: Path, identity: SecretStr | None) -> Got | None:
        """Brings a content here; None where it is not there. Raises Damaged where it does not decrypt."""
        key = f"{self.folder}{stored}"
        try:
            with self._bucket.opened(key) as body, into.open("wb") as file:
                source, plain = DigestedSource(body, keep=HEAD), DigestedTarget(file)
                unseal(source, plain, identity, "an object's content")
        except CouldNotObserve:
            if self._bucket.dump(key) is None:
                return None
            raise
        return Got(plain.size, plain.sha256, readable_without_key(source.head))


def _may_be(found: StoredDump, size: int, sha256: str, recipients: Sequence[str]) -> bool:
    """Whether what S3 says of a stored content fits; what was altered and is as long, only a verification finds."""
    if recipients:
        return may_be_sealed(found.size, size, len(recipients))
    return found.size == size and found.sha256 in {None, sha256}


def _fingerprint(recipients: Sequence[str]) -> str:
    if not recipients:
        return "plain"
    return hashlib.sha256("\n".join(sorted(recipients)).encode()).hexdigest()[:_KEYS]
