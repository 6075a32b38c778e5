"""An API key taken through the whole course: of all that were made one is left, and it is the one that is current."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import sleep

import boto3
import pytest
from pydantic import SecretStr
from ruamel.yaml import YAML

from deployments.rehearsal.aws import put_secret
from deployments.rehearsal.in_thread import served
from flows.rotation_round import rotate
from flows.rotation_visit import Visited, Wish
from tasks.rotators.http_key import HttpKey
from tests.conftest import S3Server
from tests.tasks.rotators.key_vendor import ADMIN, KeyVendor
from tests.tminus.readiness.room import person
from tminus.clock import now
from tminus.ledger.sqlite import SqliteStore
from tminus.people import People
from tminus.rotations.opened import open_secrets

POLICY = {
    "kind": "http.key",
    "title": "The orders partner's key",
    "owner": "backend",
    "every": "30d",
    "overlap": "100 ms",
    "cycle": "100 ms",
    "switched_off": "100 ms",
    "endpoint": "vendor",
    "admin": "env:TMINUS_TEST_ADMIN",
    "header": "X-Api-Key: {key}",
    "make": {"path": "/v1/keys", "body": {"key": {"name": "{mark}"}}, "value": "/data/secret", "id": "/data/id"},
    "listing": {"path": "/v1/keys", "keys": "/data", "id": "/id", "mark": "/name", "next": "/links/next"},
    "revoke": {"method": "DELETE", "path": "/v1/keys/{id}"},
    "used": {"path": "/v1/keys/{id}", "last": "/last_used_at"},
    "can": [{"path": "/v1/orders"}],
    "cannot": [{"path": "/v1/payouts"}],
}


@dataclass(frozen=True)
class Course:
    """The vendor, the secret that holds one of its keys, and the files."""

    folder: Path
    vendor: KeyVendor
    secret: str
    server: S3Server

    def visit(self) -> Visited:
        """What `tminus rotate orders` does."""
        opened = open_secrets(self.folder / "secrets.yaml", self.folder / "environment.yaml", {"http.key": HttpKey})
        with closing(SqliteStore(self.folder / "ledger.db")) as store:
            return asyncio.run(rotate(store, opened, "orders", Wish(), print, self.folder / "people.yaml"))

    def current(self) -> dict[str, str]:
        """What AWSCURRENT holds."""
        at = self.server.at.address
        client = boto3.client(
            "secretsmanager",
            endpoint_url=at.url,
            region_name=at.region,
            aws_access_key_id=at.access_key_id,
            aws_secret_access_key=at.secret_access_key.get_secret_value(),
        )
        found: dict[str, str] = json.loads(
            client.get_secret_value(SecretId=self.secret, VersionStage="AWSCURRENT")["SecretString"]
        )
        return found


@pytest.fixture
def course(s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Course]:
    """With the first key in use."""
    at, vendor, secret = s3_server.at.address, KeyVendor(), f"tradesense/{uuid.uuid4().hex}"
    for variable, value in {**at.environment(), "TMINUS_TEST_ADMIN": SecretStr(ADMIN)}.items():
        monkeypatch.setenv(variable, value.get_secret_value())
    first = vendor.made("made by hand")
    put_secret(at, secret, SecretStr(json.dumps({"key": first.value, "id": first.id})))
    people = People(people=(person(tmp_path, "guard", "security_lead"),)).model_dump(mode="json")
    with served(vendor.app()) as url:
        environment = {
            "environment": "test",
            "kind": "staging",
            "ledger": {"sqlite": str(tmp_path / "ledger.db")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(tmp_path / "state"),
            "aws": {"region": at.region, "endpoint": at.url},
            "endpoints": {"vendor": {"url": url}},
        }
        rotations = {"orders": {**POLICY, "secret": secret}}
        book = {"secrets": "shop", "title": "Secrets", "leaked": ["security_lead"], "rotations": rotations}
        for name, data in {"environment": environment, "secrets": book, "people": people}.items():
            with (tmp_path / f"{name}.yaml").open("w", encoding="utf-8") as file:
                YAML().dump(data, file)
        yield Course(tmp_path, vendor, secret, s3_server)


def test_a_key_is_rotated_by_the_course(course: Course) -> None:
    """A first try whose answer was lost broke off, and left a key that nobody knows; going on revokes it."""
    course.vendor.lost = True
    assert course.visit().how == "broke off"
    [first, lost] = course.vendor.alive
    assert course.current()["key"] == first.value
    course.vendor.lost = False
    for _ in range(20):
        visited = course.visit()
        if visited.how == "rotated":
            break
        assert visited.until is not None, visited
        sleep(max(0.0, (visited.until - now()).total_seconds()) + 0.01)
    [left] = course.vendor.alive
    assert (first.revoked, lost.revoked) == (True, True)
    assert course.current() == {"key": left.value, "id": left.id}
    ledger = b"".join(one.read_bytes() for one in course.folder.glob("ledger.db*"))
    assert [one.id for one in course.vendor.keys if one.value.encode() in ledger] == []
