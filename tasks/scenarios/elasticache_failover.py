"""A replication group of ElastiCache is made to fail over to one of its replicas."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from tasks.aws_client import Answer
from tasks.estate import Estate, named
from tasks.scenarios.cloud_failover import CloudFailover, Condition
from tasks.scenarios.failover_events import Turns
from tasks.scenarios.scenario import Clients, Site
from tminus.errors import CouldNotObserve
from tminus.systems.drill_cloud import ElastiCacheGroup

_NODE_GROUP = "0001"
"""The one of a group without cluster mode, see
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_NodeGroup.html."""


class _Member(Answer):
    name: str = Field(alias="CacheClusterId")
    role: str = Field(default="", alias="CurrentRole")


class _NodeGroup(Answer):
    status: str
    members: Sequence[_Member] = Field(default=(), alias="NodeGroupMembers")


class Group(Answer):
    """What AWS says of a replication group.

    See https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html. Roles are told
    where cluster mode is off alone.
    """

    status: str
    automatic: str = Field(default="", alias="AutomaticFailover")
    cluster_mode: bool = Field(default=False, alias="ClusterEnabled")
    node_groups: Sequence[_NodeGroup] = ()

    def having(self, role: str) -> Sequence[str]:
        """The nodes with that role."""
        return [one.name for group in self.node_groups for one in group.members if one.role == role]

    @property
    def wrong(self) -> str:
        """Why it could not fail over now; "" where it could."""
        if self.cluster_mode or len(self.node_groups) != 1:
            return "is in cluster mode, or not of one node group, which is not played"
        if self.automatic != "enabled":
            return f"has automatic failover {self.automatic[:40] or 'off'}, not enabled"
        for status in (self.status, self.node_groups[0].status):
            if status != "available":
                return f"is {status[:40]}, not available"
        primaries, replicas = len(self.having("primary")), len(self.having("replica"))
        if primaries != 1 or not replicas:
            return f"has {primaries} primaries and {replicas} replicas; it needs one, and at least one"
        return ""


class _Groups(Answer):
    groups: Sequence[Group] = Field(alias="ReplicationGroups")


class _Tested(Answer):
    group: Group = Field(alias="ReplicationGroup")


class ElastiCacheFailover(CloudFailover, frozen=True):
    """TestFailover of its one node group, which AWS allows up to 15 times in 24 hours.

    Its events, in their order: https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_TestFailover.html.
    By them it is over once the node that was the primary is recovered, not when another one is.

    Attributes:
        group: which of the environment's `drills.elasticache`.
    """

    sections: ClassVar[Mapping[str, str]] = {"group": "elasticache"}
    service: ClassVar[str] = "elasticache"
    what: ClassVar[str] = "the replication group"
    turns: ClassVar[Turns] = {
        "Test Failover API called for node group": "began",
        "Failover from primary node": "began",
        "Failover from master node": "began",
        "Recovering cache nodes": "began",
        "Finished recovery for cache nodes": "ended",
    }
    moved_ends_it: ClassVar[bool] = False

    kind: Literal["elasticache.failover"] = "elasticache.failover"
    group: str

    @property
    def called(self) -> str:
        """See CloudFailover."""
        return self.group

    async def condition(self, site: Site) -> Condition:
        """See CloudFailover: it is available, with a primary, a replica at least, and automatic failover."""
        seen = await asyncio.to_thread(self._seen, site)
        primaries = seen.having("primary")
        return Condition(
            wrong=seen.wrong,
            up=True,  # it is `modifying` until the old node is replaced, long after the new one serves
            serving=primaries[0] if len(primaries) == 1 else "",
            standbys=seen.having("replica"),
            steady={"status": "available", "primaries": "1", "replicas": str(len(seen.having("replica")))},
        )

    def sources(self, site: Site) -> Mapping[str, str]:
        """See CloudFailover: the group's, and those of the node that was the primary."""
        victim = site.way.get("victim")
        return {"replication-group": self._place(site.estate).group, **({"cache-cluster": victim} if victim else {})}

    def order(self, site: Site) -> None:
        """See CloudFailover."""
        name = self._place(site.estate).group
        self.aws(site.estate).order(_Tested, "TestFailover", ReplicationGroupId=name, NodeGroupId=_NODE_GROUP)

    def clients(self, estate: Estate) -> Clients:
        """See Scenario: at the primary endpoint."""
        return Clients("redis", (self._place(estate).url,))

    def _seen(self, site: Site) -> Group:
        elasticache, name = self.aws(site.estate), self._place(site.estate).group
        found = elasticache.read(_Groups, "DescribeReplicationGroups", ReplicationGroupId=name)
        if len(found.groups) != 1:
            raise CouldNotObserve(
                f"{elasticache.where}: {len(found.groups)} groups named as drills.elasticache.{self.group}"
            )
        return found.groups[0]

    def _place(self, estate: Estate) -> ElastiCacheGroup:
        drills = estate.environment.drills
        return named(drills.elasticache if drills else {}, self.group, "drills.elasticache")
