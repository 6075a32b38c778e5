"""Backups in S3, at the store itself: who wins, uploads in parts, and what S3 says of encryption."""

import hashlib
import os
from pathlib import Path

import pytest

from tasks.backup_store import AtRest, BackupStore
from tests.conftest import Estates, S3Server
from tminus.errors import CouldNotObserve

PLAIN = AtRest("AES256")


@pytest.fixture
def store(s3_server: S3Server, estates: Estates) -> BackupStore:
    """A prefix of the bucket."""
    return BackupStore(s3_server.client(), s3_server.at.address.bucket, f"store/{estates.folder.name}")


def test_the_first_manifest_wins(store: BackupStore, s3_server: S3Server) -> None:
    """A second one under the same key is told that it lost, and changes nothing."""
    key = f"{store.prefix}/one.manifest.json"
    assert store.put_manifest(key, b"first", PLAIN, replacing=None)
    assert not store.put_manifest(key, b"second", PLAIN, replacing=None)
    found = s3_server.client().get_object(Bucket=s3_server.at.address.bucket, Key=key)
    assert found["Body"].read() == b"first"
    assert store.put_manifest(key, b"third", PLAIN, replacing=found["ETag"])
    assert not store.put_manifest(key, b"fourth", PLAIN, replacing=found["ETag"])


def test_a_large_dump_goes_up_in_parts(store: BackupStore, tmp_path: Path) -> None:
    """It is there in full and encrypted; S3 keeps a checksum of the parts, which is not taken for one of the whole."""
    file, key = tmp_path / "large.dump", f"{store.prefix}/large.dump"
    file.write_bytes(os.urandom(9 << 20))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    with file.open("rb") as content:
        etag = store.put_dump(key, content, sha256, PLAIN, single_put=1)
    dump = store.dump(key)
    assert dump is not None
    assert (dump.size, dump.etag, dump.encryption, dump.sha256) == (9 << 20, etag, "AES256", None)
    assert store.downloaded_sha256(key) == sha256


def test_a_small_dump_keeps_its_own_checksum(store: BackupStore, tmp_path: Path) -> None:
    """In one piece S3 keeps the SHA-256 of the content, encrypted with KMS if so asked."""
    file, key = tmp_path / "small.dump", f"{store.prefix}/small.dump"
    file.write_bytes(b"rows")
    sha256 = hashlib.sha256(b"rows").hexdigest()
    with file.open("rb") as content:
        content.read()
        store.put_dump(key, content, sha256, AtRest("aws:kms", kms_key="alias/backups"))
    dump = store.dump(key)
    assert dump is not None
    assert (dump.size, dump.sha256, dump.encryption) == (4, sha256, "aws:kms")


def test_what_is_not_there_is_none_and_what_fails_is_an_error(store: BackupStore, s3_server: S3Server) -> None:
    """A missing object is an answer; a missing bucket is not."""
    assert store.dump(f"{store.prefix}/nothing") is None
    assert store.manifest(f"{store.prefix}/nothing") is None
    with pytest.raises(CouldNotObserve, match="NoSuchBucket"):
        BackupStore(s3_server.client(), "no-such-bucket", "").manifest("any")
