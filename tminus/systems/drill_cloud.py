"""What of the cloud a drill may break."""

from typing import Annotated

from pydantic import Field

from tminus.credentials import SecretRef
from tminus.systems.drill_links import OutsideClient
from tminus.systems.section import Section


class RdsInstance(Section):
    """A database instance of Amazon RDS with a standby in another zone (Multi-AZ).

    Attributes:
        instance: its DBInstanceIdentifier, in the region of the environment's `aws`.
        dsn: how clients reach it, by its endpoint's name; may make the schema tminus_drill.
    """

    instance: str
    dsn: SecretRef


class AuroraCluster(Section):
    """A cluster of Amazon Aurora PostgreSQL with at least one reader.

    Attributes:
        cluster: its DBClusterIdentifier, in the region of the environment's `aws`.
        dsn: how clients reach it, by the name of its cluster endpoint; may make the schema tminus_drill.
    """

    cluster: str
    dsn: SecretRef


class ElastiCacheGroup(Section):
    """A replication group of Amazon ElastiCache of one node group, with automatic failover.

    Attributes:
        group: its ReplicationGroupId, in the region of the environment's `aws`.
        url: how clients reach it, by the name of its primary endpoint; may write any key.
    """

    group: str
    url: SecretRef


class FisExperiment(Section):
    """An experiment of AWS' Fault Injection Service.

    Attributes:
        template: the id of its experiment template (`EXT…`), in the region of the environment's `aws`.
        client: whoever uses what it breaks: what it sees is what is measured.
    """

    template: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,64}$")]
    client: OutsideClient
