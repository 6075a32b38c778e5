"""Servers that drills may break: PostgreSQL with a standby, one with a backup, Redis with Sentinels; and a ledger."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import JsonValue, SecretStr
from ruamel.yaml import YAML

from deployments.rehearsal.addresses import HOST, plain
from deployments.rehearsal.machine_plan import write_plan
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.postgres_restore import take_backup
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.redis_sentinel import Sentinels
from deployments.rehearsal.redis_servers import Redis
from deployments.rehearsal.standing import Standing

_SETTINGS = ("wal_log_hints = on", "wal_keep_size = '128MB'")  # so that whoever was the primary can be rewound
_ARCHIVED = ("archive_timeout = '1s'", "min_wal_size = '8MB'")  # so that a second is lost, and not an hour
_FOLLOWERS = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
_SWITCH = (sys.executable, "-m", "deployments.rehearsal.machinectl")
_SYNCHRONOUS = "synchronous_standby_names = 'standby'"
_PRIMARY = "cache"  # what the Sentinels call it
_QUORUM = "2"


class DrillEstate(Standing):
    """The servers, in `folder`; a `with` block in which they run, and after which none does.

    Args:
        folder: where all files go.
        synchronous: whether a commit waits for the standby.
        lead_in: how long writes go on before anything is broken.
        approval: the roles of which one is asked before it is.
    """

    def __init__(
        self, folder: Path, *, synchronous: bool = False, lead_in: str = "3s", approval: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self._lead_in = lead_in
        self._approval = approval
        self.processes = Processes()
        settings = (*_SETTINGS, *([_SYNCHRONOUS] if synchronous else []))
        self.postgres = Postgres.plan(folder / "postgres", database="trading", settings=settings, rejoins=True)
        self.records = Postgres.plan(
            folder / "records", database="records", standby=False, settings=_ARCHIVED, rejoins=True, segment=1
        )
        self.redis = Redis.plan(folder / "redis")
        self.sentinels = Sentinels.plan(folder / "sentinels", self.redis.address, primary=_PRIMARY)
        self.plan = folder / "machines.json"
        self.environment_file = folder / "environment.yaml"
        self.book = folder / "drills.yaml"

    def stand(self, ending: ExitStack) -> None:
        """See Standing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ending.enter_context(self.processes)
        self.postgres.start(self.processes)
        self.records.start(self.processes)
        take_backup(self.records.machines()["primary"])
        self.redis.start(self.processes)
        self.sentinels.start(self.processes)
        self._write()

    def environment(self) -> dict[str, str]:
        """What every process of a drill sees: resolved secrets, and the mark by which what it starts ends with us."""
        address, redis = self.postgres.address, self.redis.address
        nodes = {
            "TMINUS_DRILL_PG_A": address.dsn("postgres"),
            "TMINUS_DRILL_PG_B": address.dsn("postgres", standby=True),
            "TMINUS_DRILL_RECORDS": self.records.address.dsn("postgres"),
            "TMINUS_DRILL_REDIS_A": redis.dsn(),
            "TMINUS_DRILL_REDIS_B": redis.dsn(replica=True),
        }
        watchers = {f"TMINUS_DRILL_SENTINEL_{at}": self.sentinels.url(at) for at in range(len(self.sentinels.ports))}
        return {**plain({**nodes, **watchers}), **self.processes.mark()}

    def seen(self) -> dict[str, str]:
        """The same beside this process's own variables."""
        return {**os.environ, **self.environment()}

    def writable(self) -> tuple[SecretStr, SecretStr]:
        """The addresses of PostgreSQL's primary and of its standby, as they stand now."""
        addresses = [self.postgres.address.dsn("postgres", standby=standby) for standby in (False, True)]
        with psycopg.connect(addresses[0].get_secret_value()) as connection:
            follows = connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        return (addresses[1], addresses[0]) if follows else (addresses[0], addresses[1])

    def rejoin(self, standby: SecretStr, primary: SecretStr) -> None:
        """Has a PostgreSQL server follow another, as whoever runs it would by hand; comes back once it streams."""
        name = "pg-a" if standby == self.postgres.address.dsn("postgres") else "pg-b"
        subprocess.run([*_SWITCH, str(self.plan), "rejoin", name, "--primary", _place(primary)], check=True)
        with psycopg.connect(primary.get_secret_value(), autocommit=True) as connection:
            while connection.execute(_FOLLOWERS).fetchone() != (1,):
                time.sleep(0.05)

    def _write(self) -> None:
        postgres, redis = self.postgres.machines(), self.redis.machines()
        known = {"pg-a": postgres["primary"], "pg-b": postgres["standby"]}
        known |= {"records": self.records.machines()["primary"]}
        known |= {"redis-a": redis["primary"], "redis-b": redis["replica"]}
        mark = self.processes.mark()
        write_plan(
            self.plan,
            {name: one.model_copy(update={"environment": {**one.environment, **mark}}) for name, one in known.items()},
        )
        _write_yaml(self.environment_file, self._environment())
        asked: dict[str, JsonValue] = {"approval": list(self._approval), "lead_in": self._lead_in}
        scenarios: JsonValue = {name: {**one, **asked} for name, one in BOOK.items()}
        _write_yaml(self.book, {"drills": "tradesense", "title": "The rehearsal's drills", "scenarios": scenarios})

    def _environment(self) -> JsonValue:
        return {
            "environment": "drills",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(self.folder / "ledger.sqlite")},
            "prefect": {"api": f"http://{HOST}:1/api"},
            "state": str(self.folder / "state"),
            "lease": "5s",
            "sentinels": {
                _PRIMARY: {
                    "urls": [f"env:TMINUS_DRILL_SENTINEL_{at}" for at in range(len(self.sentinels.ports))],
                    "primary": _PRIMARY,
                }
            },
            "drills": {
                "settles": "0s",
                "patience": "60s",
                "postgres": {
                    "main": {
                        "nodes": {
                            "a": {"dsn": "env:TMINUS_DRILL_PG_A", **self._switch("pg-a"), **self._rejoin("pg-a")},
                            "b": {"dsn": "env:TMINUS_DRILL_PG_B", **self._switch("pg-b"), **self._rejoin("pg-b")},
                        }
                    }
                },
                "restorable": {
                    "records": {
                        "dsn": "env:TMINUS_DRILL_RECORDS",
                        **self._switch("records"),
                        **self._restoring("records"),
                    }
                },
                "redis": {
                    "cache": {
                        "sentinels": _PRIMARY,
                        "nodes": {
                            "a": {
                                "url": "env:TMINUS_DRILL_REDIS_A",
                                **self._switch("redis-a"),
                                **self._rejoin("redis-a"),
                            },
                            "b": {
                                "url": "env:TMINUS_DRILL_REDIS_B",
                                **self._switch("redis-b"),
                                **self._rejoin("redis-b"),
                            },
                        },
                    }
                },
            },
        }

    def _switch(self, name: str) -> dict[str, JsonValue]:
        return {deed: {"argv": self._argv(deed, name), "timeout": "30s"} for deed in ("probe", "kill", "start")}

    def _rejoin(self, name: str) -> dict[str, JsonValue]:
        return {"rejoin": {"argv": [*self._argv("rejoin", name), "--primary", "{primary}"], "timeout": "60s"}}

    def _restoring(self, name: str) -> dict[str, JsonValue]:
        deeds: dict[str, JsonValue] = {
            deed.replace("-", "_"): {"argv": self._argv(deed, name), "timeout": "60s"}
            for deed in ("ready", "lose", "give-back")
        }
        restore: list[JsonValue] = [*self._argv("restore", name), "--until", "{until}"]
        return {**deeds, "restore": {"argv": restore, "timeout": "90s"}}

    def _argv(self, deed: str, name: str) -> list[JsonValue]:
        return [*_SWITCH, str(self.plan), deed, name]


BOOK: dict[str, dict[str, JsonValue]] = {
    "database-failover": {
        "kind": "postgres.failover",
        "title": "The database's primary dies",
        "owner": "devops_lead",
        "rto": "1h",
        "rpo": "1h",
        "cluster": "main",
    },
    "records-restore": {
        "kind": "postgres.restore",
        "title": "The records' database is lost",
        "owner": "devops_lead",
        "rto": "1h",
        "rpo": "1h",
        "server": "records",
    },
    "cache-failover": {
        "kind": "redis.failover",
        "title": "The cache's primary dies",
        "owner": "devops_lead",
        "rto": "1h",
        "rpo": "1h",
        "group": "cache",
    },
}
"""The scenarios of the rehearsal's own book."""


def _place(dsn: SecretStr) -> str:
    parts = conninfo_to_dict(dsn.get_secret_value())
    return f"{parts['host']}:{parts['port']}"


def _write_yaml(path: Path, data: JsonValue) -> None:
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(data, file)
