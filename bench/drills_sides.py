"""PostgreSQL and Redis as bench.drills has hold of them: their replication, and what they had when they died."""

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

import psycopg
import redis

from bench.drill_truth import (
    Truth,
    postgres_rows,
    postgres_rows_of_the_dead,
    postgres_table,
    redis_elements,
    redis_elements_of_the_dead,
)
from deployments.rehearsal.drill_estate import DrillEstate
from deployments.rehearsal.machine_plan import PlannedMachine, read_plan
from deployments.rehearsal.postgres_restore import lost

_SENDERS = "SELECT pid FROM pg_stat_replication"
_FOLLOWING = ("ACL", "SETUSER", "default")
_HASTE = "1000"  # milliseconds; twice that goes by before one Sentinel fails over again


class Side(ABC):
    """The servers of an estate, as they are broken.

    Attributes:
        wait: between how many seconds until the kill the seed chooses, besides the writes' own lead.
    """

    wait = (0.0, 0.3)

    def __init__(self, estate: DrillEstate) -> None:
        self.estate = estate
        self.copy = Path(estate.folder) / "truth"

    def note(self, primary: str) -> None:  # noqa: B027  # most need to know nothing
        """What must be known of one that is about to be killed."""

    @abstractmethod
    def held(self, primary: str) -> AbstractContextManager[None]:
        """The block in which nothing more of what the primary writes gets to the other; nobody else notices."""

    @abstractmethod
    def truth(self, dead: str) -> Truth:
        """By the files of one that does not run, and by the other. Raises TruthUnknown."""

    def machine(self, name: str) -> PlannedMachine:
        """As its power switch knows it."""
        return read_plan(self.estate.plan, name)

    def resolved(self, name: str) -> str:
        """What an environment variable of the estate holds."""
        return self.estate.environment()[f"TMINUS_DRILL_{name}"]


class PostgresSide(Side):
    """The `walsender` of the primary is stopped, which a kill ends like all others."""

    @contextmanager
    def held(self, primary: str) -> Iterator[None]:
        """See Side."""
        with psycopg.connect(self.resolved(f"PG_{primary.upper()}")) as connection:
            senders = [int(pid) for (pid,) in connection.execute(_SENDERS)]
        for pid in senders:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in senders:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def truth(self, dead: str) -> Truth:
        """See Side."""
        heir, machine = self.resolved(f"PG_{_other(dead).upper()}"), self.machine(f"pg-{dead}")
        table, tools = postgres_table(heir), machine.tools
        assert tools is not None, "a PostgreSQL's plan names its programs"
        database = self.estate.postgres.address.database
        old = postgres_rows_of_the_dead(machine.data, self.copy, table, database, tools, machine.prefix)
        for segment in machine.data.with_name(
            "archive"
        ).iterdir():  # nobody restores here, and a thousand would fill it
            segment.unlink()
        return Truth(old, postgres_rows(heir, table))


class RestoredSide(Side):
    """What was lost is kept beside it by the rehearsal; what was not archived yet is on that alone, be it the table."""

    wait = (0.0, 3.0)

    def __init__(self, estate: DrillEstate) -> None:
        super().__init__(estate)
        self._table = ""

    def note(self, primary: str) -> None:  # noqa: ARG002  # there is one server
        """See Side."""
        self._table = postgres_table(self.resolved("RECORDS"))

    def held(self, primary: str) -> AbstractContextManager[None]:  # noqa: ARG002  # nobody follows
        """See Side: the archive is behind by itself."""
        return nullcontext()

    def truth(self, dead: str) -> Truth:
        """See Side."""
        restored, machine = self.resolved("RECORDS"), self.machine(dead)
        table, tools = self._table, machine.tools
        assert tools is not None, "a PostgreSQL's plan names its programs"
        database = self.estate.records.address.database
        old = postgres_rows_of_the_dead(lost(machine), self.copy, table, database, tools, machine.prefix)
        return Truth(old, postgres_rows(restored, table))


class RedisSide(Side):
    """The replica is cut off, and may not follow again: the primary alone knows that, until it is killed.

    A setting of the replica would be written to its file by whichever Sentinel promotes it.
    """

    def __init__(self, estate: DrillEstate) -> None:
        super().__init__(estate)
        for at in range(len(estate.sentinels.ports)):
            with redis.Redis.from_url(self.resolved(f"SENTINEL_{at}")) as sentinel:
                sentinel.execute_command("SENTINEL", "SET", "cache", "failover-timeout", _HASTE)

    @contextmanager
    def held(self, primary: str) -> Iterator[None]:
        """See Side."""
        with self._client(primary) as client:
            client.execute_command(*_FOLLOWING, "-psync", "-sync")
            client.client_kill_filter(_type="replica")
            try:
                yield
            finally:
                with suppress(redis.exceptions.ConnectionError):
                    client.execute_command(*_FOLLOWING, "+psync", "+sync")

    def truth(self, dead: str) -> Truth:
        """See Side."""
        machine = self.machine(f"redis-{dead}")
        old = redis_elements_of_the_dead(machine.data, self.copy, Path(machine.argv[0]))
        with self._client(_other(dead)) as heir:
            return Truth(old, redis_elements(heir))

    def _client(self, name: str) -> "redis.Redis":
        return redis.Redis.from_url(self.resolved(f"REDIS_{name.upper()}"), decode_responses=True)


def _other(name: str) -> str:
    return "b" if name == "a" else "a"
