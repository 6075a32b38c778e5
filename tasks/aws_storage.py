"""What S3 says of a bucket: how it keeps what it is given, and what lies in it."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from tasks.aws_check import FOREVER
from tasks.aws_client import CONTINUATION, Answer, AwsService, days_until
from tasks.aws_errors import NotThere


class Versioning(Answer):
    """Of GetBucketVersioning; a bucket that never had it has no status, one that has it no more is `Suspended`."""

    status: str = ""

    @property
    def keeps(self) -> bool:
        """Whether what is overwritten or deleted now becomes an old version."""
        return self.status == "Enabled"

    @property
    def has_old(self) -> bool:
        """Whether there may be old versions: those from before it was suspended stay."""
        return bool(self.status)


class _ByDefault(Answer):
    algorithm: str = Field(alias="SSEAlgorithm")


class _EncryptionRule(Answer):
    by_default: _ByDefault | None = Field(default=None, alias="ApplyServerSideEncryptionByDefault")


class _EncryptionRules(Answer):
    rules: list[_EncryptionRule]


class _Encryption(Answer):
    configuration: _EncryptionRules = Field(alias="ServerSideEncryptionConfiguration")


class _Block(Answer):
    block_public_acls: bool = False
    ignore_public_acls: bool = False
    block_public_policy: bool = False
    restrict_public_buckets: bool = False


class _PublicAccess(Answer):
    configuration: _Block = Field(alias="PublicAccessBlockConfiguration")


class _Expiration(Answer):
    days: int | None = None
    date: datetime | None = None


class _OldExpiration(Answer):
    noncurrent_days: int | None = None
    newer_noncurrent_versions: int | None = None


class _Filter(Answer):
    prefix: str = ""
    tag: dict[str, str] | None = None
    object_size_greater_than: int | None = None
    object_size_less_than: int | None = None
    all_of: "_Filter | None" = Field(default=None, alias="And")
    tags: list[dict[str, str]] | None = None

    @property
    def of_some(self) -> bool:
        """Whether it takes some objects of its prefix only."""
        sizes = (self.object_size_greater_than, self.object_size_less_than)
        inner = self.all_of is not None and self.all_of.of_some
        return inner or bool(self.tag or self.tags) or any(size is not None for size in sizes)


class _Scoped(Answer):
    """A rule for a part of a bucket."""

    status: str
    prefix: str = ""
    filter: _Filter = _Filter()

    @property
    def below(self) -> str:
        """The prefix that it is for."""
        inner = self.filter.all_of.prefix if self.filter.all_of else ""
        return self.prefix or self.filter.prefix or inner

    def covers(self, prefix: str) -> bool:
        """Whether it is for everything under a prefix."""
        return prefix.startswith(self.below) and not self.filter.of_some


class _Rule(_Scoped):
    expiration: _Expiration = _Expiration()
    old: _OldExpiration = Field(default=_OldExpiration(), alias="NoncurrentVersionExpiration")

    @property
    def old_days(self) -> int | None:
        """After how many days it deletes versions that are no longer current; None where it does not."""
        return self.old.noncurrent_days if self.status == "Enabled" else None

    @property
    def days(self) -> float | None:
        """After how many days it lets objects expire; None where it does not."""
        if self.status != "Enabled":
            return None
        if self.expiration.days is not None:
            return self.expiration.days
        return days_until(self.expiration.date) if self.expiration.date else None


class _Lifecycle(Answer):
    rules: list[_Rule]


class _Destination(Answer):
    bucket: str

    @property
    def name(self) -> str:
        """The bucket's, which stands last in its ARN."""
        return self.bucket.rpartition(":")[2]


class _ReplicationRule(_Scoped):
    destination: _Destination


class _ReplicationRules(Answer):
    rules: list[_ReplicationRule]


class _Replication(Answer):
    configuration: _ReplicationRules = Field(alias="ReplicationConfiguration")


class _Location(Answer):
    """Of GetBucketLocation; the first region there was has no name."""

    location_constraint: str | None = None


class _Retention(Answer):
    mode: str = ""
    days: int = 0
    years: int = 0


class _LockRule(Answer):
    default_retention: _Retention = _Retention()


class _Lock(Answer):
    object_lock_enabled: str = ""
    rule: _LockRule = _LockRule()


class _LockConfiguration(Answer):
    configuration: _Lock = Field(alias="ObjectLockConfiguration")


class Stored(Answer):
    """An object as a listing names it."""

    key: str
    last_modified: datetime
    size: int


class _Listing(Answer):
    """A page of ListObjectsV2; where nothing is there, S3 leaves `Contents` out."""

    is_truncated: bool
    contents: list[Stored] = Field(default_factory=list)


class _Head(Answer):
    content_length: int
    encryption: str | None = Field(default=None, alias="ServerSideEncryption")


def versioning(s3: AwsService, bucket: str) -> Versioning:
    """Whether old versions are kept; raises NotThere where there is no such bucket."""
    return s3.read(Versioning, "GetBucketVersioning", Bucket=bucket)


def encryption(s3: AwsService, bucket: str) -> str:
    """With what new objects are encrypted by default: `none`, `AES256`, `aws:kms`, `aws:kms:dsse`."""
    try:
        rules = s3.read(_Encryption, "GetBucketEncryption", Bucket=bucket).configuration.rules
    except NotThere:
        return "none"
    return next((rule.by_default.algorithm for rule in rules if rule.by_default), "none")


def left_open(s3: AwsService, bucket: str) -> list[str]:
    """Which of the four settings that block public access are off."""
    try:
        block = s3.read(_PublicAccess, "GetPublicAccessBlock", Bucket=bucket).configuration
    except NotThere:
        block = _Block()
    return [str(field.alias) for name, field in _Block.model_fields.items() if not getattr(block, name)]


def expiry(s3: AwsService, bucket: str, prefix: str, *, versions: bool) -> tuple[float, float]:
    """After how many days data under a prefix may be gone at the earliest, and is gone at the latest.

    Args:
        s3: S3.
        bucket: whose rules are read.
        prefix: what the keys begin with.
        versions: whether there may be old versions. Then an object that expires becomes one, and is gone only after
            a rule deletes that too; and what is overwritten is gone as soon as such a rule says, which may be earlier.
    """
    try:
        rules = s3.read(_Lifecycle, "GetBucketLifecycleConfiguration", Bucket=bucket).rules
    except NotThere:
        return FOREVER, FOREVER
    earliest, latest = _bounds([(rule, length) for rule in rules if (length := rule.days) is not None], prefix)
    if not versions:
        return earliest, latest
    timed = [(rule, float(length)) for rule in rules if (length := rule.old_days) is not None]
    old_earliest, _ = _bounds(timed, prefix)
    # one that spares the newest old versions leaves those for ever
    _, old_latest = _bounds([one for one in timed if not one[0].old.newer_noncurrent_versions], prefix)
    return min(earliest, old_earliest), min(latest + old_latest, FOREVER)


def _bounds(timed: Sequence[tuple[_Rule, float]], prefix: str) -> tuple[float, float]:
    """The shortest time of the rules that touch what is under a prefix, and of those that are for all of it."""
    touching = [length for rule, length in timed if rule.below.startswith(prefix) or prefix.startswith(rule.below)]
    covering = [length for rule, length in timed if rule.covers(prefix)]
    return min(touching, default=FOREVER), min(covering, default=FOREVER)


def copies(s3: AwsService, bucket: str, prefix: str) -> list[str]:
    """The buckets to which rules that are enabled copy everything under a prefix."""
    try:
        rules = s3.read(_Replication, "GetBucketReplication", Bucket=bucket).configuration.rules
    except NotThere:
        return []
    return [rule.destination.name for rule in rules if rule.status == "Enabled" and rule.covers(prefix)]


def elsewhere(s3: AwsService, bucket: str, copied_to: Sequence[str]) -> bool:
    """Whether one of these buckets stands in another region; one that is gone stands nowhere."""
    here = _region(s3, bucket)
    return any(there not in {here, None} for there in (_region(s3, one) for one in copied_to))


def _region(s3: AwsService, bucket: str) -> str | None:
    try:
        return s3.read(_Location, "GetBucketLocation", Bucket=bucket).location_constraint or "us-east-1"
    except NotThere:
        return None


def locked(s3: AwsService, bucket: str) -> bool:
    """Whether every new object is locked for a time by itself."""
    try:
        lock = s3.read(_LockConfiguration, "GetObjectLockConfiguration", Bucket=bucket).configuration
    except NotThere:
        return False
    kept = lock.rule.default_retention
    return lock.object_lock_enabled == "Enabled" and bool(kept.mode) and kept.days + kept.years > 0


def stored(s3: AwsService, bucket: str, prefix: str) -> list[Stored]:
    """Every object under a prefix, but for the empty ones that stand for folders."""
    listing = s3.pages(_Listing, "ListObjectsV2", CONTINUATION, Bucket=bucket, Prefix=prefix)
    found = [one for page in listing for one in page.contents]
    return [one for one in found if one.size or not one.key.endswith("/")]


def encrypted(s3: AwsService, bucket: str, objects: Sequence[Stored]) -> int:
    """How many of these objects S3 says are encrypted; one that is gone by now is not."""
    return sum(_is_encrypted(s3, bucket, one.key) for one in objects)


def _is_encrypted(s3: AwsService, bucket: str, key: str) -> bool:
    try:
        return bool(s3.read(_Head, "HeadObject", Bucket=bucket, Key=key).encryption)
    except NotThere:
        return False
