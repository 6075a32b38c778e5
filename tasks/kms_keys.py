"""Keys of KMS: what one is, one like it, what an alias points to, and ciphertexts that go from one to another.

No plaintext leaves KMS here: ReEncrypt opens and closes inside. Source: the API reference of AWS KMS.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from tasks.aws_client import NEXT_MARKER, Answer, AwsService, aws_service
from tasks.aws_errors import Denied, NotThere
from tasks.estate import Estate
from tminus.errors import Refused

_OURS = "tminus-"
_NOT_COPIED = ("aws:", _OURS)  # the first are AWS's own, which nobody may set


class Key(Answer):
    """A key; `state` is KMS's word (`Enabled`, `Disabled`, `PendingDeletion`)."""

    id: str = Field(alias="KeyId")
    arn: str
    state: str = Field(alias="KeyState")
    manager: str = Field(default="CUSTOMER", alias="KeyManager")
    origin: str = "AWS_KMS"
    spec: str = Field(default="SYMMETRIC_DEFAULT", alias="KeySpec")
    multi_region: bool = False
    description: str = ""
    creation_date: datetime
    deletion_date: datetime | None = None

    @property
    def enabled(self) -> bool:
        """Whether it can be used."""
        return self.state == "Enabled"

    @property
    def going(self) -> bool:
        """Whether it is about to be deleted."""
        return self.state in {"PendingDeletion", "PendingReplicaDeletion"}


class _Described(Answer):
    key_metadata: Key


class _Listed(Answer):
    id: str = Field(alias="KeyId")


class _Keys(Answer):
    keys: list[_Listed]


class _Tag(Answer):
    key: str = Field(alias="TagKey")
    value: str = Field(alias="TagValue")


class _Tags(Answer):
    tags: list[_Tag] = Field(default_factory=list)


class _Policy(Answer):
    policy: str


class _Rotates(Answer):
    key_rotation_enabled: bool


class Grant(Answer):
    """Somebody whom a grant lets use a key."""

    grantee_principal: str = "somebody"


class _Grants(Answer):
    grants: list[Grant]


class _ReEncrypted(Answer):
    ciphertext_blob: bytes
    source_key_id: str
    key_id: str


class _Made(Answer):
    ciphertext_blob: bytes


class _Done(Answer):
    pass


@dataclass(frozen=True)
class ReEncrypted:
    """A ciphertext as KMS made it anew; `source` and `key` are the ids of the keys before and now."""

    ciphertext: bytes
    source: str
    key: str


def key_id(named: str) -> str:
    """The id alone of what names a key by its id or its ARN."""
    return named.rpartition("/")[2] if ":key/" in named else named


class KmsKeys:
    """The keys of one account and region. All of it blocks: call it from a thread.

    Every method raises NotThere where there is no such key or alias, Denied where AWS does not allow it, and
    CouldNotObserve where it does not answer or refuses.
    """

    def __init__(self, service: AwsService) -> None:
        self._service = service
        self.where = service.where

    @classmethod
    def open(cls, estate: Estate) -> "KmsKeys":
        """As the environment's `aws` section leads there; raises NotConfigured, MissingSecret, CouldNotObserve."""
        return cls(aws_service(estate, "kms"))

    def key(self, named: str) -> Key:
        """By its id, its ARN, or an alias that points to it."""
        return self._service.read(_Described, "DescribeKey", KeyId=named).key_metadata

    def point(self, alias: str, *, to: str, off: str) -> bool:
        """Lets an alias point to one key where it points to another that is named; whether it did not before.

        Raises Refused where it points to a third one. KMS moves an alias without looking where it was, so two who do
        this in the same moment are not told apart.
        """
        points = self.key(alias).id
        if points == to:
            return False
        if points != off:
            raise Refused(f"{alias} points to key {points}, which is neither {off} nor {to}: somebody else moved it")
        self._service.read(_Done, "UpdateAlias", AliasName=alias, TargetKeyId=to)
        return True

    def policy(self, key: str) -> str:
        """Who may do what with it."""
        return self._service.read(_Policy, "GetKeyPolicy", KeyId=key, PolicyName="default").policy

    def grants(self, key: str) -> list[str]:
        """Whom its grants let use it."""
        pages = self._service.pages(_Grants, "ListGrants", NEXT_MARKER, KeyId=key)
        return [one.grantee_principal for page in pages for one in page.grants]

    def like(self, old: Key, mark: str, marked: str) -> Key:
        """A new key with the policy, the description, the tags and the yearly rotation of another.

        One that bears the mark already, since an earlier try made it, is taken.

        Args:
            old: the other.
            mark: the name of a tag, by which the new one can be found.
            marked: the tag's value.
        """
        made = next(self._marked(mark, marked), None) or self._made(old, {mark: marked})
        if self._rotates(old.id) and not self._rotates(made.id):
            self._service.read(_Done, "EnableKeyRotation", KeyId=made.id)
        return made

    def marked(self, mark: str, marked: str) -> list[Key]:
        """The keys that bear a mark and are not about to be deleted."""
        return list(self._marked(mark, marked))

    def tags(self, key: str) -> dict[str, str]:
        """Its tags."""
        pages = self._service.pages(_Tags, "ListResourceTags", NEXT_MARKER, KeyId=key)
        return {one.key: one.value for page in pages for one in page.tags}

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        """Sets some of its tags; the values are of letters, digits and `_.:/=+-@` and of 256 characters at most."""
        named = [{"TagKey": name, "TagValue": value} for name, value in tags.items()]
        if named:
            self._service.read(_Done, "TagResource", KeyId=key, Tags=[dict(one) for one in named])

    def untag(self, key: str, beginning: str) -> None:
        """Removes the tags whose names begin so."""
        if names := [name for name in self.tags(key) if name.startswith(beginning)]:
            self._service.read(_Done, "UntagResource", KeyId=key, TagKeys=[str(name) for name in names])

    def re_encrypt(self, ciphertext: bytes, context: Mapping[str, str], to: str) -> ReEncrypted:
        """A ciphertext under another key, with the same encryption context; raises NotOpened where it is none."""
        made = self._service.read(
            _ReEncrypted,
            "ReEncrypt",
            CiphertextBlob=ciphertext,
            SourceEncryptionContext=dict(context),
            DestinationKeyId=to,
            DestinationEncryptionContext=dict(context),
        )
        return ReEncrypted(made.ciphertext_blob, key_id(made.source_key_id), key_id(made.key_id))

    def data_key(self, key: str, context: Mapping[str, str]) -> bytes:
        """The ciphertext of a new data key that nobody has seen."""
        made = self._service.read(
            _Made,
            "GenerateDataKeyWithoutPlaintext",
            KeyId=key,
            KeySpec="AES_256",
            EncryptionContext=dict(context),
        )
        return made.ciphertext_blob

    def disable(self, key: str) -> None:
        """Nobody can use it until it is enabled."""
        self._service.read(_Done, "DisableKey", KeyId=key)

    def enable(self, key: str) -> None:
        """It can be used."""
        self._service.read(_Done, "EnableKey", KeyId=key)

    def schedule_deletion(self, key: str, days: int) -> None:
        """It is deleted after so many days, with everything that is still under it; until then it can be cancelled."""
        self._service.read(_Done, "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=days)

    def _made(self, old: Key, mark: Mapping[str, str]) -> Key:
        tags = {name: value for name, value in self.tags(old.id).items() if not name.startswith(_NOT_COPIED)}
        return self._service.read(
            _Described,
            "CreateKey",
            Policy=self.policy(old.id),
            Description=old.description,
            Tags=[{"TagKey": name, "TagValue": value} for name, value in {**tags, **mark}.items()],
        ).key_metadata

    def _marked(self, mark: str, marked: str) -> Iterator[Key]:
        for page in self._service.pages(_Keys, "ListKeys", NEXT_MARKER):
            for listed in page.keys:
                try:
                    bears = self.tags(listed.id).get(mark) == marked
                except (Denied, NotThere):  # one whose tags we may not read was not made by us
                    continue
                if bears and not (key := self.key(listed.id)).going:
                    yield key

    def _rotates(self, key: str) -> bool:
        return self._service.read(_Rotates, "GetKeyRotationStatus", KeyId=key).key_rotation_enabled
