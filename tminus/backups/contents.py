"""What a store held when it was backed up, counted in the snapshot that was taken: what a restore is held against."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, PlainSerializer

_EXACT = 2**53  # JSON's numbers are exact up to here (RFC 8785 takes no larger ones)
Position = Annotated[int, PlainSerializer(lambda value: value if abs(value) < _EXACT else str(value), when_used="json")]
"""A sequence's value: 64 bits, so written as text where JSON would lose some."""


class Marker(BaseModel, frozen=True, extra="forbid"):
    """One of the numbered marks that tminus writes through every store, by which loss is measured.

    Attributes:
        number: it grows by one with each mark; the same number goes through all stores of a system.
        at: when it was written, by the clock of whoever wrote it.
    """

    number: Annotated[int, Field(ge=0)]
    at: AwareDatetime


class TableContents(BaseModel, frozen=True, extra="forbid"):
    """One table: its rows, and a checksum over them that does not depend on their order."""

    rows: Annotated[int, Field(ge=0)]
    checksum: str


class PostgresContents(BaseModel, frozen=True, extra="forbid"):
    """A PostgreSQL database.

    Attributes:
        schema_lines: section (`columns`, `constraints`, `indexes`, `owners`, `privileges`, `extensions` …) → one line
            for each object, as the catalogue describes it, sorted.
        tables: `schema.name` → what it holds.
        sequences: `schema.name` → the last value that was handed out; None where none was.
        encoding: of the database, with its collation and character type.
        sequences_upto: `schema.name` → how far recovery from the WAL may bring it, since PostgreSQL logs values ahead.
        moving: tables that were written to while they were counted, so that what was counted is of no place in the WAL.
    """

    of: Literal["postgres"] = "postgres"
    schema_lines: dict[str, tuple[str, ...]]
    tables: dict[str, TableContents]
    sequences: dict[str, Position | None]
    encoding: str
    sequences_upto: dict[str, Position] = {}
    moving: tuple[str, ...] = ()


class ExpiringKeys(BaseModel, frozen=True, extra="forbid"):
    """The keys of one Redis database whose time to live ends within one stretch of time after the backup.

    Attributes:
        after: seconds from the backup's `taken_at` to the stretch's beginning; it ends where the next one begins.
        keys: how many.
        checksum: over keys, types, values and the moments at which they expire, whatever their order.
    """

    after: int
    keys: int
    checksum: str


class KeyCensus(BaseModel, frozen=True, extra="forbid"):
    """The keys of one Redis database.

    Attributes:
        keys: how many.
        types: type → how many keys are of it, of those that had not expired when they were counted.
        expiring: how many have a time to live, those included that had expired and were not deleted yet.
        checksum: over key, type and value of the keys without a time to live, whatever their order.
        horizons: the keys with a time to live, by when it ends; what has not expired when a restored copy is looked at
            can be held against it.
    """

    keys: int
    types: dict[str, int]
    expiring: int
    checksum: str
    horizons: tuple[ExpiringKeys, ...] = ()


class RedisContents(BaseModel, frozen=True, extra="forbid"):
    """A Redis: its databases by number, and the functions and ACL users that belong to it."""

    of: Literal["redis"] = "redis"
    databases: dict[int, KeyCensus]
    functions: tuple[str, ...] = ()


class ObjectsContents(BaseModel, frozen=True, extra="forbid"):
    """A set of S3 objects; the list itself is one of the backup's files.

    Attributes:
        objects: how many.
        size: bytes of all of them.
        checksum: over all that the list says of each (key, version, size, SHA-256, content type, metadata), in the
            order of keys.
    """

    of: Literal["objects"] = "objects"
    objects: int
    size: int
    checksum: str


class CockroachContents(BaseModel, frozen=True, extra="forbid"):
    """A CockroachDB database: rows by table."""

    of: Literal["cockroach"] = "cockroach"
    tables: dict[str, int]


Contents = Annotated[PostgresContents | RedisContents | ObjectsContents | CockroachContents, Field(discriminator="of")]
