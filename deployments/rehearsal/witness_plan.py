"""What a witness is told: where Secrets Manager is, by which secrets its clients live, how often they come."""

from typing import Literal

from pydantic import BaseModel, SecretStr, field_serializer

from deployments.rehearsal.addresses import AwsAddress

Kind = Literal["postgres", "redis", "jwt"]


class Lived(BaseModel, frozen=True, extra="forbid"):
    """A secret by which clients live.

    Attributes:
        arm: whose rotations it undergoes; counts are kept apart by it.
        port, database: of the server on 127.0.0.1; of a signing key neither is used.
        query: what a client asks PostgreSQL once it is in; it must be allowed to.
        key: what a client writes in Redis once it is in.
        jwks: where whoever verifies finds the public keys.
        rate: log-ins a second, evenly spaced.
        pools: long-lived connections, besides.
        holds: for how many seconds a client may hold the value that it read; 0 takes the plan's.
    """

    arm: str
    kind: Kind
    secret: str
    port: int = 0
    database: str = ""
    query: str = "SELECT 1"
    key: str = ""
    jwks: str = ""
    rate: float
    pools: int = 0
    holds: float = 0.0


class WitnessPlan(BaseModel, frozen=True, extra="forbid"):
    """All that one witness is told.

    Attributes:
        reads_every: for how many seconds a client holds a value that it read from Secrets Manager.
        pool_lives: how many seconds a pool's connection stays open until it is replaced by one with today's value.
        pool_asks_every: seconds between two questions on a pool's connection.
        token_lives: how many seconds a token is valid.
        late_after: a log-in that begins so many seconds after its time is late.
    """

    aws: AwsAddress
    lived: tuple[Lived, ...]
    reads_every: float = 1.0
    pool_lives: float = 3.0
    pool_asks_every: float = 0.5
    token_lives: float = 2.0
    late_after: float = 0.25

    def held_for(self, lived: Lived) -> float:
        """Seconds."""
        return lived.holds or self.reads_every

    def written(self) -> str:
        """As JSON with AWS's key in it, for a file or a pipe that nobody else reads."""
        return _Written.model_validate(self.model_dump()).model_dump_json()


class _WrittenAws(AwsAddress):
    @field_serializer("secret_access_key", when_used="json")
    def _plain(self, value: SecretStr) -> str:
        return value.get_secret_value()


class _Written(WitnessPlan, frozen=True):
    aws: _WrittenAws
