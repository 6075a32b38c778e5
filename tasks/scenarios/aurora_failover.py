"""An Aurora cluster is made to fail over to one of its readers."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from tasks.aws_client import MARKER, Answer, AwsService
from tasks.estate import Estate, named
from tasks.scenarios.cloud_failover import CloudFailover, Condition
from tasks.scenarios.failover_events import Turns
from tasks.scenarios.scenario import Clients, Site
from tminus.errors import CouldNotObserve
from tminus.systems.drill_cloud import AuroraCluster


class _Member(Answer):
    name: str = Field(alias="DBInstanceIdentifier")
    writes: bool = Field(default=False, alias="IsClusterWriter")


class Cluster(Answer):
    """What AWS says of a cluster.

    See https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBCluster.html.
    """

    status: str
    members: Sequence[_Member] = Field(default=(), alias="DBClusterMembers")

    @property
    def writers(self) -> Sequence[str]:
        """The instances that write; one, where all is well."""
        return [one.name for one in self.members if one.writes]

    @property
    def readers(self) -> Sequence[str]:
        """The others."""
        return [one.name for one in self.members if not one.writes]

    def wrong(self, states: Mapping[str, str]) -> str:
        """Why it could not fail over now; "" where it could.

        Args:
            states: of its instances, by their names.
        """
        if self.status != "available":
            return f"is {self.status[:40]}, not available"
        if len(self.writers) != 1 or not self.readers:
            return f"has {len(self.writers)} writers and {len(self.readers)} readers; it needs one, and at least one"
        unwell = sorted(one.name for one in self.members if states.get(one.name) != "available")
        return f"has {', '.join(unwell)}, which {'is' if len(unwell) == 1 else 'are'} not available" if unwell else ""


class _Clusters(Answer):
    clusters: Sequence[Cluster] = Field(alias="DBClusters")


class _Instance(Answer):
    name: str = Field(alias="DBInstanceIdentifier")
    status: str = Field(alias="DBInstanceStatus")


class _Instances(Answer):
    instances: Sequence[_Instance] = Field(alias="DBInstances")


class _FailedOver(Answer):
    cluster: Cluster = Field(alias="DBCluster")


class AuroraFailover(CloudFailover, frozen=True):
    """FailoverDBCluster; AWS chooses the reader by its promotion tier.

    Its events: RDS-EVENT-0069 to 0073 of the cluster.

    Attributes:
        cluster: which of the environment's `drills.aurora`.
    """

    sections: ClassVar[Mapping[str, str]] = {"cluster": "aurora"}
    service: ClassVar[str] = "rds"
    what: ClassVar[str] = "the cluster"
    turns: ClassVar[Turns] = {
        "Started same AZ failover": "began",
        "Started cross AZ failover": "began",
        "Promoting previous primary again": "began",
        "Completed failover to DB instance": "ended",
        "Cluster failover failed": "abandoned",
    }

    kind: Literal["aurora.failover"] = "aurora.failover"
    cluster: str

    @property
    def called(self) -> str:
        """See CloudFailover."""
        return self.cluster

    async def condition(self, site: Site) -> Condition:
        """See CloudFailover: it and its instances are available, one writes, and at least one reads."""
        rds, name = self.aws(site.estate), self._place(site.estate).cluster
        found = await asyncio.to_thread(rds.read, _Clusters, "DescribeDBClusters", DBClusterIdentifier=name)
        if len(found.clusters) != 1:
            raise CouldNotObserve(f"{rds.where}: {len(found.clusters)} clusters named as drills.aurora.{self.cluster}")
        seen = found.clusters[0]
        return Condition(
            wrong=seen.wrong(await asyncio.to_thread(_states, rds, name)),
            up=seen.status == "available",
            serving=seen.writers[0] if len(seen.writers) == 1 else "",
            standbys=seen.readers,
            steady={"status": "available", "writers": "1", "readers": str(len(seen.readers))},
        )

    def sources(self, site: Site) -> Mapping[str, str]:
        """See CloudFailover."""
        return {"db-cluster": self._place(site.estate).cluster}

    def order(self, site: Site) -> None:
        """See CloudFailover."""
        name = self._place(site.estate).cluster
        self.aws(site.estate).order(_FailedOver, "FailoverDBCluster", DBClusterIdentifier=name)

    def clients(self, estate: Estate) -> Clients:
        """See Scenario: at the cluster's endpoint."""
        return Clients("postgres", (self._place(estate).dsn,))

    def _place(self, estate: Estate) -> AuroraCluster:
        drills = estate.environment.drills
        return named(drills.aurora if drills else {}, self.cluster, "drills.aurora")


def _states(rds: AwsService, cluster: str) -> Mapping[str, str]:
    """Of the instances of a cluster, by their names; raises CouldNotObserve. Blocks."""
    of_it: JsonValue = [{"Name": "db-cluster-id", "Values": [cluster]}]
    pages = rds.pages(_Instances, "DescribeDBInstances", MARKER, Filters=of_it)
    return {one.name: one.status for page in pages for one in page.instances}
