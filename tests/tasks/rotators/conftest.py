"""What the rotators' tests have before them: logins of PostgreSQL, a user of Redis, keys, and webhooks' secrets."""

import json
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.rehearsal.in_thread import Door, served
from deployments.rehearsal.pagerduty_account import Directory
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.vendors.aws_moto import fake_aws
from tests.conftest import Estates, PostgresServer, RedisServer, S3Server
from tests.knocking import knocked_at
from tests.staged_secrets import StagedSecret
from tests.tasks.rotators.jwks_room import JwksRoom
from tests.tasks.rotators.key_desk import Desk as KeyDesk
from tests.tasks.rotators.key_vendor import KeyVendor
from tests.tasks.rotators.kms_room import KmsRoom
from tests.tasks.rotators.pair import Pair, made_pair
from tests.tasks.rotators.redis_room import RedisRoom
from tests.tasks.rotators.webhook_desk import DIRECTORY, OLD, TOKEN, Desk, Subscribed, subscription


@pytest.fixture
def pair(postgres_server: PostgresServer, estates: Estates) -> Iterator[Pair]:
    """A pair on the server that all tests share, whose log tells nothing."""
    with made_pair(postgres_server, estates) as made:
        yield made


@pytest.fixture
def told_pair(telling_server: PostgresServer, estates: Estates) -> Iterator[Pair]:
    """A pair on that one."""
    with made_pair(telling_server, estates) as made:
        yield made


@pytest.fixture
def cache(redis_pair: RedisServer, estates: Estates) -> Iterator[RedisRoom]:
    """Nothing is rotated yet."""
    made = RedisRoom(redis_pair, estates)
    yield made
    made.left()


@pytest.fixture
async def jwks(s3_server: S3Server, estates: Estates) -> AsyncIterator[JwksRoom]:
    """A set in the bucket, and the site in front of it."""
    door = Door()
    with served(door) as url:
        made = JwksRoom(s3_server, estates, url, f"keys-{secrets.token_hex(4)}.json")
        door.behind = made.site()
        async with made.estate:
            yield made


@pytest.fixture
def desk(estates: Estates) -> Iterator[KeyDesk]:
    """The vendor, served."""
    vendor = KeyVendor()
    with served(vendor.app()) as url:
        yield KeyDesk(vendor, url, estates)


@pytest.fixture
def slack(
    s3_server: S3Server, estates: Estates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quick_gateway: None
) -> Iterator[Desk]:
    """Slack's secret, one plain text."""
    del quick_gateway
    secret = StagedSecret.made(s3_server, estates, monkeypatch, OLD)
    section = {"channel": "C0", "token": "env:NOWHERE", "signing_secret": f"aws:{secret.name}"}
    with knocked_at(tmp_path, f"aws:{secret.name}") as knocking:
        yield Desk(secret, knocking, partial(estates.make, slack=section))


@pytest.fixture
def duty(
    s3_server: S3Server, estates: Estates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quick_gateway: None
) -> Iterator[Subscribed]:
    """A subscription that leads to the gateway, and its secret with its id."""
    del quick_gateway
    account = PagerDutyStandIn(SecretStr("k" * 32), SecretStr(TOKEN), Directory.model_validate(DIRECTORY))
    secret = StagedSecret.made(s3_server, estates, monkeypatch, json.dumps({"secret": "later", "id": "later"}))
    token = estates.secret(SecretStr(TOKEN))
    with ExitStack() as open_ones:
        url = open_ones.enter_context(served(account.app()))
        reference = f"aws:{secret.name}#secret"
        knocking = open_ones.enter_context(knocked_at(tmp_path, reference))
        secret.promote(secret.pend(json.dumps(subscription(url, knocking.door))))
        rest = {"token": token, "from_email": "lead@example.com", "service": "PSVC", "api": url}
        section = {"routing_key": "env:NOWHERE", "rest": rest, "webhook_secrets": [reference]}
        time.sleep(0.25)
        desk = Subscribed(secret, knocking, partial(estates.make, pagerduty=section))
        desk.account, desk.pagerduty = account, url
        yield desk


@pytest.fixture
def kms_room(postgres_server: PostgresServer, estates: Estates) -> Iterator[KmsRoom]:
    """An empty bucket and an empty table, and a key for both."""
    with fake_aws() as aws:
        yield KmsRoom(aws, postgres_server, estates)
