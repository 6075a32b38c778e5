"""Backups in S3, at the store itself: who wins, uploads in parts, and what S3 says of encryption."""

import hashlib
import io
import os
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pyrage
import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from tasks import backup_store
from tasks.backup_store import AtRest, BackupStore
from tasks.backups.stored_file import receive, upload
from tasks.giving_up import abandonable
from tests.conftest import Estates, S3Server
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PLAIN = AtRest("AES256")


class Breaking:
    """A stream that gives so many pieces of 5 MiB, and then fails."""

    def __init__(self, pieces: int) -> None:
        self._pieces = pieces

    def read(self, size: int = -1) -> bytes:
        """The next piece."""
        if not self._pieces:
            raise ConnectionError("gone")
        self._pieces -= 1
        return b"x" * (5 << 20)


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


class Answering:
    """An S3 whose answers to what is put are these errors, in turn; a fake in front of moto's."""

    def __init__(self, client: "S3Client", *codes: str) -> None:
        self._client, self._codes = client, list(codes)

    def __getattr__(self, name: str) -> object:
        """Everything else is as it is."""
        return getattr(self._client, name)

    def put_object(self, **put: object) -> object:
        """`lost`: it was stored, the answer was lost, and the client's own second try is told that it is there."""
        code = self._codes.pop(0) if self._codes else ""
        if code in {"", "lost"}:
            answer = self._client.put_object(**put)  # type: ignore[arg-type]
        if code:
            said = "PreconditionFailed" if code == "lost" else code
            raise ClientError({"Error": {"Code": said, "Message": ""}}, "PutObject")
        return answer


@pytest.mark.parametrize("codes", [("lost",), ("ConditionalRequestConflict", "OperationAborted"), ("NotImplemented",)])
def test_what_s3_answers_to_a_manifest(
    store: BackupStore, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, codes: tuple[str, ...]
) -> None:
    """A lost answer is no loss, and a conflict is tried again: it is there, and it is ours; nobody else's is."""
    monkeypatch.setattr(backup_store, "_BETWEEN", 0.0)
    client, key = s3_server.client(), f"{store.prefix}/{codes[0]}.manifest.json"
    one = BackupStore(cast("S3Client", Answering(client, *codes)), s3_server.at.address.bucket, store.prefix)
    assert one.put_manifest(key, b"ours", PLAIN, replacing=None)
    assert store.text(key, 100) == b"ours"
    assert not store.put_manifest(key, b"else", PLAIN, replacing=None)


def test_a_conflict_without_end_is_no_answer(
    store: BackupStore, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows then who wins."""
    monkeypatch.setattr(backup_store, "_BETWEEN", 0.0)
    answering = Answering(s3_server.client(), *["ConditionalRequestConflict"] * 9)
    one = BackupStore(cast("S3Client", answering), s3_server.at.address.bucket, store.prefix)
    with pytest.raises(CouldNotObserve, match="ConditionalRequestConflict"):
        one.put_manifest(f"{store.prefix}/conflict.manifest.json", b"ours", PLAIN, replacing=None)


def test_an_upload_that_was_given_up_ends(store: BackupStore) -> None:
    """No thread can be stopped from outside: it asks at each piece, and nothing is stored."""
    key = f"{store.prefix}/given-up.dump"
    with abandonable() as given_up:
        given_up.set()
        with pytest.raises(CouldNotObserve, match="given up"):
            store.put_stream(key, Endless(1 << 30), PLAIN, part=5 << 20)
    assert store.dump(key) is None


def test_a_large_stream_goes_up_in_parts(store: BackupStore) -> None:
    """It is there in full and encrypted; S3 keeps a checksum of the parts, which is not taken for one of the whole."""
    content, key = os.urandom(11 << 20), f"{store.prefix}/large.dump"
    etag = store.put_stream(key, io.BytesIO(content), PLAIN, part=5 << 20)
    dump = store.dump(key)
    assert dump is not None
    assert (dump.size, dump.etag, dump.encryption, dump.sha256) == (11 << 20, etag, "AES256", None)
    assert store.downloaded_sha256(key) == hashlib.sha256(content).hexdigest()


def test_a_stream_that_comes_in_small_pieces_is_not_gathered(store: BackupStore) -> None:
    """It goes up in parts as it comes: nobody ever asks for all that is left of it."""
    content, asked = io.BytesIO(os.urandom(11 << 20)), []

    class Dripping:
        def read(self, size: int = -1) -> bytes:
            asked.append(size)
            return content.read(min(size, 1000_000))

    key = f"{store.prefix}/dripping.dump"
    store.put_stream(key, Dripping(), PLAIN, part=5 << 20)
    assert store.downloaded_sha256(key) == hashlib.sha256(content.getvalue()).hexdigest()
    assert min(asked) > 0
    assert max(asked) <= 5 << 20


class Endless:
    """A stream of so many bytes, made as they are asked for."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1) -> bytes:
        """The next of them."""
        count = min(self._left, 1 << 20 if size < 0 else size)
        self._left -= count
        return os.urandom(count)


def peak(store: BackupStore, size: int) -> int:
    """The most memory that it took to encrypt, upload, fetch and decrypt so many bytes."""
    key, secret = f"{store.prefix}/flat-{size}", pyrage.x25519.Identity.generate()
    tracemalloc.start()
    try:
        file = upload(store, key, Endless(size), [str(secret.to_public())], name="flat")
        received = receive(store, file, Nowhere(), SecretStr(str(secret)))
        assert received.differs == ""
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        store.delete_dump(key)


class Nowhere:
    """Takes everything, and keeps nothing."""

    def write(self, data: bytes, /) -> None:
        """Gone."""


@pytest.mark.long
def test_memory_is_flat_in_the_size_of_what_passes(store: BackupStore) -> None:
    """Five times as much takes no more of it."""
    peak(store, 1 << 20)  # what is imported and connected once
    small, large = peak(store, 48 << 20), peak(store, 240 << 20)
    assert large <= 1.1 * small


def test_a_renewed_object_is_as_it_was_and_young(store: BackupStore) -> None:
    """Its age begins anew; what is not there is not made."""
    key = f"{store.prefix}/pool/renewed"
    store.put_stream(key, io.BytesIO(b"content"), PLAIN)
    time.sleep(1.1)  # S3 counts whole seconds
    before = datetime.now(UTC)
    assert store.older(f"{store.prefix}/pool/", before) == (1, 7)
    assert store.renew(key, PLAIN)
    assert store.older(f"{store.prefix}/pool/", before - timedelta(seconds=1)) == (0, 0)
    assert store.downloaded_sha256(key) == hashlib.sha256(b"content").hexdigest()
    assert not store.renew(f"{store.prefix}/pool/nothing", PLAIN)


def test_a_small_stream_keeps_its_own_checksum(store: BackupStore) -> None:
    """In one piece S3 keeps the SHA-256 of the content, encrypted with KMS if so asked."""
    key = f"{store.prefix}/small.dump"
    store.put_stream(key, io.BytesIO(b"rows"), AtRest("aws:kms", kms_key="alias/backups"))
    dump = store.dump(key)
    assert dump is not None
    assert (dump.size, dump.sha256, dump.encryption) == (4, hashlib.sha256(b"rows").hexdigest(), "aws:kms")


@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_stream_that_breaks_off_leaves_nothing(store: BackupStore, s3_server: S3Server, before: int) -> None:
    """Neither an object nor an upload that nobody ends, however far it had come; its own error is told."""
    key = f"{store.prefix}/broken-{before}.dump"
    with pytest.raises(ConnectionError, match="gone"):
        store.put_stream(key, Breaking(before), PLAIN, part=5 << 20)
    assert store.dump(key) is None
    left = s3_server.client().list_multipart_uploads(Bucket=s3_server.at.address.bucket)
    assert [one for one in left.get("Uploads", []) if one["Key"] == key] == []


def test_a_stream_that_breaks_off_leaves_nothing_though_it_is_encrypted_on_its_way(store: BackupStore) -> None:
    """Between it and the upload is a pipe, whose end must not pass for the stream's."""
    key, recipient = f"{store.prefix}/broken-off.dump", str(pyrage.x25519.Identity.generate().to_public())
    with pytest.raises(ConnectionError, match="gone"):
        upload(store, key, Breaking(2), [recipient], name="dump")
    assert store.dump(key) is None


def test_what_is_not_there_is_none_and_what_fails_is_an_error(store: BackupStore, s3_server: S3Server) -> None:
    """A missing object is an answer; a missing bucket is not."""
    assert store.dump(f"{store.prefix}/nothing") is None
    assert store.manifest(f"{store.prefix}/nothing") is None
    with pytest.raises(CouldNotObserve, match="NoSuchBucket"):
        BackupStore(s3_server.client(), "no-such-bucket", "").manifest("any")
