"""What a store held when it was backed up, counted in the snapshot that was taken: what a restore is held against."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field


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
    """

    of: Literal["postgres"] = "postgres"
    schema_lines: dict[str, tuple[str, ...]]
    tables: dict[str, TableContents]
    sequences: dict[str, int | None]
    encoding: str


class KeyCensus(BaseModel, frozen=True, extra="forbid"):
    """The keys of one Redis database.

    Attributes:
        keys: how many.
        types: type → how many keys are of it.
        expiring: how many have a time to live.
        checksum: over keys, types and values, whatever their order; times to live are counted, not summed.
    """

    keys: int
    types: dict[str, int]
    expiring: int
    checksum: str


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
        checksum: over key, size, SHA-256 and version of each, in the order of keys.
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
