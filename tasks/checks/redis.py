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
    """How many replicas are online, how far the slowest is behind, and what persistence is on.

    `lag` (s) is the time until every replica online acknowledged what had been written at the first look
    (WAIT), or the seconds since one last acknowledged anything, where that is more than its period of 1 s.
    `lag_bytes` is what the slowest still had not acknowledged then. `role` is `primary` or `replica`.
    `persistence` is `aof` (also with snapshots besides), `rdb`, `none`, or `failing` where the last append
    or snapshot did not succeed. Without a replica, `lag` counts from the server's start and `lag_bytes`
    from the first byte of the stream.

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
                seen = await redis_replicas.read(client)
            except ValidationError as e:
                missing = ", ".join(str(error["loc"][0]) for error in e.errors())
                raise CouldNotObserve(f"redis {self.redis}: INFO does not say {missing}") from e
            persistence = await redis_replicas.persistence(client, seen.info)
        following = sum(replica.online for replica in seen.replicas)
        found = [
            Measurement.number("replicas", following, of=len(seen.replicas)),
            Measurement(name="role", word="primary" if seen.info.role == "master" else "replica"),
            Measurement.number("used_memory", seen.info.used_memory, "B"),
        ]
        if not following:
            found.append(Measurement.number("lag", seen.info.uptime_in_seconds, "s"))
            found.append(Measurement.number("lag_bytes", seen.info.master_repl_offset, "B"))
        else:
            found.append(Measurement.number("lag_bytes", seen.lag_bytes, "B"))
            if seen.lag is not None:
                found.append(Measurement.number("lag", seen.lag, "s"))
        if persistence is not None:
            found.append(Measurement(name="persistence", word=persistence))
        return Observation(
            found=tuple(found),
            where=f"redis {self.redis}",
            details=tuple(replica.line(seen.info.master_repl_offset) for replica in seen.replicas),
        )
