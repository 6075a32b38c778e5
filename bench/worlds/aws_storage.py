"""A world of S3."""

from collections.abc import Iterator, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from bench.worlds.aws import REGION, AwsWorld
from bench.worlds.aws_storage_cases import CASES
from bench.worlds.world import Case, Sections, fault
from deployments.rehearsal.vendors.aws_moto import ACCOUNT, state, state_of_all

_BUCKET = "vatic-backups"
_PREFIX = "main/"
_DATABASE, _GRAFANA = f"{_PREFIX}cockroach/", f"{_PREFIX}grafana/"
_EVERY = timedelta(hours=6)
_KEPT = 30  # days
_AWAY = "eu-west-1"
_PAGE = 1000  # keys, S3's own limit
_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"


class AwsStorageWorld(AwsWorld):
    """A bucket with thirty days of backups, of the database every six hours and of Grafana every day.

    Old versions are kept for thirty days more.
    It is encrypted, versioned, locked, copied, and closed to others.

    Moto stores everything as of now; so the age of each object is set in what it keeps.
    """

    system: ClassVar[str] = "aws-storage"
    cases: ClassVar[tuple[Case, ...]] = CASES

    def sections(self) -> Sections:
        """The account and its bucket."""
        return {**super().sections(), "buckets": {"backups": self.bucket(_BUCKET, _PREFIX)}}

    def build(self) -> None:
        """Makes two buckets, and the objects in one."""
        where = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
        for bucket in (_BUCKET, f"{_BUCKET}-away"):
            self.call("s3", "CreateBucket", Bucket=bucket, ObjectLockEnabledForBucket=True, **where)
        self._away().region_name = _AWAY  # as one that was made there
        self._encrypt("aws:kms")
        self._lock(30)
        self._block(every=True)
        self._expire([_rule("old", _KEPT, {"Prefix": ""})])
        self._replicate("Enabled")
        for number in range(_KEPT * 4):
            self._put(f"{_DATABASE}{number:04}", timedelta(hours=1) + number * _EVERY)
        for number in range(_KEPT):
            self._put(f"{_GRAFANA}{number:04}", timedelta(hours=2, days=number))
        self._put("other/older-than-all", timedelta(days=400))

    def _encrypt(self, algorithm: str) -> None:
        by_default = {"SSEAlgorithm": algorithm, **({"KMSMasterKeyID": _KEY} if algorithm == "aws:kms" else {})}
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]}
        self.call("s3", "PutBucketEncryption", Bucket=_BUCKET, ServerSideEncryptionConfiguration=rules)

    def _lock(self, days: int) -> None:
        lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": days}}}
        self.call("s3", "PutObjectLockConfiguration", Bucket=_BUCKET, ObjectLockConfiguration=lock)

    def _block(self, *, every: bool) -> None:
        names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        block = {name: every or name == names[0] for name in names}
        self.call("s3", "PutPublicAccessBlock", Bucket=_BUCKET, PublicAccessBlockConfiguration=block)

    def _expire(self, rules: Sequence[dict[str, Any]]) -> None:
        configuration = {"Rules": list(rules)}
        self.call("s3", "PutBucketLifecycleConfiguration", Bucket=_BUCKET, LifecycleConfiguration=configuration)

    def _replicate(self, status: str) -> None:
        rule = {
            "ID": "away",
            "Status": status,
            "Priority": 1,
            "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": f"arn:aws:s3:::{_BUCKET}-away"},
        }
        configuration = {"Role": f"arn:aws:iam::{ACCOUNT}:role/copy", "Rules": [rule]}
        self.call("s3", "PutBucketReplication", Bucket=_BUCKET, ReplicationConfiguration=configuration)

    def _put(self, key: str, ago: timedelta, body: bytes = b"rows") -> None:
        self.call("s3", "PutObject", Bucket=_BUCKET, Key=key, Body=body)
        self._kept().keys[key].last_modified = datetime.now(UTC).replace(tzinfo=None) - ago

    def _kept(self) -> Any:
        return state("s3", "aws").buckets[_BUCKET]

    def _away(self) -> Any:
        return state("s3", "aws").buckets[f"{_BUCKET}-away"]

    def _without(self, keys: Sequence[str]) -> Iterator[None]:
        kept = self._kept()
        taken = {key: kept.keys.getlist(key) for key in keys}
        for key in keys:
            del kept.keys[key]
        yield
        for key, versions in taken.items():
            kept.keys.setlist(key, versions)

    def _with(self, key: str, ago: timedelta, body: bytes = b"rows") -> Iterator[None]:
        self._put(key, ago, body)
        yield
        del self._kept().keys[key]

    @fault
    def bucket_gone(self) -> Iterator[None]:
        """There is no such bucket."""
        store, owners = state("s3", "aws"), state_of_all("s3").bucket_accounts
        kept, owner = store.buckets.pop(_BUCKET), owners.pop(_BUCKET)
        yield
        store.buckets[_BUCKET], owners[_BUCKET] = kept, owner

    @fault
    def own_key_dropped(self) -> Iterator[None]:
        """New objects are encrypted with S3's key instead of one's own."""
        self._encrypt("AES256")
        yield
        self._encrypt("aws:kms")

    @fault
    def encryption_dropped(self) -> Iterator[None]:
        """Nothing says how new objects are encrypted."""
        self.call("s3", "DeleteBucketEncryption", Bucket=_BUCKET)
        yield
        self._encrypt("aws:kms")

    @fault
    def versioning_suspended(self) -> Iterator[None]:
        """Old versions are not kept any more."""
        with self.changed(self._kept(), "versioning_status", "Suspended"):
            yield

    @fault
    def public_access_partly_open(self) -> Iterator[None]:
        """Only new public ACLs are blocked; a public policy is not."""
        self._block(every=False)
        yield
        self._block(every=True)

    @fault
    def public_access_open(self) -> Iterator[None]:
        """Public access is not blocked."""
        self.call("s3", "DeletePublicAccessBlock", Bucket=_BUCKET)
        yield
        self._block(every=True)

    def _with_rules(self, *rules: dict[str, Any]) -> Iterator[None]:
        before = self.call("s3", "GetBucketLifecycleConfiguration", Bucket=_BUCKET)["Rules"]
        self._expire(rules)
        yield
        self._expire(before)

    @fault
    def expires_after(self, days: str) -> Iterator[None]:
        """Everything under the prefix is deleted after so many days."""
        yield from self._with_rules(_rule("all", int(days), {"Prefix": _PREFIX}))

    @fault
    def some_expire_after_a_week(self) -> Iterator[None]:
        """What lies deeper under the prefix is deleted after seven days, the rest later."""
        yield from self._with_rules(
            _rule("all", 45, {"Prefix": ""}), _rule("week", 7, {"Prefix": f"{_PREFIX}incremental/"})
        )

    @fault
    def only_some_expire(self) -> Iterator[None]:
        """Only objects with a tag are ever deleted, and those of another prefix."""
        tagged = {"And": {"Prefix": _PREFIX, "Tags": [{"Key": "temporary", "Value": "yes"}]}}
        yield from self._with_rules(_rule("tagged", 45, tagged), _rule("others", 30, {"Prefix": "other/"}))

    @fault
    def nothing_expires(self) -> Iterator[None]:
        """The rule is there and disabled."""
        yield from self._with_rules({**_rule("old", 45, {"Prefix": ""}), "Status": "Disabled"})

    @fault
    def old_versions_kept_for_ever(self) -> Iterator[None]:
        """Objects expire, but in a bucket with versions nothing deletes the old ones that they become."""
        rule = _rule("old", _KEPT, {"Prefix": ""})
        del rule["NoncurrentVersionExpiration"]
        yield from self._with_rules(rule)

    @fault
    def old_versions_kept_for(self, days: str) -> Iterator[None]:
        """What is overwritten is gone after so many days."""
        yield from self._with_rules(_rule("old", _KEPT, {"Prefix": ""}, int(days)))

    @fault
    def replication_disabled(self) -> Iterator[None]:
        """The rule that copies is disabled."""
        self._replicate("Disabled")
        yield
        self._replicate("Enabled")

    @fault
    def replicated_in_part(self) -> Iterator[None]:
        """The rule copies what lies elsewhere in the bucket; moto always says that it copies all."""
        everything, other = b"<Priority>1</Priority><Filter><Prefix/>", b"<Filter><Prefix>other/</Prefix>"
        with self.aws.altered(f"s3.GET /{_BUCKET}", everything, other):
            yield

    @fault
    def copied_to_the_same_region(self) -> Iterator[None]:
        """Both buckets stand in one region."""
        with self.changed(self._away(), "region_name", REGION):
            yield

    @fault
    def replication_dropped(self) -> Iterator[None]:
        """Nothing is copied to another bucket."""
        self.call("s3", "DeleteBucketReplication", Bucket=_BUCKET)
        yield
        self._replicate("Enabled")

    @fault
    def lock_without_a_time(self) -> Iterator[None]:
        """Objects could be locked, and by themselves are not."""
        with self.changed(self._kept(), "default_lock_mode", None):
            yield

    @fault
    def nothing_stored(self) -> Iterator[None]:
        """Nothing lies under the prefix, though something does beside it."""
        yield from self._without([key for key in list(self._kept().keys) if key.startswith(_PREFIX)])

    @fault
    def stopped(self, prefix: str, hours: str) -> Iterator[None]:
        """No backup was made for so many hours."""
        begin = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=float(hours))
        yield from self._without([key for key, made in self._below(prefix) if made > begin])

    @fault
    def one_missing(self, prefix: str) -> Iterator[None]:
        """One backup in the middle is missing."""
        keys = [key for key, _ in self._below(prefix)]
        yield from self._without([keys[len(keys) // 2]])

    @fault
    def none_between(self, prefix: str, newest: str, oldest: str) -> Iterator[None]:
        """What was made between so many hours ago and so many is missing."""
        until, begin = (datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=float(at)) for at in (newest, oldest))
        yield from self._without([key for key, made in self._below(prefix) if begin < made < until])

    def _below(self, prefix: str) -> list[tuple[str, datetime]]:
        """What lies there, the newest first, and when it was made."""
        keys = sorted(key for key in self._kept().keys if key.startswith(f"{_PREFIX}{prefix}"))
        return [(key, self._kept().keys[key].last_modified) for key in keys]

    @fault
    def kept_ten_days(self) -> Iterator[None]:
        """What is older than ten days was deleted."""
        yield from self._without([f"{_DATABASE}{number:04}" for number in range(40, _KEPT * 4)])

    @fault
    def one_never_deleted(self, prefix: str, days: str) -> Iterator[None]:
        """One object is so many days old, and should be gone."""
        yield from self._with(f"{_PREFIX}{prefix}9999", timedelta(days=float(days)))

    @fault
    def one_never_deleted_on_the_second_page(self) -> Iterator[None]:
        """The same, where a thousand others are listed before."""
        keys = self._kept().keys
        twins = [f"{_PREFIX}many-{number:04}" for number in range(_PAGE)]
        last = f"{_PREFIX}zzz"
        for name in (*twins, last):
            twin = copy(keys[f"{_DATABASE}0000"])  # a thousand objects of their own would be as many open files
            twin.name = name
            keys[name] = twin
        keys[last].last_modified -= timedelta(days=100)
        yield
        for name in (*twins, last):
            del keys[name]

    @fault
    def newest_is_empty(self) -> Iterator[None]:
        """The newest backup has no byte."""
        yield from self._with(f"{_DATABASE}empty", timedelta(minutes=5), b"")

    @fault
    def newest_in_clear(self, prefix: str) -> Iterator[None]:
        """The newest backup is not encrypted."""
        with self.changed(self._kept().keys[f"{_PREFIX}{prefix}0000"], "encryption", None):
            yield


def _rule(name: str, days: int, where: dict[str, Any], old_days: int = _KEPT) -> dict[str, Any]:
    old = {"NoncurrentDays": old_days}
    rule = {"ID": name, "Status": "Enabled", "Filter": where, "Expiration": {"Days": days}}
    return {**rule, "NoncurrentVersionExpiration": old}
