"""The book of a system's backups: each store, what its backups promise, and what must hold in a restored one."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from tminus.backups.halted import Halted
from tminus.backups.together_book import Together
from tminus.backups.together_query import IdPattern, RedisSet
from tminus.clock import Duration
from tminus.errors import UsageError
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


class BackupBook(BaseModel, frozen=True, extra="forbid"):
    """`runbooks/SYSTEM/backups.yaml`.

    Attributes:
        backups: the system.
        stores: by name.
        together: groups of stores, by name, that must agree with each other once they are restored.
        may_restore: who may approve that live data are switched to a restored copy.
        halted: what must hold while they are: without it nothing live is switched.
    """

    backups: Slug
    title: str
    stores: dict[Slug, AnyStore] = Field(min_length=1)
    together: dict[Slug, Together] = Field(default_factory=dict)
    may_restore: tuple[str, ...] = ()
    halted: Halted | None = None

    def named(self, names: tuple[str, ...]) -> Iterator[tuple[str, AnyStore]]:
        """These stores, or all where none is named."""
        yield from ((name, store) for name, store in self.stores.items() if not names or name in names)

    @model_validator(mode="after")
    def _askable(self) -> Self:
        """A question that nobody could answer is a mistake in the book, and not one at night."""
        for group, together in self.together.items():
            for one in together.agree:
                if unknown := {*one.ids, *one.partial} - set(self.stores):
                    raise ValueError(f"together.{group}: {one.title!r} names no store {', '.join(sorted(unknown))}")
                if not set(one.ids) - set(one.partial):
                    raise ValueError(f"together.{group}: {one.title!r} wants a store that is not `partial`")
                for name, question in one.ids.items():
                    _require_question(self.stores[name], question, f"together.{group}: {one.title!r}, {name}")
        return self


def _require_question(store: AnyStore, question: str, where: str) -> None:
    try:
        match store:
            case RedisRdb() | RedisAof():
                RedisSet.parse(question)
            case S3Objects():
                IdPattern.parse(question)
            case _ if not question.strip():
                raise ValueError(f"{where}: the query is empty")
    except UsageError as e:
        raise ValueError(f"{where}: {e}") from e
