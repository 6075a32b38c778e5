"""A chain's head, written down where the ledger cannot reach: in S3, under a key that names it and is written once."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tasks.estate import Estate, s3_bucket
from tasks.s3_errors import ABSENT, code_of
from tminus.environment import Environment
from tminus.errors import CouldNotObserve, MissingSecret, NotConfigured
from tminus.ledger.chain import Head

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_BUCKET = "anchors"
_LONGEST = 4096  # bytes that are read of an object; a head is far shorter
_THERE = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
_NO_CONDITIONS = "NotImplemented"  # a store without conditional writes
_CANNOT_LOOK = (BotoCoreError, ClientError, MissingSecret, NotConfigured)


@dataclass(frozen=True)
class Anchors:
    """What was written to S3 of a chain.

    Attributes:
        heads: every head, in the order of the keys.
        unreadable: what could not be read or is no head, one sentence an object.
    """

    heads: tuple[Head, ...] = ()
    unreadable: tuple[str, ...] = ()


async def write_anchor(estate: Estate, where: str, head: Head, phase: str) -> str:
    """Writes a head down and says where.

    Slack and PagerDuty carry it in the messages that tell of the phase's end; S3 takes it as an object, whose key
    holds number and hash: another head is another object, and the same one is written once. Raises CouldNotObserve.
    """
    if where != "s3":
        return where
    try:
        return await asyncio.to_thread(_put, estate, head, phase)
    except _CANNOT_LOOK as e:
        raise CouldNotObserve(f"S3: {type(e).__name__}: {e}") from e


def _put(estate: Estate, head: Head, phase: str) -> str:
    client, bucket = estate.s3(_BUCKET)
    key = f"{_folder(bucket.prefix, head.chain)}{head.seq:08d}-{phase}-{head.hash}"
    body = str(head).encode()
    try:
        client.put_object(Bucket=bucket.bucket, Key=key, Body=body, ContentType="text/plain", IfNoneMatch="*")
    except ClientError as e:
        if code_of(e.response) == _NO_CONDITIONS and not _is_there(client, bucket.bucket, key):
            client.put_object(Bucket=bucket.bucket, Key=key, Body=body, ContentType="text/plain")
        elif code_of(e.response) not in _THERE | {_NO_CONDITIONS}:
            raise
    return f"s3://{bucket.bucket}/{key}"


def _is_there(client: "S3Client", bucket: str, key: str) -> bool:
    try:
        client.head_object(Bucket=bucket, Key=key)
    except ClientError as e:
        if code_of(e.response) in ABSENT:
            return False
        raise
    return True


def read_anchors(environment: Environment, chain: str) -> Anchors:
    """Everything that was written to S3 of a chain; raises CouldNotObserve where it cannot be listed. Blocks."""
    heads: list[Head] = []
    unreadable: list[str] = []
    try:
        client, bucket = s3_bucket(environment, _BUCKET)
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket.bucket, Prefix=_folder(bucket.prefix, chain)
        )
        for key in [entry["Key"] for page in pages for entry in page.get("Contents", [])]:
            try:
                heads.append(_head(client, bucket.bucket, key))
            except (BotoCoreError, ClientError, ValueError) as e:
                unreadable.append(f"s3://{bucket.bucket}/{key}: {e}")
    except _CANNOT_LOOK as e:
        raise CouldNotObserve(f"S3: {type(e).__name__}: {e}") from e
    return Anchors(tuple(heads), tuple(unreadable))


def _head(client: "S3Client", bucket: str, key: str) -> Head:
    """The head under a key; raises ValueError where none is there, or another one than the key says."""
    head = Head.parse(client.get_object(Bucket=bucket, Key=key)["Body"].read(_LONGEST).decode())
    if not key.endswith(f"-{head.hash}"):
        raise ValueError(f"it holds {head}, and its key is of another one: it was overwritten")
    return head


def _folder(prefix: str, chain: str) -> str:
    return f"{prefix}anchors/{chain}/"
