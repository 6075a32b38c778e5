"""Stages move only from the version that they are expected on, against moto's Secrets Manager."""

import json
from uuid import uuid4

import boto3
import pytest
from pydantic import SecretStr

from tasks.aws_errors import NotThere
from tasks.secret_versions import SecretVersions
from tests.conftest import Estates, S3Server
from tests.staged_secrets import nobody_overtook
from tminus.errors import FencedOff, Refused
from tminus.rotations.document import Document


@pytest.fixture
def versions(s3_server: S3Server, estates: Estates) -> SecretVersions:
    """A secret with one value."""
    at = s3_server.at.address
    estate = estates.make(
        aws={
            "region": at.region,
            "endpoint": at.url,
            "access_key": estates.secret(SecretStr(at.access_key_id)),
            "secret_key": estates.secret(at.secret_access_key),
        }
    )
    client = boto3.client(
        "secretsmanager",
        endpoint_url=at.url,
        region_name=at.region,
        aws_access_key_id=at.access_key_id,
        aws_secret_access_key=at.secret_access_key.get_secret_value(),
    )
    name = f"house/{uuid4().hex[:8]}"
    client.create_secret(Name=name, SecretString=json.dumps({"password": "first"}))
    return SecretVersions.open(estate, name)


def _put(versions: SecretVersions, value: str) -> str:
    version = str(uuid4())
    versions.put_pending(version, Document(SecretStr(json.dumps({"password": value})), "new"))
    return version


def test_there_and_forgotten(versions: SecretVersions) -> None:
    """A new version is pending, then current with the old one behind it, then alone; each may be done twice."""
    old = versions.versions().current
    new = _put(versions, "second")
    assert versions.versions().pending == new
    for _ in range(2):
        versions.promote(new, old, nobody_overtook)
        stands = versions.versions()
        assert (stands.current, stands.pending, stands.previous) == (new, "", old)
    assert versions.read(new).secret("password").get_secret_value() == "second"
    for _ in range(2):
        versions.forget(old, nobody_overtook)
        assert versions.versions().previous == ""
    versions.forget(new, nobody_overtook)
    assert versions.versions().current == new, "what is current is never forgotten"


def test_and_back(versions: SecretVersions) -> None:
    """What was current before is current again, and the newer one is forgotten."""
    old = versions.versions().current
    new = _put(versions, "second")
    versions.promote(new, old, nobody_overtook)
    versions.promote(old, new, nobody_overtook)
    versions.forget(new, nobody_overtook)
    assert (versions.versions().current, versions.versions().all) == (old, {old})


def test_somebody_else_came_first(versions: SecretVersions) -> None:
    """A stage that is not where it is expected is not moved."""
    old = versions.versions().current
    first, second = _put(versions, "second"), _put(versions, "third")
    versions.promote(first, old, nobody_overtook)
    with pytest.raises(Refused, match="somebody else changed it"):
        versions.promote(second, old, nobody_overtook)
    assert versions.versions().current == first


def test_whoever_was_overtaken_moves_nothing(versions: SecretVersions) -> None:
    """The lease is asked for after the look and before the move: who was stopped between the two moves nothing."""

    def overtaken() -> None:
        raise FencedOff("another process goes on with it by now")

    old = versions.versions().current
    new = _put(versions, "second")
    for act in (lambda: versions.promote(new, old, overtaken), lambda: versions.forget(new, overtaken)):
        with pytest.raises(FencedOff):
            act()
    stands = versions.versions()
    assert (stands.current, stands.pending) == (old, new)


def test_no_such_secret(versions: SecretVersions) -> None:
    """It is said, by its name in Secrets Manager."""
    missing = SecretVersions(versions._service, "house/none")
    with pytest.raises(NotThere, match="ResourceNotFoundException"):
        missing.versions()
