"""A live PostgreSQL with so much data in it, and its encrypted dump in a bucket, for bench.backups."""

import asyncio
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import psycopg
from pyrage import x25519

from deployments.rehearsal.aws import Aws
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Processes
from tasks.backup_store import BackupStore
from tasks.backups.asked import Asked, Scratch, TakeAsked
from tasks.backups.take_postgres import DumpTaker
from tasks.estate import Estate
from tminus import events as ev
from tminus.backups.book import PostgresDump
from tminus.backups.manifest import BackupManifest
from tminus.clock import now
from tminus.environment import Environment
from tminus.release import no_release

TABLES = 200  # of the database with many
_A_ROW = 196  # bytes that one takes, with its part of two indexes; measured
_ACCOUNTS = 1000
_BOOK = {
    "kind": "postgres.dump",
    "title": "What is restored",
    "owner": "bench",
    "bucket": "backups",
    "every": "24h",
    "rpo": "1h",
    "rto": "1h",
    "invariants": [{"title": "there are accounts", "sql": "SELECT count(*) FROM accounts", "expect": f"= {_ACCOUNTS}"}],
}
_SCHEMA = """
    CREATE TABLE accounts (id int PRIMARY KEY, name text NOT NULL UNIQUE);
    INSERT INTO accounts SELECT g, 'account ' || g FROM generate_series(1, 1000) g;
    CREATE SCHEMA tminus;
    CREATE TABLE tminus.marker (number bigint PRIMARY KEY, at timestamptz NOT NULL);
    INSERT INTO tminus.marker VALUES (1, now());
"""
_TABLE = """
    CREATE TABLE {name} (
        id bigserial, account int NOT NULL, at timestamptz NOT NULL, amount numeric(12, 2) NOT NULL,
        reference uuid NOT NULL, note text NOT NULL CHECK (note <> ''));
    INSERT INTO {name} (account, at, amount, reference, note)
        SELECT 1 + g % 1000, now() - g * interval '1 s', g % 9973 / 7.0, gen_random_uuid(),
               md5(random()::text) || ' ' || md5(random()::text)
        FROM generate_series(1, {rows}) g;
    ALTER TABLE {name} ADD PRIMARY KEY (id);
    CREATE INDEX ON {name} (account);
    ALTER TABLE {name} ADD FOREIGN KEY (account) REFERENCES accounts;
"""


@dataclass(frozen=True)
class Place:
    """Where it all is: two servers that run, a folder, and the environment that leads to them.

    Attributes:
        variables: the secrets, for a process that is to find them too.
    """

    folder: Path
    postgres: Postgres
    environment: Environment
    variables: Mapping[str, str]

    def estate(self) -> Estate:
        """Opened."""
        return Estate(self.environment, no_release("bench"), "bench", self.folder)

    async def take(self, database: str) -> BackupManifest:
        """A dump of a database, encrypted, in the bucket."""
        folder = self.folder / f"take-{secrets.token_hex(4)}"
        await asyncio.to_thread(folder.mkdir)
        async with self.estate() as estate:
            settings = estate.environment.backups
            assert settings is not None
            bucket = BackupStore.open(estate, "backups")
            name, recipients = f"{database}-{secrets.token_hex(4)}", settings.recipients
            asked = TakeAsked(estate, "bench", database, book(database), bucket, name, recipients, folder)
            return await DumpTaker().take(asked)


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """The block in which the servers run. Secrets are in this process's environment from then on."""
    postgres, aws = Postgres.plan(folder / "live", standby=False), Aws.plan(folder)
    key = x25519.Identity.generate()
    with Processes() as processes:
        postgres.start(processes)
        aws.start(processes)
        variables = {
            "BENCH_DSN": postgres.address.dsn("postgres", database="postgres").get_secret_value(),
            "BENCH_KEY": aws.address.access_key_id,
            "BENCH_SECRET": aws.address.secret_access_key.get_secret_value(),
            "BENCH_IDENTITY": str(key),
        }
        os.environ.update(variables)
        yield Place(folder, postgres, _environment(folder, aws, str(key.to_public())), variables)


def _environment(folder: Path, aws: Aws, recipient: str) -> Environment:
    bucket = {"endpoint": aws.address.url, "bucket": aws.address.bucket, "region": aws.address.region}
    return Environment.model_validate(
        {
            "environment": "bench",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(folder / "ledger.sqlite")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(folder / "state"),
            "postgres": {name: {"dsn": f"env:BENCH_DSN_{name.upper()}"} for name in ("many", "one", "quarter")},
            "buckets": {"backups": {**bucket, "access_key": "env:BENCH_KEY", "secret_key": "env:BENCH_SECRET"}},
            "backups": {
                "recipients": [recipient],
                "identity": "env:BENCH_IDENTITY",
                "scratch": str(folder / "scratch"),
                "disk": "100 GB",
            },
        }
    )


def book(database: str) -> PostgresDump:
    """What the book says of it."""
    return PostgresDump.model_validate({**_BOOK, "database": database})


def make_database(at: Place, name: str, size: int, tables: int) -> int:
    """A database of about so many bytes in so many tables of one size; returns how many they are in fact."""
    address = at.postgres.address
    with psycopg.connect(address.dsn("postgres", database="postgres").get_secret_value(), autocommit=True) as admin:
        for setting in ("archive_command = '/bin/true'", "fsync = off", "max_wal_size = '4GB'"):
            admin.execute(f"ALTER SYSTEM SET {setting}".encode())
        admin.execute("SELECT pg_reload_conf()")
        admin.execute(f"CREATE DATABASE {name}".encode())
    dsn = address.dsn("postgres", database=name).get_secret_value()
    variable = f"BENCH_DSN_{name.upper()}"
    os.environ[variable] = dsn
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_SCHEMA)
        for number in range(tables):
            text = _TABLE.format(name=f"entries_{number:03}", rows=max(1, size // tables // _A_ROW))
            connection.execute(text.encode())
        connection.execute("VACUUM (FREEZE, ANALYZE)")
        [(found,)] = connection.execute("SELECT pg_database_size(current_database())").fetchall()
    return int(str(found))


def asked(at: Place, estate: Estate, database: str, manifest: BackupManifest, moment: datetime | None = None) -> Asked:
    """A backup to be verified in a scratch that is not there yet."""
    name = f"tminus-scratch-{database}-{secrets.token_hex(4)}"
    scratch = Scratch(name, at.folder / "scratch" / name, 100 * 10**9)
    bucket = BackupStore.open(estate, "backups")
    return Asked(estate, database, book(database), bucket, manifest, moment or now(), scratch)


def again(one: Asked) -> Asked:
    """The same in another scratch."""
    name = f"{one.scratch.name.rpartition('-')[0]}-{secrets.token_hex(4)}"
    return replace(one, scratch=Scratch(name, one.scratch.folder.parent / name, one.scratch.disk))


def recorded(one: Asked) -> ev.ScratchPlanned:
    """What the ledger would say of its scratch."""
    at = one.scratch
    return ev.ScratchPlanned(verification="bench", store=one.name, scratch=at.name, folder=str(at.folder), machine="")
