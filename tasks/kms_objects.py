"""Objects of a bucket that S3 encrypts with a KMS key: each is copied onto itself, and so encrypted with another.

A copy keeps content, content type, metadata, tags, storage class and locks; S3 refuses it (If-Match) where somebody
wrote the object meanwhile. In a bucket that keeps old versions, what was copied stays there as one, under its old key.
Source: CopyObject of the API reference of Amazon S3.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime

from pydantic import Field, JsonValue

from tasks.aws_client import Answer, AwsService, Parameter
from tasks.aws_errors import ChangedMeanwhile, NotThere
from tasks.aws_storage import versioning
from tasks.estate import Estate
from tasks.kms_keys import Key, key_id
from tasks.kms_sweep import Batch, Fate, Move, Place
from tminus.errors import Refused

_AT_ONCE = 100  # objects that are listed at once
_TRIES = 5
_LARGEST = 5 << 30  # bytes that CopyObject copies
_ASLEEP = frozenset({"GLACIER", "DEEP_ARCHIVE"})  # storage classes that are copied only after a restore of hours
_KMS = "aws:kms"


class _Stored(Answer):
    key: str
    size: int
    storage_class: str = "STANDARD"


class _Listing(Answer):
    is_truncated: bool = False
    contents: list[_Stored] = Field(default_factory=list)


class _Head(Answer):
    etag: str = Field(alias="ETag")
    content_length: int
    cipher: str = Field(default="", alias="ServerSideEncryption")
    key: str = Field(default="", alias="SSEKMSKeyId")
    bucket_key_enabled: bool | None = None
    storage_class: str | None = None
    website_redirect_location: str | None = None
    object_lock_mode: str | None = None
    object_lock_retain_until_date: datetime | None = None
    object_lock_legal_hold_status: str | None = None

    def kept(self) -> Iterator[tuple[str, Parameter]]:
        """What a copy has only where it is said to."""
        for name, field in type(self).model_fields.items():
            if field.default is None and (value := getattr(self, name)) is not None:
                yield str(field.alias), value


class _Copied(Answer):
    key: str = Field(default="", alias="SSEKMSKeyId")


class _Version(Answer):
    key: str
    version_id: str
    is_latest: bool


class _Versions(Answer):
    versions: list[_Version] = Field(default_factory=list)
    next_key_marker: str = ""
    next_version_id_marker: str = ""


class _Owner(Answer):
    id: str = Field(default="", alias="ID")


class _Grant(Answer):
    grantee: _Owner = _Owner()


class _Acl(Answer):
    owner: _Owner = _Owner()
    grants: list[_Grant] = Field(default_factory=list)


class _Ownership(Answer):
    object_ownership: str


class _OwnershipRules(Answer):
    rules: list[_Ownership]


class _Controls(Answer):
    ownership_controls: _OwnershipRules


class _ByDefault(Answer):
    master_key: str = Field(default="", alias="KMSMasterKeyID")


class _Rule(Answer):
    by_default: _ByDefault = Field(default=_ByDefault(), alias="ApplyServerSideEncryptionByDefault")


class _Rules(Answer):
    rules: list[dict[str, JsonValue]]


class _Encryption(Answer):
    configuration: _Rules = Field(alias="ServerSideEncryptionConfiguration")


class _Done(Answer):
    pass


class Objects(Place):
    """The objects of one entry of the environment's `buckets`.

    Raises NotConfigured and MissingSecret where the environment does not lead there.
    """

    def __init__(self, estate: Estate, name: str) -> None:
        client, section = estate.s3(name)
        super().__init__(f"objects of s3://{section.bucket}/{section.prefix}")
        self._s3 = AwsService(client, f"s3 in {section.region}")
        self.bucket = section.bucket
        self._prefix = section.prefix

    async def count(self) -> int:
        """How many objects there are."""
        return await asyncio.to_thread(lambda: sum(len(page.contents) for page in self._pages("")))

    async def batch(self, after: str, move: Move) -> Batch:
        """The next objects; raises Refused for one that no copy would keep as it is."""
        page = await asyncio.to_thread(next, self._pages(after), _Listing())
        fates = await asyncio.gather(*(asyncio.to_thread(self._moved, one.key, move) for one in page.contents))
        return Batch(page.contents[-1].key if page.is_truncated and page.contents else "", fates)

    async def require_movable(self) -> None:
        """Raises Refused for the first object that CopyObject cannot copy."""

        def look() -> None:
            for page in self._pages(""):
                for one in page.contents:
                    if why := self._uncopyable(one.key, one.size, one.storage_class):
                        raise Refused(why)

        await asyncio.to_thread(look)

    async def older(self, key: str, most: int) -> int:
        """How many old versions are under a key; at most so many are counted."""

        def counted() -> int:
            if not versioning(self._s3, self.bucket).has_old:
                return 0
            found = 0
            for one in self._older():
                found += self._key_of(one.key, VersionId=one.version_id) == key
                if found == most:
                    break
            return found

        return await asyncio.to_thread(counted)

    async def point(self, *, to: Key, off: Key) -> bool:
        """Lets the bucket encrypt what is new with one key where it names another; whether it did not before."""
        return await asyncio.to_thread(self._point, to, off)

    def _point(self, to: Key, off: Key) -> bool:
        try:
            rules = self._s3.read(_Encryption, "GetBucketEncryption", Bucket=self.bucket).configuration.rules
        except NotThere:
            return False
        named = [_Rule.model_validate(one).by_default.master_key for one in rules]
        if not any(key_id(one) == off.id for one in named):
            return False
        moved = [_naming(one, to.arn) if key_id(key) == off.id else one for one, key in zip(rules, named, strict=True)]
        changed: JsonValue = {"Rules": [dict(one) for one in moved]}
        self._s3.read(_Done, "PutBucketEncryption", Bucket=self.bucket, ServerSideEncryptionConfiguration=changed)
        return True

    def _moved(self, key: str, move: Move) -> Fate:
        for _ in range(_TRIES):
            try:
                head = self._s3.read(_Head, "HeadObject", Bucket=self.bucket, Key=key)
                under = key_id(head.key)
                if under != move.leaving:
                    return Fate.THERE if under == move.to else Fate.OTHER
                if not move.to:
                    return Fate.LEFT
                self._copy(key, head, move.to)
            except ChangedMeanwhile:
                continue
            except NotThere:
                return Fate.GONE
            return Fate.MOVED
        return Fate.RESTLESS

    def _copy(self, key: str, head: _Head, to: str) -> None:
        """Onto itself, where it is still what the head says; raises ChangedMeanwhile where it is not."""
        if why := self._uncopyable(key, head.content_length, head.storage_class or "") or self._access(key):
            raise Refused(why)
        copied = self._s3.read(
            _Copied,
            "CopyObject",
            Bucket=self.bucket,
            Key=key,
            CopySource={"Bucket": self.bucket, "Key": key},
            CopySourceIfMatch=head.etag,
            IfMatch=head.etag,
            ServerSideEncryption=head.cipher or _KMS,
            SSEKMSKeyId=to,
            **dict(head.kept()),
        )
        if key_id(copied.key) != to:
            raise Refused(
                f"s3://{self.bucket}/{key}: S3 says that the copy is under {copied.key or 'no key'}, and not under {to}"
            )

    def _uncopyable(self, key: str, size: int, storage_class: str) -> str:
        if size > _LARGEST:
            return (
                f"s3://{self.bucket}/{key} has {size / (1 << 30):.1f} GiB, and S3 copies 5 GiB at once; copy it onto "
                "itself in parts under the new key (aws s3 cp does), or leave its prefix out of the book"
            )
        if storage_class in _ASLEEP:
            return f"s3://{self.bucket}/{key} is {storage_class}: restore it in S3 first, or leave its prefix out"
        return ""

    def _access(self, key: str) -> str:
        """Why a copy would lose somebody's access; "" where it would not."""
        try:
            rules = self._s3.read(_Controls, "GetBucketOwnershipControls", Bucket=self.bucket).ownership_controls.rules
        except NotThere:
            rules = []
        if any(one.object_ownership == "BucketOwnerEnforced" for one in rules):
            return ""
        acl = self._s3.read(_Acl, "GetObjectAcl", Bucket=self.bucket, Key=key)
        if all(one.grantee.id == acl.owner.id for one in acl.grants):
            return ""
        return (
            f"s3://{self.bucket}/{key} lets others read it by an ACL, which a copy would lose; give them access by the "
            "bucket's policy, and take the ACL off"
        )

    def _key_of(self, key: str, **version: str) -> str:
        try:
            return key_id(self._s3.read(_Head, "HeadObject", Bucket=self.bucket, Key=key, **version).key)
        except NotThere:
            return ""

    def _pages(self, after: str) -> Iterator[_Listing]:
        behind = {"StartAfter": after} if after else {}
        while True:
            page = self._s3.read(
                _Listing, "ListObjectsV2", Bucket=self.bucket, Prefix=self._prefix, MaxKeys=_AT_ONCE, **behind
            )
            yield page
            if not page.is_truncated or not page.contents:
                return
            behind = {"StartAfter": page.contents[-1].key}

    def _older(self) -> Iterator[_Version]:
        behind: dict[str, str] = {}
        while True:
            page = self._s3.read(_Versions, "ListObjectVersions", Bucket=self.bucket, Prefix=self._prefix, **behind)
            yield from (one for one in page.versions if not one.is_latest)
            if not page.next_key_marker:
                return
            behind = {"KeyMarker": page.next_key_marker, "VersionIdMarker": page.next_version_id_marker}


def _naming(rule: dict[str, JsonValue], key: str) -> dict[str, JsonValue]:
    named = rule.get("ApplyServerSideEncryptionByDefault")
    return {
        **rule,
        "ApplyServerSideEncryptionByDefault": {**(named if isinstance(named, dict) else {}), "KMSMasterKeyID": key},
    }
