"""A JSON Web Key Set (RFC 7517, 5) that lies in a bucket, and is changed by whoever read what is there now.

S3 refuses a PutObject whose If-Match is not the object's ETag any more, or whose If-None-Match finds one, with 412; it
is then read again. Source: PutObject of the API reference of Amazon S3.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from tasks.aws_client import Answer, Parameter, aws_bucket
from tasks.aws_errors import ChangedMeanwhile, NotThere
from tasks.estate import Estate
from tasks.jwks_cache import http_date
from tasks.jwks_signing import Jwk, same
from tasks.s3_body import reading
from tminus.clock import now
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    from botocore.response import StreamingBody

_TRIES = 20
_PAUSE = 0.05  # seconds, and so much more after each further try
_LARGEST = 1 << 20  # bytes
_TYPE = "application/jwk-set+json"  # RFC 7517, 8.5.2
_OBJECT = TypeAdapter(dict[str, JsonValue])
_KEYS = TypeAdapter(list[dict[str, JsonValue]])
_KEPT = ("content_type", "cache_control", "content_disposition", "content_language")


class _About(Answer):
    headers: dict[str, str] = Field(alias="HTTPHeaders")


class _Got(Answer):
    etag: str = Field(alias="ETag")
    content_length: int
    last_modified: datetime
    content_type: str = _TYPE
    cache_control: str = ""
    content_disposition: str = ""
    content_language: str = ""
    metadata: dict[str, str] = Field(default_factory=dict)
    body: object
    about: _About = Field(alias="ResponseMetadata")

    @property
    def unchanged_for(self) -> timedelta:
        """How long it is as it is, by S3's own clock, which tells whole seconds: so up to one is taken off."""
        told = http_date(self.about.headers.get("date", "")) or now()
        return max(told - self.last_modified - timedelta(seconds=1), timedelta(0))

    def as_it_is(self) -> dict[str, Parameter]:
        """What a new object has only where it is said to."""
        fields: dict[str, Parameter] = {
            "".join(part.capitalize() for part in name.split("_")): value
            for name in _KEPT
            if (value := getattr(self, name))
        }
        return {**fields, "Metadata": dict(self.metadata), "IfMatch": self.etag}


class _Done(Answer):
    pass


@dataclass(frozen=True)
class Stored:
    """The set as it lies there.

    Attributes:
        unchanged_for: how long nobody changed the object.
    """

    keys: Sequence[Jwk]
    unchanged_for: timedelta


class KeySetObject:
    """The object; all of it blocks: call it from a thread. Raises CouldNotObserve where S3 or the object says no.

    Args:
        estate: the estate; raises NotConfigured, MissingSecret.
        bucket: its name among the environment's `buckets`.
        key: the object's, under the bucket's prefix.
    """

    def __init__(self, estate: Estate, bucket: str, key: str) -> None:
        self._s3, section = aws_bucket(estate, bucket)
        self._at: dict[str, Parameter] = {"Bucket": section.bucket, "Key": f"{section.prefix}{key}"}
        self.where = f"s3://{section.bucket}/{section.prefix}{key}"

    def read(self) -> Stored:
        """The set; an empty one where there is no object yet."""
        got = self._got()
        return Stored([], timedelta(0)) if got is None else Stored(self._keys(self._document(got)), got.unchanged_for)

    def add(self, key: Jwk) -> bool:
        """Puts a key in, in the place of another of the same id; whether it was not in it."""

        def added(keys: Sequence[Jwk]) -> list[Jwk] | None:
            others = [one for one in keys if one.get("kid") != key["kid"]]
            there = any(one.get("kid") == key["kid"] and same(one, key) for one in keys)
            return None if there else [*others, key]

        return self._changed(added)

    def remove(self, kid: str) -> bool:
        """Takes a key out; whether it was in it."""

        def removed(keys: Sequence[Jwk]) -> list[Jwk] | None:
            left = [one for one in keys if one.get("kid") != kid]
            return None if len(left) == len(keys) else left

        return self._changed(removed)

    def _changed(self, change: Callable[[Sequence[Jwk]], list[Jwk] | None]) -> bool:
        for attempt in range(_TRIES):
            got = self._got()
            document = {} if got is None else self._document(got)
            keys = change(self._keys(document) if got else [])
            if keys is None:
                return False
            plain: list[JsonValue] = [dict(one) for one in keys]
            body = json.dumps({**document, "keys": plain}, indent=1).encode()
            where = {"ContentType": _TYPE, "IfNoneMatch": "*"} if got is None else got.as_it_is()
            try:
                self._s3.read(_Done, "PutObject", **self._at, Body=body, **where)
            except (ChangedMeanwhile, NotThere):  # NotThere: it was deleted, where If-Match finds nothing
                time.sleep(_PAUSE * (attempt + 1))
                continue
            return True
        raise CouldNotObserve(f"{self.where} was changed by others each of {_TRIES} times that it was to be; try again")

    def _got(self) -> _Got | None:
        try:
            return self._s3.read(_Got, "GetObject", **self._at)
        except NotThere:
            return None

    def _document(self, got: _Got) -> dict[str, JsonValue]:
        if got.content_length > _LARGEST:
            raise CouldNotObserve(f"{self.where} has {got.content_length:,} bytes, which no set of keys has")
        with reading(cast("StreamingBody", got.body), got.content_length, self.where) as body:
            raw = body.read()
        try:
            return _OBJECT.validate_json(raw)
        except ValidationError:  # what it is instead may be anything, a secret too
            raise CouldNotObserve(f"{self.where} is no JSON object; put a JSON Web Key Set there") from None

    def _keys(self, document: dict[str, JsonValue]) -> list[dict[str, JsonValue]]:
        try:
            return _KEYS.validate_python(document.get("keys"))
        except ValidationError:
            raise CouldNotObserve(f"{self.where} has no `keys` that are a list of keys (RFC 7517, 5.1)") from None
