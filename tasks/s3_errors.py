"""What S3's client raises, mapped once: a refusal, a silence, and what is not there."""

from collections.abc import Iterator
from contextlib import contextmanager

from tminus.errors import CouldNotObserve

ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
"""Codes by which S3 says that there is no such object."""


@contextmanager
def s3_errors(url: str, *, absent_is_none: bool = False) -> Iterator[None]:
    """In the block, what the client raises becomes CouldNotObserve, with S3's own code.

    Args:
        url: what is asked for (`s3://bucket/key`).
        absent_is_none: whether the block just ends where there is no such object.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as e:
        if not (absent_is_none and code_of(e.response) in ABSENT):
            raise CouldNotObserve(f"S3 refused {url}: {code_of(e.response)}") from e
    except (BotoCoreError, Boto3Error) as e:
        raise CouldNotObserve(f"S3 did not answer for {url}: {type(e).__name__}; is it up?") from e


def code_of(response: object) -> str:
    """S3's own word for what is wrong, in a refusal."""
    error = response.get("Error") if isinstance(response, dict) else None
    return str(error.get("Code", "")) if isinstance(error, dict) else ""
