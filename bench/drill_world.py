"""What the servers of a drill are by their own word, without a line of what drills them."""

from contextlib import closing, suppress
from dataclasses import dataclass

import psycopg
import redis
from pydantic import SecretStr

from deployments.rehearsal.drill_estate import DrillEstate

_REPLICAS = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"


@dataclass(frozen=True)
class World:
    """How many servers there are of each role.

    Attributes:
        writable: PostgreSQL servers that take writes.
        streaming: PostgreSQL servers that stream from one that does.
        restorable: PostgreSQL servers without a standby that take writes.
        masters: Redis servers that take writes.
        linked: Redis servers whose link to one that does is up.
        cannot: servers that do not answer.
    """

    writable: int = 0
    streaming: int = 0
    restorable: int = 0
    masters: int = 0
    linked: int = 0
    cannot: int = 0


def look(estate: DrillEstate) -> World:
    """As it is now."""
    postgres = [_postgres(estate, standby=standby) for standby in (False, True)]
    records = _asked(estate.records.address.dsn("postgres"))
    caches = [_redis(estate, replica=replica) for replica in (False, True)]
    return World(
        writable=sum(one is not None and not one[0] for one in postgres),
        streaming=sum(one[1] for one in postgres if one is not None and not one[0]),
        restorable=int(records is not None and not records[0]),
        masters=sum(one == ("master", "") for one in caches),
        linked=sum(one == ("slave", "up") for one in caches),
        cannot=[*postgres, records, *caches].count(None),
    )


def takes_writes(dsn: SecretStr) -> bool:
    """Whether that PostgreSQL server answers and is no standby."""
    found = _asked(dsn)
    return found is not None and not found[0]


def _postgres(estate: DrillEstate, *, standby: bool) -> tuple[bool, int] | None:
    return _asked(estate.postgres.address.dsn("postgres", standby=standby))


def _asked(dsn: SecretStr) -> tuple[bool, int] | None:
    with suppress(psycopg.Error), closing(psycopg.connect(dsn.get_secret_value(), connect_timeout=2)) as connection:
        recovering = connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        [streaming] = connection.execute(_REPLICAS).fetchone() or (0,)
        return recovering, int(streaming)
    return None


def _redis(estate: DrillEstate, *, replica: bool) -> tuple[str, str] | None:
    url = estate.redis.address.dsn(replica=replica)
    with suppress(redis.exceptions.RedisError), closing(redis.Redis.from_url(url.get_secret_value())) as client:
        told = client.info("replication")
        return str(told["role"]), str(told.get("master_link_status", ""))
    return None
