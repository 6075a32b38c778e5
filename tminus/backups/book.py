"""The book of a system's backups: each store, what its backups promise, and what must hold in a restored one."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from tminus.clock import Duration
from tminus.expectation import Expectation
from tminus.runbook import Slug


class Invariant(BaseModel, frozen=True, extra="forbid"):
    """Something that holds in this business whatever happens: `the ledger sums to zero`.

    Attributes:
        sql: a query for one number.
        expect: what that number must be.
    """

    title: str
    sql: str
    expect: Expectation


class Store(BaseModel, frozen=True, extra="forbid"):
    """One store that is backed up.

    Attributes:
        bucket: where its backups lie: a bucket's name in the environment's `buckets` section.
        every: how often a backup is taken.
        late: how long one may take to arrive.
        keep: for how long each is kept, and no longer.
        rpo: how much may be lost, by the newest mark in the newest backup.
        rto: how long a restore may take.
        verify_every: how long a verification counts.
        shrinks: by how much it may be smaller than the median of those before, in %.
        encrypted: whether it must be unreadable without the key.
        invariants: asked of the restored data.
    """

    title: str
    owner: str
    bucket: str
    every: Duration
    late: Duration = timedelta(hours=1)
    keep: Duration = timedelta(days=30)
    rpo: Duration
    rto: Duration
    verify_every: Duration = timedelta(hours=24)
    shrinks: Annotated[int, Field(ge=1, le=100)] = 50
    encrypted: bool = True
    invariants: tuple[Invariant, ...] = ()


class PostgresDump(Store, frozen=True):
    """A logical dump (pg_dump) of one database of the environment's `postgres` section."""

    kind: Literal["postgres.dump"]
    database: str


class PostgresBase(Store, frozen=True):
    """A base backup (pg_basebackup) with the WAL since, of a server of the environment's `postgres` section.

    Attributes:
        database: which of its databases is looked into once it is restored: that of the section's DSN.
        wal: the prefix in the bucket under which `tminus archive-wal` puts the WAL.
    """

    kind: Literal["postgres.base"]
    database: str
    wal: str = "wal"


class RedisRdb(Store, frozen=True):
    """An RDB file of a Redis of the environment's `redis` section."""

    kind: Literal["redis.rdb"]
    redis: str


class RedisAof(Store, frozen=True):
    """The append-only files of a Redis of the environment's `redis` section.

    Attributes:
        folder: where the server keeps them (its `dir` and `appenddirname`), readable from here.
    """

    kind: Literal["redis.aof"]
    redis: str
    folder: str


class S3Objects(Store, frozen=True):
    """The objects of a bucket, each with its version.

    Attributes:
        source: the bucket's name in the environment's `buckets` section.
    """

    kind: Literal["s3.objects"]
    source: str


class CockroachBackup(Store, frozen=True):
    """A backup that CockroachDB makes by itself, on a schedule, into a collection.

    Attributes:
        cluster: its name in the environment's section.
        database: which database is restored.
        collection: the collection's URI or external connection.
    """

    kind: Literal["cockroach.backup"]
    cluster: str
    database: str
    collection: str


AnyStore = Annotated[
    PostgresDump | PostgresBase | RedisRdb | RedisAof | S3Objects | CockroachBackup, Field(discriminator="kind")
]


class OnePoint(BaseModel, frozen=True, extra="forbid"):
    """Something that must agree between restored stores: as many orders in the database as in the cache.

    Attributes:
        title: what agrees.
        counts: store → the query (SQL, a Redis key pattern, or an object prefix) whose count it is.
    """

    title: str
    counts: dict[str, str] = Field(min_length=2)


class BackupBook(BaseModel, frozen=True, extra="forbid"):
    """`runbooks/SYSTEM/backups.yaml`.

    Attributes:
        backups: the system.
        stores: by name.
        together: stores that are restored to one point, and what must agree between them.
        may_restore: who may approve that live data are switched to a restored copy.
    """

    backups: Slug
    title: str
    stores: dict[Slug, AnyStore] = Field(min_length=1)
    together: tuple[OnePoint, ...] = ()
    may_restore: tuple[str, ...] = ()

    def named(self, names: tuple[str, ...]) -> Iterator[tuple[str, AnyStore]]:
        """These stores, or all where none is named."""
        yield from ((name, store) for name, store in self.stores.items() if not names or name in names)
