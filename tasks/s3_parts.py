"""An object uploaded in parts while it is read, from buffers that are used again: memory is flat in its size.

boto3's `upload_fileobj` allocates each part anew, and what the allocator keeps of that grows by hundreds of MB.
"""

import io
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Literal, NotRequired, Protocol, TypedDict

from tasks.giving_up import raise_if_given_up

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_AT_ONCE = 2  # parts that are uploaded at once, while another one is read
_PIECE = 1 << 20  # bytes


class Destination(TypedDict):
    """Where an object goes, and how it is encrypted there, as S3's requests take it."""

    Bucket: str
    Key: str
    ServerSideEncryption: Literal["AES256", "aws:kms"]
    SSEKMSKeyId: NotRequired[str]


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def upload(client: "S3Client", where: Destination, stream: _Readable, part: int) -> str:
    """Uploads what is read from a stream; returns the ETag. Each part is checked by its SHA-256 on its way.

    Nothing is stored where it fails, be it because the stream raises. Errors of boto3 pass through. Blocks.

    Args:
        client: to S3.
        where: under which key.
        stream: the content.
        part: bytes of a part; what has fewer is uploaded in one.
    """
    buffers = deque([io.BytesIO(bytes(part))])
    first = buffers.popleft()
    if _fill(first, stream, part) < part:
        return client.put_object(**where, Body=first, ChecksumAlgorithm="SHA256")["ETag"]
    buffers.extend(io.BytesIO(bytes(part)) for _ in range(_AT_ONCE))
    with _begun(client, where) as upload_part, ThreadPoolExecutor(_AT_ONCE, "tminus-part") as threads:
        under_way: deque[tuple[Future[CompletedPartTypeDef], io.BytesIO]] = deque()
        done: list[CompletedPartTypeDef] = []
        content, number = first, 1
        while True:
            under_way.append((threads.submit(upload_part, number, content), content))
            if not buffers:
                earliest, buffer = under_way.popleft()
                done.append(earliest.result())
                buffers.append(buffer)
            content, number = buffers.popleft(), number + 1
            if not _fill(content, stream, part):
                break
        done += [one.result() for one, _ in under_way]
        return upload_part.complete(done)


def _fill(buffer: io.BytesIO, stream: _Readable, size: int) -> int:
    """Puts as many bytes as fit into a buffer, fewer where the stream ends; returns how many."""
    buffer.seek(0)
    while (came := buffer.tell()) < size and (piece := stream.read(min(_PIECE, size - came))):
        raise_if_given_up("an upload")
        buffer.write(piece)
    came = buffer.tell()
    if came < size:
        buffer.truncate()
    buffer.seek(0)
    return came


class _Upload:
    """An upload that was begun; called with a number and a content, it uploads a part."""

    def __init__(self, client: "S3Client", bucket: str, key: str, upload: str) -> None:
        self._client, self._bucket, self._key, self._id = client, bucket, key, upload

    def __call__(self, number: int, content: io.BytesIO) -> "CompletedPartTypeDef":
        came = self._client.upload_part(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=self._id,
            PartNumber=number,
            Body=content,
            ChecksumAlgorithm="SHA256",
        )
        part: CompletedPartTypeDef = {"PartNumber": number, "ETag": came["ETag"]}
        if "ChecksumSHA256" in came:
            part["ChecksumSHA256"] = came["ChecksumSHA256"]
        return part

    def complete(self, parts: "list[CompletedPartTypeDef]") -> str:
        """Makes an object of them; returns its ETag."""
        self._client.complete_multipart_upload(
            Bucket=self._bucket, Key=self._key, UploadId=self._id, MultipartUpload={"Parts": parts}
        )
        return self._client.head_object(Bucket=self._bucket, Key=self._key)["ETag"]

    def abort(self) -> None:
        """Lets S3 forget the parts; where it does not answer, the bucket lists what was begun and not completed."""
        from botocore.exceptions import BotoCoreError, ClientError

        with suppress(BotoCoreError, ClientError):
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=self._id)


@contextmanager
def _begun(client: "S3Client", where: Destination) -> Iterator[_Upload]:
    """Begins an upload; where the block fails, S3 forgets what came of it."""
    begun = client.create_multipart_upload(**where, ChecksumAlgorithm="SHA256")
    upload = _Upload(client, where["Bucket"], where["Key"], begun["UploadId"])
    with ExitStack() as unless_through:
        unless_through.callback(upload.abort)
        yield upload
        unless_through.pop_all()
