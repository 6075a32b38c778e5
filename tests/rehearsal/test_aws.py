"""S3 and Secrets Manager of the rehearsal."""

from pathlib import Path

import boto3
from pydantic import SecretStr

from deployments.rehearsal.addresses import plain
from deployments.rehearsal.aws import Aws, make_bucket, put_secret
from deployments.rehearsal.processes import Processes


def test_buckets_are_encrypted_and_versioned_and_secrets_readable(tmp_path: Path) -> None:
    """Objects come back encrypted at rest and with a version; a stored secret is read by its name."""
    aws = Aws.plan(tmp_path)
    address = aws.address
    with Processes() as processes:
        aws.start(processes)
        make_bucket(address, "another")
        put_secret(address, "tradesense/jwt", SecretStr("canary"))
        environment = plain(address.environment())
        session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_DEFAULT_REGION"],
        )
        s3 = session.client("s3", endpoint_url=address.url)
        for bucket in (address.bucket, "another"):
            s3.put_object(Bucket=bucket, Key="backup", Body=b"rows")
            found = s3.head_object(Bucket=bucket, Key="backup")
            assert found["ServerSideEncryption"] == "AES256"
            assert found["VersionId"] != "null"
        secrets = session.client("secretsmanager", endpoint_url=address.url)
        assert secrets.get_secret_value(SecretId="tradesense/jwt")["SecretString"] == "canary"
