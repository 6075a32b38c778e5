"""A room with a door whose password lies in moto's Secrets Manager."""

from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from pydantic import SecretStr

from tests.conftest import Estates, S3Server
from tests.flows.rotations.room import Room


@pytest.fixture
def room(s3_server: S3Server, estates: Estates, tmp_path: Path) -> Room:
    """Nothing is rotated yet."""
    at = s3_server.at.address
    keys = {"access_key": SecretStr(at.access_key_id), "secret_key": at.secret_access_key}
    client = boto3.client(
        "secretsmanager",
        endpoint_url=at.url,
        region_name=at.region,
        aws_access_key_id=at.access_key_id,
        aws_secret_access_key=at.secret_access_key.get_secret_value(),
    )
    made = Room(tmp_path, f"house/door-{uuid4().hex[:8]}", client)
    made.write({"region": at.region, "endpoint": at.url, **{key: estates.secret(value) for key, value in keys.items()}})
    return made
