"""A witness's own way to Secrets Manager: whatever AWSCURRENT gives, held for as long as an application would."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deployments.rehearsal.addresses import AwsAddress

_CONNECTIONS = 32


class NotGiven(Exception):
    """Secrets Manager did not give a value."""


@dataclass(frozen=True)
class Held:
    """A value as it was read.

    Attributes:
        since: before it was asked for, by the monotonic clock: it is no younger than this says.
    """

    version: str
    fields: Mapping[str, object]
    since: float

    def __repr__(self) -> str:
        return f"Held(version={self.version!r})"

    @property
    def user(self) -> str:
        """Who logs in; of a signing key, its id."""
        return str(self.fields.get("username") or self.fields.get("kid") or "")

    def text(self, name: str) -> str:
        """One field of it."""
        return str(self.fields[name])

    def for_seconds(self) -> float:
        """How long it has been held."""
        return time.monotonic() - self.since


class Reader:
    """Reads AWSCURRENT, once for each use. May be used by several threads."""

    def __init__(self, aws: AwsAddress) -> None:
        self._client = boto3.client(
            "secretsmanager",
            endpoint_url=aws.url,
            region_name=aws.region,
            aws_access_key_id=aws.access_key_id,
            aws_secret_access_key=aws.secret_access_key.get_secret_value(),
            config=Config(max_pool_connections=_CONNECTIONS, retries={"total_max_attempts": 1}, read_timeout=30),
        )

    def read(self, secret: str) -> Held:
        """The value that is current; raises NotGiven."""
        since = time.monotonic()
        try:
            answer = self._client.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")
        except (BotoCoreError, ClientError) as e:
            raise NotGiven(f"{secret}: {e}") from e
        return Held(answer["VersionId"], json.loads(answer["SecretString"]), since)


class Holder:
    """One client's copy of one secret: read again by whoever wants it after `holds` seconds."""

    def __init__(self, reader: Reader, secret: str, holds: float) -> None:
        self._reader = reader
        self._secret = secret
        self._holds = holds
        self._lock = threading.Lock()
        self._held: Held | None = None

    def get(self) -> Held:
        """A value that was read at most so many seconds ago; raises NotGiven."""
        with self._lock:
            if self._held is None or self._held.for_seconds() >= self._holds:
                self._held = self._reader.read(self._secret)
            return self._held
