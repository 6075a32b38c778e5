"""Databases, caches and queues that readiness asks, beside those a launch needs."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from tminus.credentials import SecretRef
from tminus.systems.section import Section

_Release = Annotated[str, StringConstraints(pattern=r"^v\d+\.\d+$")]


class Postgres(Section):
    """A PostgreSQL primary; its standbys are found in pg_stat_replication, never in a list.

    Attributes:
        bin: the folder of PostgreSQL's own tools, where they are not found by themselves.
        restorer: as whom `tminus restore` makes and renames databases, and nobody else does; `dsn` where none is named.
        rotator: as whom `tminus rotate` changes logins, and nobody else does; `dsn` where none is named.
    """

    dsn: SecretRef
    bin: Path | None = None
    restorer: SecretRef | None = None
    rotator: SecretRef | None = None


class Redis(Section):
    """A Redis primary; its replicas are found in INFO replication.

    Attributes:
        rotator: as whom `tminus rotate` changes users' passwords, there and on the replicas; `url` where none is named.
    """

    url: SecretRef
    rotator: SecretRef | None = None


class Bucket(Section):
    """An S3 bucket."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key: SecretRef | None = None
    secret_key: SecretRef | None = None


class Cockroach(Section):
    """A CockroachDB cluster, by its SQL port.

    Attributes:
        scratch: another entry of this section: a cluster that holds nothing live, in which this one's backups are
            restored to be looked at, by credentials that lead to no live one.
        kms: the URI of the key with which its backups are encrypted.
        passphrase: the same, where a passphrase is used.
        proven_on: versions such as `v24.3` on which somebody has seen a verification of its backups do right.
        rotator: as whom `tminus rotate` changes logins, and nobody else does; `dsn` where none is named.
        rotation_proven_on: versions on which somebody has seen a rotation of logins do right.
    """

    dsn: SecretRef
    scratch: str = ""
    kms: SecretRef | None = None
    passphrase: SecretRef | None = None
    proven_on: tuple[_Release, ...] = ()
    rotator: SecretRef | None = None
    rotation_proven_on: tuple[_Release, ...] = ()


class Sentinels(Section):
    """Redis Sentinels that watch one primary.

    Attributes:
        urls: each Sentinel's URL; all are asked, since one may believe what the others do not.
        primary: the name under which they watch it.
    """

    urls: tuple[SecretRef, ...] = Field(min_length=1)
    primary: str


class Kafka(Section):
    """A Kafka cluster.

    Attributes:
        bootstrap: `host:port,host:port`.
        username: for SASL (SCRAM-SHA-512 over TLS); with it goes `password`.
    """

    plain_addresses: ClassVar[tuple[str, ...]] = ()

    bootstrap: str
    username: str = ""
    password: SecretRef | None = None
    ca_file: Path | None = None


class Aws(Section):
    """An AWS account and region. Without keys the usual ways of the AWS client find them.

    Attributes:
        endpoint: another address than AWS's own, such as a local one in a rehearsal.
    """

    plain_addresses: ClassVar[tuple[str, ...]] = ("endpoint",)

    region: str
    endpoint: str | None = None
    access_key: SecretRef | None = None
    secret_key: SecretRef | None = None
