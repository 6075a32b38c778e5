"""What a Redis says about its replicas, its persistence and its memory."""

from collections.abc import Mapping
from decimal import Decimal
from time import monotonic
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import redis.asyncio

_PATIENCE = 2.0  # seconds the replicas have to acknowledge a heartbeat

Persistence = Literal["aof", "rdb", "none", "failing"]


class Replica(BaseModel, frozen=True):
    """One `slaveN` line: its address, state, replication offset and seconds since it last acknowledged."""

    ip: str
    port: int
    state: str
    offset: int
    lag: int

    @property
    def online(self) -> bool:
        """Whether its first copy is complete and it follows the stream."""
        return self.state == "online"

    def line(self, master_offset: int) -> str:
        """For the evidence; `master_offset` is in bytes."""
        behind = max(master_offset - self.offset, 0)
        return f"replica {self.ip}:{self.port}: {self.state}, {behind} B behind, acknowledged {self.lag} s ago"


class Info(BaseModel):
    """The fields of INFO that are judged. See https://redis.io/docs/latest/commands/info/."""

    model_config = ConfigDict(extra="allow", frozen=True)

    role: str
    master_repl_offset: int
    used_memory: int
    uptime_in_seconds: int
    aof_enabled: bool
    aof_last_write_status: str = "ok"
    rdb_last_bgsave_status: str = "ok"
    master_link_status: str | None = None
    connected: int = Field(alias="connected_slaves", default=0)

    def replicas(self) -> tuple[Replica, ...]:
        """Every replica connected, whatever its state."""
        lines = [value for key, value in (self.model_extra or {}).items() if key.removeprefix("slave").isdigit()]
        return tuple(Replica.model_validate(line) for line in lines if isinstance(line, Mapping))


class Replication(BaseModel, frozen=True):
    """A Redis and its replicas at one moment.

    Attributes:
        replicas: all that are connected.
        following: how many of them had acknowledged a heartbeat within 2 s.
        lag: seconds until the slowest of those had.
        lag_bytes: how much of what was written before the heartbeat a replica online had not acknowledged by then;
            all of it where none is online.
    """

    info: Info
    replicas: tuple[Replica, ...]
    following: int
    lag: Decimal
    lag_bytes: int


async def follow(client: "redis.asyncio.Redis") -> Replication:
    """Sends a heartbeat through the replication stream and waits for acknowledgements; RedisError passes through.

    The heartbeat is a message on a channel that nobody reads: it reaches every replica and leaves no key.
    """
    async with client.client() as connection:  # WAIT is about what was written on the same connection
        before = Info.model_validate(await connection.info())
        online = sum(replica.online for replica in before.replicas())
        started, following = monotonic(), 0
        if online and before.role == "master":
            await connection.publish("tminus:heartbeat", "")
            following = int(await connection.wait(online, int(_PATIENCE * 1000)))
        waited = Decimal(repr(round(monotonic() - started, 6)))
        after = Info.model_validate(await connection.info())
    missing = [before.master_repl_offset - replica.offset for replica in after.replicas() if replica.online]
    return Replication(
        info=after,
        replicas=after.replicas(),
        following=following,
        lag=waited,
        lag_bytes=max([0, *missing]) if missing else after.master_repl_offset,
    )


async def persistence(client: "redis.asyncio.Redis", info: Info) -> Persistence | None:
    """How data survives a restart; None where the server does not tell whether snapshots are scheduled.

    `failing` is a Redis whose last append or snapshot did not succeed, whatever is configured.
    """
    import redis.exceptions

    if "err" in {info.aof_last_write_status if info.aof_enabled else "ok", info.rdb_last_bgsave_status}:
        return "failing"
    if info.aof_enabled:
        return "aof"
    try:
        schedule = await client.config_get("save")
    except redis.exceptions.ResponseError:  # CONFIG is taken away on managed Redis
        return None
    return "rdb" if schedule.get("save") else "none"
