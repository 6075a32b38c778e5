"""A chain's head, written down where the ledger cannot reach: in S3, under a key that is never overwritten."""

import asyncio

from botocore.exceptions import BotoCoreError, ClientError

from tasks.estate import Estate
from tminus.errors import CouldNotObserve, MissingSecret, NotConfigured
from tminus.ledger.chain import Head

_BUCKET = "anchors"


async def write_anchor(estate: Estate, where: str, head: Head, phase: str) -> str:
    """Writes a head down and says where.

    Slack and PagerDuty carry it in the messages that tell of the phase's end; S3 takes it as an object.
    Raises CouldNotObserve.
    """
    if where != "s3":
        return where
    try:
        return await asyncio.to_thread(_put, estate, head, phase)
    except (BotoCoreError, ClientError, MissingSecret, NotConfigured) as e:
        raise CouldNotObserve(f"S3: {type(e).__name__}: {e}") from e


def _put(estate: Estate, head: Head, phase: str) -> str:
    client, bucket = estate.s3(_BUCKET)
    key = f"{bucket.prefix}anchors/{head.chain}/{head.seq:08d}-{phase}"
    client.put_object(Bucket=bucket.bucket, Key=key, Body=str(head).encode(), ContentType="text/plain")
    return f"s3://{bucket.bucket}/{key}"


async def read_anchors(estate: Estate, chain: str) -> list[Head]:
    """Every head of a chain that was written to S3; raises CouldNotObserve."""
    try:
        return await asyncio.to_thread(_read, estate, chain)
    except (BotoCoreError, ClientError, MissingSecret, NotConfigured) as e:
        raise CouldNotObserve(f"S3: {type(e).__name__}: {e}") from e


def _read(estate: Estate, chain: str) -> list[Head]:
    client, bucket = estate.s3(_BUCKET)
    listed = client.list_objects_v2(Bucket=bucket.bucket, Prefix=f"{bucket.prefix}anchors/{chain}/")
    keys = [found["Key"] for found in listed.get("Contents", [])]
    return [
        Head.parse(client.get_object(Bucket=bucket.bucket, Key=key)["Body"].read().decode()) for key in sorted(keys)
    ]
