"""A base backup on its way from the bucket: fetched, decrypted and unpacked at once, hashed on the way."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from tasks.backup_store import BackupStore
from tasks.backups.base_tar import unpack
from tasks.backups.damage import Damaged
from tasks.backups.digested import CHUNK, DigestedSource, DigestedTarget
from tasks.backups.encryption import HEAD, readable_without_key
from tasks.backups.sealing import unseal
from tasks.backups.stored_file import difference
from tminus.backups.manifest import StoredFile


@dataclass(frozen=True)
class FetchedBase:
    """What came of it.

    Attributes:
        size: bytes below the folder.
        broken: why it could not be unpacked to its end; "" where it was.
        differs: how it is not what the manifest says; "" where it is.
        readable_without_key: as `tasks.backups.encryption.readable_without_key` found.
    """

    size: int
    broken: str
    differs: str
    readable_without_key: Literal["no", "yes", "unproven"]


def fetch_base(
    bucket: BackupStore, file: StoredFile, folder: Path, identity: SecretStr | None, room: int
) -> FetchedBase:
    """Unpacks the tar below an empty folder; on the disk it is only once. Blocks.

    Raises CouldNotObserve where S3 does not answer, or `room` bytes do not hold it; NotConfigured without a key.
    """
    reading, writing = os.pipe()
    with ThreadPoolExecutor(1, "unpack") as thread, bucket.opened(file.key) as body:
        unpacking = thread.submit(_unpack, reading, folder, room)
        stored = DigestedSource(body, keep=HEAD)
        broken = ""
        with os.fdopen(writing, "wb", buffering=CHUNK) as pipe:
            plain = DigestedTarget(pipe)
            try:
                unseal(stored, plain, identity, file.name)
            except Damaged as e:
                broken = str(e)
            except BrokenPipeError:  # who unpacks gave up, and says why
                _forget(pipe.fileno())
            with suppress(BrokenPipeError):
                pipe.flush()
        try:
            size = unpacking.result()
        except Damaged as e:
            size, broken = 0, broken or str(e)
        while stored.read(CHUNK):  # so that size and checksum are those of all of it
            pass
    return FetchedBase(size, broken, difference(file, stored, plain), readable_without_key(stored.head))


def _unpack(reading: int, folder: Path, room: int) -> int:
    with os.fdopen(reading, "rb", buffering=CHUNK) as tar:
        return unpack(tar, folder, room)


def _forget(descriptor: int) -> None:
    """What is still in the pipe's buffer goes nowhere, so that closing it raises nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
