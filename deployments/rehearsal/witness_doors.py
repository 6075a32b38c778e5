"""The doors that a witness knocks at, once each: PostgreSQL's and Redis', and what they say when they stay shut."""

from collections.abc import Callable
from typing import Protocol

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deployments.rehearsal.addresses import HOST
from deployments.rehearsal.witness_count import RefusalKind
from deployments.rehearsal.witness_plan import Lived
from deployments.rehearsal.witness_secrets import Held

_NOT_POSSIBLE = (
    "42"  # class of SQLSTATE: a privilege is missing, or what should be found by the login's settings is not
)
_WITHIN = 20  # seconds for an answer; a client that gives up early would be refused by nobody


class TurnedAway(Exception):
    """A client was refused, or left alone.

    Attributes:
        kind: why.
        said: in the server's words, on one line.
    """

    def __init__(self, kind: RefusalKind, said: str) -> None:
        super().__init__(said)
        self.kind = kind
        self.said = said


class Session(Protocol):
    """An open connection."""

    def ask(self) -> None:
        """One question that this client must be allowed to ask; raises TurnedAway."""

    def close(self) -> None:
        """Leaves."""


class PostgresSession:
    """A connection to PostgreSQL; raises TurnedAway where there is none to be had."""

    def __init__(self, lived: Lived, held: Held) -> None:
        self._query = lived.query.encode()
        try:
            self._connection = psycopg.connect(
                host=HOST,
                port=lived.port,
                dbname=lived.database,
                user=held.text("username"),
                password=held.text("password"),
                connect_timeout=_WITHIN,
                sslmode="disable",  # `prefer` would knock twice
                gssencmode="disable",
                application_name="witness",
                autocommit=True,
            )
        except psycopg.OperationalError as e:
            raise _postgres(e) from None

    def ask(self) -> None:
        """One question."""
        try:
            self._connection.execute(self._query)
        except psycopg.Error as e:
            raise _postgres(e) from None

    def close(self) -> None:
        """Leaves."""
        self._connection.close()


def _postgres(error: psycopg.Error) -> TurnedAway:
    said = " ".join(str(error).split())
    if (error.sqlstate or "").startswith(_NOT_POSSIBLE):
        return TurnedAway("permission", said)
    if "password authentication failed" in said:
        return TurnedAway("password", said)
    if "is not permitted to log in" in said:
        return TurnedAway("switched off", said)
    ended = error.sqlstate or "server closed the connection" in said or "connection is lost" in said
    return TurnedAway("cut off" if ended else "unreachable", said)


class RedisSession:
    """A connection to Redis; raises TurnedAway where there is none to be had."""

    def __init__(self, lived: Lived, held: Held) -> None:
        self._key = lived.key
        self._client = redis.Redis(
            host=HOST,
            port=lived.port,
            username=held.text("username"),
            password=held.text("password"),
            max_connections=1,
            socket_timeout=_WITHIN,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        _asked_redis(self._client.ping, self._client)

    def ask(self) -> None:
        """One question."""
        _asked_redis(lambda: self._client.incr(self._key), self._client)

    def close(self) -> None:
        """Leaves."""
        self._client.close()


def _asked_redis(asks: Callable[[], object], client: redis.Redis) -> None:
    try:
        asks()
    except redis.RedisError as e:
        client.close()
        raise _redis(e) from None


def _redis(error: redis.RedisError) -> TurnedAway:
    said = " ".join(str(error).split())
    if isinstance(error, redis.exceptions.NoPermissionError):
        return TurnedAway("permission", said)
    if isinstance(error, redis.AuthenticationError):
        return TurnedAway("password", said)
    return TurnedAway("cut off" if isinstance(error, redis.ConnectionError) else "unreachable", said)


def session(lived: Lived, held: Held) -> Session:
    """Logs in; raises TurnedAway."""
    return PostgresSession(lived, held) if lived.kind == "postgres" else RedisSession(lived, held)
