"""As whom an instance logs in to PostgreSQL: as its connection string says, or as a secret's current value does."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from typing import TYPE_CHECKING

import boto3
import psycopg
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

Connection = psycopg.AsyncConnection[TupleRow]
CONNECT_TIMEOUT_S = 2
LIVES_S = 2.0
_ONE_TRY = Config(retries={"total_max_attempts": 1}, connect_timeout=CONNECT_TIMEOUT_S, read_timeout=5)


class Login:
    """Opens connections. One by a secret takes what is AWSCURRENT at that moment, and is to be replaced in time.

    Where Secrets Manager is, and who asks, is in the variables that every client of AWS reads.
    """

    def __init__(self, dsn: str, secret: str | None = None) -> None:
        """Remember where the database is, and under which name user and password are kept; nothing is opened yet."""
        self._dsn = dsn
        self._secret = secret
        self._client: SecretsManagerClient | None = None
        self._making = threading.Lock()

    @property
    def lives_s(self) -> float:
        """For how many seconds a connection is used: a secret that is rotated is soon used by nobody."""
        return LIVES_S if self._secret else math.inf

    async def prepare(self) -> None:
        """Load what reads the secret: on a busy machine that takes longer than a probe waits."""
        if self._secret:
            await asyncio.to_thread(self._manager)

    async def connect(self) -> Connection:
        """A connection in autocommit; raises ``psycopg.OperationalError``, also where no secret can be read."""
        dsn = await asyncio.to_thread(self._current, self._secret) if self._secret else self._dsn
        return await psycopg.AsyncConnection.connect(
            dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name="trading"
        )

    def _manager(self) -> SecretsManagerClient:
        with self._making:
            self._client = self._client or boto3.client("secretsmanager", config=_ONE_TRY)
            return self._client

    def _current(self, secret: str) -> str:
        try:
            given = self._manager().get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")
        except (BotoCoreError, ClientError) as error:
            message = f"the secret {secret} cannot be read: {type(error).__name__}"
            raise psycopg.OperationalError(message) from error
        value = json.loads(given["SecretString"])
        return make_conninfo(self._dsn, user=value["username"], password=value["password"])
