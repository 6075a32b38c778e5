"""The servers of bench.rotation: PostgreSQL, Redis, S3 and Secrets Manager (moto), and a site with public keys."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psycopg
from psycopg.rows import TupleRow
from redis import Redis as RedisClient

from deployments.rehearsal.addresses import HOST, plain
from deployments.rehearsal.aws import Aws
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.readiness import port_open
from deployments.rehearsal.redis_servers import Redis
from deployments.rehearsal.witness_servers import JSON_LOG, prepare_redis

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

MAX_AGE = 3  # seconds for which public keys may be kept
_SETTINGS = ("max_connections = 400", "fsync = off", "log_connections = 'authorization'")


@dataclass(frozen=True)
class Place:
    """Where it all is, while it runs.

    Attributes:
        site: the address under which the bucket's public keys are fetched.
    """

    folder: Path
    processes: Processes
    postgres: Postgres
    redis: Redis
    aws: Aws
    site: str

    def superuser(self) -> "psycopg.Connection[TupleRow]":
        """A connection to the trading database, each statement a transaction."""
        return psycopg.connect(self.postgres.address.dsn("postgres").get_secret_value(), autocommit=True)

    def redis_admin(self) -> RedisClient:
        """A connection that may do everything."""
        return RedisClient.from_url(self.redis.address.dsn().get_secret_value(), decode_responses=True)

    def put_first(self, secret: str, fields: Mapping[str, object]) -> None:
        """A new secret with its first value."""
        self.secrets.create_secret(Name=secret, SecretString=json.dumps(fields))

    def current(self, secret: str) -> dict[str, str]:
        """What AWSCURRENT gives."""
        read: dict[str, str] = json.loads(
            self.secrets.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")["SecretString"]
        )
        return read

    @property
    def data(self) -> Path:
        """PostgreSQL's folder of data, where its log is."""
        return self.postgres.folder / "primary"

    @cached_property
    def secrets(self) -> "SecretsManagerClient":
        """Secrets Manager."""
        return self._session.client("secretsmanager", endpoint_url=self.aws.address.url)

    @cached_property
    def s3(self) -> "S3Client":
        """S3."""
        return self._session.client("s3", endpoint_url=self.aws.address.url)

    @cached_property
    def _session(self) -> boto3.Session:
        at = self.aws.address
        key = at.secret_access_key.get_secret_value()
        return boto3.Session(aws_access_key_id=at.access_key_id, aws_secret_access_key=key, region_name=at.region)


@contextmanager
def place(folder: Path, *, with_site: bool) -> Iterator[Place]:
    """The block in which the servers run; the site only where it is asked for."""
    postgres = Postgres.plan(folder / "postgres", standby=False, settings=(*JSON_LOG, *_SETTINGS))
    redis_server, aws, port = Redis.plan(folder / "redis", replica=False), Aws.plan(folder), free_port()
    with Processes() as processes:
        postgres.start(processes)
        redis_server.start(processes)
        aws.start(processes)
        if with_site:
            _start_site(processes, aws, port, folder)
        prepare_redis(redis_server.address.dsn())
        yield Place(folder, processes, postgres, redis_server, aws, f"http://{HOST}:{port}")


def _start_site(processes: Processes, aws: Aws, port: int, folder: Path) -> None:
    at = aws.address
    argv = [sys.executable, "-m", "bench.rotation_jwks", str(port), at.url, at.bucket, str(MAX_AGE)]
    environment = plain(at.environment())
    processes.start("public keys", argv, env=environment, log=folder / "site.log", ready=port_open(port))
