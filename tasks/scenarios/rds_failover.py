"""An RDS instance is made to fail over to its standby in another zone."""

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
from tminus.systems.drill_cloud import RdsInstance


class Instance(Answer):
    """What AWS says of an instance.

    See https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html.
    """

    status: str = Field(alias="DBInstanceStatus")
    zone: str = Field(default="", alias="AvailabilityZone")
    standby: str = Field(default="", alias="SecondaryAvailabilityZone")
    multi_az: bool = Field(default=False, alias="MultiAZ")

    @property
    def wrong(self) -> str:
        """Why it could not fail over now; "" where it could."""
        if self.status != "available":
            return f"is {self.status[:40]}, not available"
        if not self.multi_az:
            return "is not Multi-AZ, so that it has no standby"
        return "" if self.standby not in {"", self.zone} else "has no standby in another zone"


class _Instances(Answer):
    instances: Sequence[Instance] = Field(alias="DBInstances")


class _Rebooted(Answer):
    instance: Instance = Field(alias="DBInstance")


class RdsFailover(CloudFailover, frozen=True):
    """RebootDBInstance with ForceFailover.

    Its events: RDS-EVENT-0013, 0015, 0034 and 0049. AWS shows the new zone once a failover is complete.

    Attributes:
        database: which of the environment's `drills.rds`.
    """

    sections: ClassVar[Mapping[str, str]] = {"database": "rds"}
    service: ClassVar[str] = "rds"
    what: ClassVar[str] = "the instance"
    turns: ClassVar[Turns] = {
        "Multi-AZ instance failover started": "began",
        "Multi-AZ failover to standby complete": "ended",
        "Multi-AZ instance failover completed": "ended",
        "Abandoning user requested failover": "abandoned",
    }

    kind: Literal["rds.failover"] = "rds.failover"
    database: str

    @property
    def called(self) -> str:
        """See CloudFailover."""
        return self.database

    async def condition(self, site: Site) -> Condition:
        """See CloudFailover: it is available with a standby in another zone."""
        rds, name = self.aws(site.estate), self._place(site.estate).instance
        found = await asyncio.to_thread(rds.read, _Instances, "DescribeDBInstances", DBInstanceIdentifier=name)
        if len(found.instances) != 1:
            raise CouldNotObserve(f"{rds.where}: {len(found.instances)} instances named as drills.rds.{self.database}")
        seen = found.instances[0]
        return Condition(
            wrong=seen.wrong,
            up=seen.status == "available",
            serving=seen.zone,
            standbys=(seen.standby,),
            steady={"status": "available", "standby": "in another zone"},
        )

    def sources(self, site: Site) -> Mapping[str, str]:
        """See CloudFailover."""
        return {"db-instance": self._place(site.estate).instance}

    def order(self, site: Site) -> None:
        """See CloudFailover."""
        name = self._place(site.estate).instance
        self.aws(site.estate).order(_Rebooted, "RebootDBInstance", DBInstanceIdentifier=name, ForceFailover=True)

    def clients(self, estate: Estate) -> Clients:
        """See Scenario."""
        return Clients("postgres", (self._place(estate).dsn,))

    def _place(self, estate: Estate) -> RdsInstance:
        drills = estate.environment.drills
        return named(drills.rds if drills else {}, self.database, "drills.rds")
