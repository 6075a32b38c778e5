"""S3 and Secrets Manager, by moto's server in a process of its own.

moto is a fake of AWS: it keeps everything in memory and checks no signature.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import boto3
from botocore.config import Config
from pydantic import SecretStr

from deployments.rehearsal.addresses import HOST, AwsAddress, made_up
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.readiness import port_open

_REGION: Literal["eu-central-1"] = "eu-central-1"
_ONE_TRY = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10)


@dataclass(frozen=True)
class Aws:
    """moto's server with one bucket (encrypted by default with SSE-S3, versioned); its log in `folder`."""

    address: AwsAddress
    folder: Path

    @classmethod
    def plan(cls, folder: Path, *, bucket: str = "tradesense-backups") -> Self:
        """Choose port and credentials; nothing is started yet."""
        address = AwsAddress(
            port=free_port(),
            region=_REGION,
            bucket=bucket,
            access_key_id="AKIAREHEARSAL0000000",
            secret_access_key=made_up(),
        )
        return cls(address, folder)

    def start(self, processes: Processes) -> list[Child]:
        """Start the server and make the bucket. Raises BinaryMissing or ServerDidNotStart."""
        child = processes.start(
            "moto (AWS)",
            [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(self.address.port)],
            log=self.folder / "moto.log",
            ready=port_open(self.address.port),
        )
        make_bucket(self.address, self.address.bucket)
        return [child]


def make_bucket(aws: AwsAddress, bucket: str) -> None:
    """Make a bucket that encrypts what it is given (SSE-S3) and keeps old versions."""
    s3 = _session(aws).client("s3", endpoint_url=aws.url, config=_ONE_TRY)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": _REGION})
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}]
        },
    )
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def put_secret(aws: AwsAddress, name: str, value: SecretStr) -> None:
    """Store a new secret in Secrets Manager."""
    client = _session(aws).client("secretsmanager", endpoint_url=aws.url, config=_ONE_TRY)
    client.create_secret(Name=name, SecretString=value.get_secret_value())


def _session(aws: AwsAddress) -> boto3.Session:
    return boto3.Session(
        aws_access_key_id=aws.access_key_id,
        aws_secret_access_key=aws.secret_access_key.get_secret_value(),
        region_name=aws.region,
    )
