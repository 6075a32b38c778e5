"""The trading service's login is a secret that is rotated: its instances follow it, and nobody is refused."""

import asyncio
import json
from pathlib import Path

import boto3
import psycopg
import pytest
from pydantic import SecretStr

from deployments.rehearsal.addresses import HOST, plain
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.trading import login
from deployments.rehearsal.trading.database import Database, DatabaseUnavailable
from deployments.rehearsal.trading.login import Login
from deployments.rehearsal.trading_logins import OWNER, SECRET, USERS, rotator_dsn, take_turns
from deployments.rehearsal.trading_schema import create_trading_schema
from tests.conftest import S3Server

_ROTATOR = SecretStr("made-up-for-a-test")
_WHO = "SELECT session_user, current_user"


async def test_an_instance_follows_the_secret(
    tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It acts as the owner; a new value is taken up while statements run, and the old login's session ends."""
    monkeypatch.setattr(login, "LIVES_S", 0.2)
    aws = s3_server.at.address
    for name, value in {**plain(aws.environment()), "AWS_ENDPOINT_URL": aws.url}.items():
        monkeypatch.setenv(name, value)
    with Processes() as processes:
        postgres = Postgres.plan(tmp_path, standby=False)
        postgres.start(processes)
        at = postgres.address
        create_trading_schema(at.dsn("trading").get_secret_value())
        take_turns(at, aws, _ROTATOR)
        with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
            psycopg.connect(at.dsn("trading").get_secret_value())
        database = Database(Login(f"postgresql://{HOST}:{at.port}/{at.database}", SECRET))
        try:
            assert await database.read(_WHO) == [(USERS[0], OWNER)]
            asking = [asyncio.create_task(database.read("SELECT pg_sleep(0.6)")) for _ in range(3)]
            with psycopg.connect(rotator_dsn(at, _ROTATOR).get_secret_value(), autocommit=True) as rotator:
                rotator.execute("ALTER ROLE trading_b LOGIN PASSWORD 'another-made-up-one'")
                rotator.execute("ALTER ROLE trading_b SET role = trading")
                _put(s3_server, USERS[1], "another-made-up-one")
                await asyncio.sleep(0.3)
                assert await _user(database) == USERS[1]
                await asyncio.gather(*asking)
                alive = rotator.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'trading_a'").fetchone()
            assert alive == (0,)
        finally:
            await database.close()


async def test_without_a_secret_it_is_said_that_the_database_is_not_reachable(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that is not there is no crash, and its name is in no answer."""
    aws = s3_server.at.address
    for name, value in {**plain(aws.environment()), "AWS_ENDPOINT_URL": aws.url}.items():
        monkeypatch.setenv(name, value)
    database = Database(Login(f"postgresql://{HOST}:1/trading", "nobody/made-it"))
    with pytest.raises(DatabaseUnavailable) as refused:
        await database.read("SELECT 1")
    assert "nobody/made-it" not in str(refused.value)


def _put(server: S3Server, user: str, password: str) -> None:
    at = server.at.address
    client = boto3.client("secretsmanager", endpoint_url=at.url, region_name=at.region)
    client.put_secret_value(SecretId=SECRET, SecretString=json.dumps({"username": user, "password": password}))


async def _user(database: Database) -> str:
    """Whose session answers, once one that was opened meanwhile had the time to."""
    for _ in range(50):
        [(user, _)] = await database.read(_WHO)
        if user != USERS[0]:
            break
        await asyncio.sleep(0.1)
    return str(user)
