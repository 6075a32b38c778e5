"""Redis: its replicas, how far they are behind, and whether its data would survive a restart."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import ValidationError, model_validator

from tasks import redis_replicas
from tasks.check import Check
from tasks.estate import Estate
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation


class Replication(Check, frozen=True):
    """How many replicas follow, how far the slowest is behind, and what persistence is on.

    A heartbeat (a message on a channel that nobody reads) is sent through the replication stream. A replica
    that has not acknowledged it within 2 s does not count, whatever Redis calls its state; `lag` is how long
    the slowest of the others took, and `lag_bytes` what any replica online was still missing then. `role`
    is `primary` or `replica`. `persistence` is `aof` (also with snapshots besides), `rdb`, `none`, or
    `failing` where the last append or snapshot did not succeed. Without a replica, `lag` counts from the
    server's start and `lag_bytes` from the first byte of the stream.

    Attributes:
        redis: a primary's name in the environment's `redis` section.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "replicas": "",
        "lag": "s",
        "lag_bytes": "B",
        "role": "word",
        "persistence": "word",
        "used_memory": "B",
    }

    kind: Literal["redis.replication"] = "redis.replication"
    redis: str

    @model_validator(mode="after")
    def _counts_them(self) -> Self:
        if {"lag", "lag_bytes"} & set(self.expect) and "replicas" not in self.expect:
            raise ValueError("expect must also say how many `replicas`: one that is gone has no lag")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Reads INFO and waits for acknowledgements; raises CouldNotObserve."""
        async with estate.redis(self.redis) as client:
            try:
                seen = await redis_replicas.follow(client)
            except ValidationError as e:
                missing = ", ".join(str(error["loc"][0]) for error in e.errors())
                raise CouldNotObserve(f"redis {self.redis}: INFO does not say {missing}") from e
            persistence = await redis_replicas.persistence(client, seen.info)
        stream = seen.info.master_repl_offset
        found = [
            Measurement.number("replicas", seen.following, of=len(seen.replicas)),
            Measurement.number("lag", seen.lag if seen.following else seen.info.uptime_in_seconds, "s"),
            Measurement.number("lag_bytes", seen.lag_bytes, "B"),
            Measurement(name="role", word="primary" if seen.info.role == "master" else "replica"),
            Measurement.number("used_memory", seen.info.used_memory, "B"),
        ]
        if persistence is not None:
            found.append(Measurement(name="persistence", word=persistence))
        return Observation(
            found=tuple(found),
            where=f"redis {self.redis}",
            details=tuple(replica.line(stream) for replica in seen.replicas),
        )
