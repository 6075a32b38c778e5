"""A KMS key with objects under it in a bucket of moto's, and wrapped data keys in a table of a real PostgreSQL."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from pydantic import SecretStr

from deployments.rehearsal.vendors.aws_moto import FakeAws
from tasks.estate import Estate
from tasks.rotators.kms_key import KmsKey
from tasks.rotators.rotator import Done, NotYet, Turn
from tests.conftest import Estates, PostgresServer
from tminus.rotations.document import Document

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET, ALIAS, TABLE = "trading-papers", "alias/trading", "tenant_keys"
REGION = "eu-central-1"
_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*"}]}


@dataclass
class KmsRoom:
    """What is there before a rotation: key `old` with its alias, a bucket that encrypts with it, a table of data keys.

    Attributes:
        contexts: whose encryption context each row's data key has.
    """

    aws: FakeAws
    postgres: PostgresServer
    estates: Estates
    old: str = ""
    estate: Estate = field(init=False)

    def __post_init__(self) -> None:
        policy = {**_POLICY, "Statement": [{**_POLICY["Statement"][0], "Resource": "*"}]}  # type: ignore[dict-item]  # a document
        made = self.kms.create_key(
            Policy=json.dumps(policy),
            Description="trading's papers",
            Tags=[{"TagKey": "team", "TagValue": "trading"}],
        )
        self.old = made["KeyMetadata"]["KeyId"]
        self.kms.enable_key_rotation(KeyId=self.old)
        self.kms.create_alias(AliasName=ALIAS, TargetKeyId=self.old)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.old}
        self.s3.put_bucket_encryption(
            Bucket=BUCKET,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": rule, "BucketKeyEnabled": True}]  # type: ignore[typeddict-item]  # "aws:kms" is one
            },
        )
        with self.postgres.connect() as connection:
            connection.execute("DROP TABLE IF EXISTS tenant_keys")
            connection.execute("CREATE TABLE tenant_keys (id bigint PRIMARY KEY, tenant jsonb NOT NULL, wrapped bytea)")
            connection.execute("ALTER TABLE tenant_keys OWNER TO trading")
        reference = self.estates.secret
        address = self.postgres.at.address
        keys = {"access_key": reference(SecretStr("AKIA")), "secret_key": reference(SecretStr("made-up"))}
        self.estate = self.estates.make(
            aws={"region": REGION, "endpoint": self.aws.url, **keys},
            buckets={"papers": {"bucket": BUCKET, "endpoint": self.aws.url, "region": REGION, "prefix": "p/", **keys}},
            postgres={
                "main": {"dsn": reference(address.dsn("tminus")), "rotator": reference(address.dsn("trading"))},
            },
        )

    @cached_property
    def s3(self) -> "S3Client":
        """S3, as an application of its own."""
        return self._client("s3")  # type: ignore[no-any-return]  # boto3's own

    @cached_property
    def kms(self) -> Any:
        """KMS, as somebody who may do everything."""
        return self._client("kms")

    def policy(self, **fields: object) -> KmsKey:
        """The book's entry."""
        plain: dict[str, object] = {
            "title": "Trading's key",
            "owner": "security",
            "secret": "trading/key",
            "every": "365d",
            "alias": ALIAS,
            "buckets": ["papers"],
            "envelopes": [
                {
                    "database": "main",
                    "table": TABLE,
                    "column": "wrapped",
                    "context": {"use": "envelope"},
                    "context_column": "tenant",
                }
            ],
        }
        return KmsKey.model_validate({**plain, **fields})

    def turn(self, *, promoted: datetime | None = None, at_once: bool = False) -> Turn:
        """A rotation of it."""
        document = Document(SecretStr(json.dumps({"key_id": self.old, "note": "kept"})), "trading/key (AWSCURRENT)")
        return Turn(self.estate, "key", "20270104-key", "v" * 36, {}, document, promoted, at_once)

    def put(self, name: str, content: bytes = b"paper", key: str = "") -> None:
        """Writes an object as an application does that names the key."""
        self.s3.put_object(
            Bucket=BUCKET,
            Key=f"p/{name}",
            Body=content,
            ContentType="text/markdown",
            Metadata={"of": name},
            Tagging="kind=paper",
            StorageClass="STANDARD_IA",
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=key or self.old,
        )

    def objects(self, many: int) -> None:
        """So many."""
        for number in range(many):
            self.put(f"{number:04}", f"paper {number}".encode())

    def rows(self, many: int, key: str = "", first: int = 1) -> None:
        """So many data keys, each of a tenant of its own."""
        with self.postgres.connect() as connection:
            for number in range(first, first + many):
                context = {"use": "envelope", "tenant": f"t{number}"}
                wrapped = self.kms.encrypt(
                    KeyId=key or self.old, Plaintext=f"data key {number}".encode(), EncryptionContext=context
                )["CiphertextBlob"]
                connection.execute(
                    "INSERT INTO tenant_keys VALUES (%s, %s, %s)",
                    (number, json.dumps({"tenant": f"t{number}"}), wrapped),
                )

    def keys_of_objects(self) -> list[str]:
        """Under which key each object is."""
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix="p/").get("Contents", [])
        return [self.s3.head_object(Bucket=BUCKET, Key=one["Key"])["SSEKMSKeyId"] for one in listed]

    def opened_rows(self) -> list[tuple[str, str]]:
        """Each row's data key as an application opens it, and the key that did."""
        with self.postgres.connect() as connection:
            rows = connection.execute("SELECT id, wrapped FROM tenant_keys ORDER BY id").fetchall()
        found = []
        for number, wrapped in rows:
            context = {"use": "envelope", "tenant": f"t{number}"}
            opened = self.kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)
            found.append((opened["Plaintext"].decode(), opened["KeyId"].rpartition("/")[2]))
        return found

    def state(self, key: str) -> str:
        """What KMS says of a key."""
        return str(self.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"])

    def alias(self) -> str:
        """The key that the alias points to."""
        return str(self.kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"])

    def default(self) -> str:
        """The key with which the bucket encrypts what is new."""
        rules = self.s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
        return rules[0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"].rpartition("/")[2]

    def _client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]  # the name is no literal
            service,
            endpoint_url=self.aws.url,
            region_name=REGION,
            aws_access_key_id="AKIA",
            aws_secret_access_key="made-up",
        )


def done(came: Done | NotYet) -> Done:
    """What a stage came to; raises AssertionError where it waits."""
    assert isinstance(came, Done), came
    return came


async def set_new(policy: KmsKey, turn: Turn) -> Document:
    """The new key, with everything under it."""
    new = await policy.create(turn)
    done(await policy.set(turn, new))
    return new
