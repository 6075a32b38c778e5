"""A backup's file on its way to the bucket and back: streamed, encrypted here, hashed on both sides of that."""

import io
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Self

from pydantic import SecretStr

from tasks.backup_store import AtRest, BackupStore, Readable
from tasks.backups.damage import Damaged
from tasks.backups.digested import CHUNK, DigestedSource, DigestedTarget, Target
from tasks.backups.encryption import HEAD, MAGIC, decrypt, encrypt, public_key, readable_without_key
from tasks.estate import Estate
from tminus.backups.manifest import BackupManifest, StoredFile
from tminus.bounded_threads import begun
from tminus.credentials import resolve
from tminus.errors import CouldNotObserve, NotConfigured

AT_REST = AtRest("AES256")


def upload(
    bucket: BackupStore,
    key: str,
    source: Readable,
    recipients: Sequence[str],
    *,
    name: str,
    at_rest: AtRest = AT_REST,
    expected: int = 0,
) -> StoredFile:
    """Encrypts a stream to the recipients, where there are any, and stores it; nothing is stored where that fails.

    Memory is flat in its size, and nothing lies on a disk. What the source raises passes through. Blocks.
    """
    plain = DigestedSource(source)
    if not recipients:
        etag = bucket.put_stream(key, plain, at_rest, expected)
        return StoredFile(
            name=name, key=key, size=plain.size, sha256=plain.sha256, plain_sha256=plain.sha256, etag=etag
        )
    with _Piped(lambda into: encrypt(plain, into, recipients)) as sealed:
        stored = DigestedSource(sealed)
        etag = bucket.put_stream(key, stored, at_rest, expected)
    return StoredFile(name=name, key=key, size=stored.size, sha256=stored.sha256, plain_sha256=plain.sha256, etag=etag)


@dataclass(frozen=True)
class Received:
    """What a file was like as it came.

    Attributes:
        differs: how it is not what the manifest says; "" where it is.
        readable_without_key: as `tasks.backups.encryption.readable_without_key` found.
    """

    differs: str
    readable_without_key: Literal["no", "yes", "unproven"]


@dataclass(frozen=True)
class Fetched(Received):
    """It is here; `path` has its plain content."""

    path: Path


class Unreadable(Damaged):
    """It could not be decrypted.

    Attributes:
        readable_without_key: what was found of that all the same.
    """

    def __init__(self, message: str, readable_without_key: Literal["no", "yes", "unproven"]) -> None:
        super().__init__(message)
        self.readable_without_key = readable_without_key


def identity_for(estate: Estate, manifest: BackupManifest) -> SecretStr | None:
    """The private key for a backup; None where it was not encrypted. Blocks.

    Raises NotConfigured, MissingSecret, and CouldNotObserve where the key is none of those that it was encrypted to:
    then nothing can be told of the backup.
    """
    if not manifest.encrypted_to:
        return None
    section = estate.environment.backups
    if section is None or section.identity is None:
        raise NotConfigured("the environment names no backups.identity, the private key that backups are read with")
    identity = resolve(section.identity)
    if public_key(identity) not in manifest.encrypted_to:
        raise CouldNotObserve(
            f"{section.identity} is not a key of {manifest.backup}, which is encrypted to "
            f"{', '.join(manifest.encrypted_to)}"
        )
    return identity


def fetch(
    bucket: BackupStore,
    file: StoredFile,
    into: Path,
    identity: SecretStr | None,
    given_up: threading.Event | None = None,
) -> Fetched:
    """Brings a file's plain content to this machine, decrypted with the key where one is given. Blocks.

    What should be encrypted and is plainly not, is taken as it is: `readable_without_key` says so. Raises
    CouldNotObserve where S3 does not answer, the disk takes no more, or it was given up meanwhile; Unreadable where it
    does not decrypt.
    """
    try:
        with open(into, "xb", opener=_private) as target:
            received = receive(bucket, file, target if given_up is None else _Until(given_up, target), identity)
    except OSError as e:
        raise CouldNotObserve(f"{file.name} cannot be written below {into.parent}: {e.strerror or e}") from e
    return Fetched(received.differs, received.readable_without_key, into)


def receive(bucket: BackupStore, file: StoredFile, target: Target, identity: SecretStr | None) -> Received:
    """Writes a file's plain content into a target, as `fetch` does; what the target raises passes through. Blocks."""
    with bucket.opened(file.key) as body:
        stored, plain = DigestedSource(body, keep=HEAD), DigestedTarget(target)
        sealed = _Peeked(stored)
        refused = ""
        try:
            if identity is not None and sealed.begins_with(MAGIC):
                decrypt(sealed, plain, identity)
            else:
                _copy(sealed, plain)
        except Damaged as e:
            refused = str(e)
        _drain(stored)
    readable = readable_without_key(stored.head)
    if refused:
        raise Unreadable(f"{file.name} does not decrypt: {refused}", readable)
    return Received(difference(file, stored, plain), readable)


def difference(file: StoredFile, stored: DigestedSource, plain: DigestedTarget) -> str:
    """How what came is not what the manifest says of a file; "" where it is."""
    if stored.size != file.size:
        return f"{file.name} has {stored.size} bytes, and the manifest says {file.size}"
    if stored.sha256 != file.sha256:
        return f"{file.name} has another SHA-256 than the manifest says"
    if plain.sha256 != file.plain_sha256:
        return f"{file.name}, decrypted, has another SHA-256 than the manifest says"
    return ""


def _copy(source: Readable, target: Target) -> None:
    while chunk := source.read(CHUNK):
        target.write(chunk)


def _drain(source: Readable) -> None:
    """Reads what is left, so that size and checksum are those of all of it."""
    while source.read(CHUNK):
        pass


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class _Until:
    """A target that takes no more once the event is set: a thread cannot be stopped from outside."""

    def __init__(self, given_up: threading.Event, target: Target) -> None:
        self._given_up = given_up
        self._target = target

    def write(self, data: bytes) -> None:
        if self._given_up.is_set():
            raise CouldNotObserve("the file was not fetched to its end: it was given up")
        self._target.write(data)


class _Peeked:
    """A stream whose beginning can be looked at before it is read."""

    def __init__(self, source: DigestedSource) -> None:
        self._source = source
        self._ahead = io.BytesIO()

    def begins_with(self, prefix: bytes) -> bool:
        found = b""
        while len(found) < len(prefix) and (piece := self._source.read(len(prefix) - len(found))):
            found += piece
        self._ahead = io.BytesIO(found)
        return found == prefix

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return self._ahead.read() + self._source.read()
        return self._ahead.read(size) or self._source.read(size)


class _Piped:
    """Turns who writes into a stream that is read: runs a writer in a thread of its own, with a pipe between.

    The reader sees the end only where the writer came to its own; else reading raises what the writer raised.
    """

    def __init__(self, write: "Callable[[BinaryIO], None]") -> None:
        reading, writing = os.pipe()
        self._reading = os.fdopen(reading, "rb", buffering=0)
        self._writing = os.fdopen(writing, "wb", buffering=CHUNK)
        self._write = write

    def __enter__(self) -> Self:
        self._written = begun(self._run, "tminus-pipe")
        return self

    def __exit__(self, *_: object) -> None:
        self._reading.close()  # a writer that still writes then ends with BrokenPipeError
        wait([self._written])

    def read(self, size: int = -1) -> bytes:
        if chunk := self._reading.read(size):
            return chunk
        self._written.result()
        return b""

    def _run(self) -> None:
        try:
            self._write(self._writing)
            self._writing.flush()
        finally:
            with suppress(OSError):
                self._writing.close()
