"""An RDS instance is made to fail over to its standby in another zone."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from tasks.aws_client import Answer, aws_service
from tasks.estate import Estate, named
from tasks.outside.looking import serves
from tasks.scenarios.scenario import Clients, Scenario, Site, Steady, Way
from tminus.errors import CouldNotObserve, Refused
from tminus.systems.drill_cloud import RdsInstance

_LOOK = 1.0  # seconds between two questions to AWS, which counts them


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


class RdsFailover(Scenario, frozen=True):
    """RebootDBInstance with ForceFailover; which zone serves afterwards is no part of the steady state.

    Attributes:
        database: which of the environment's `drills.rds`.
    """

    sections: ClassVar[Mapping[str, str]] = {"database": "rds"}

    kind: Literal["rds.failover"] = "rds.failover"
    database: str

    async def steady(self, site: Site) -> Steady:
        """See Scenario: it is available with a standby in another zone, and serves."""
        if wrong := (await self._seen(site)).wrong:
            raise Refused(f"{self.database}: the instance {wrong}")
        if not await serves(self.clients(site.estate)):
            raise Refused(f"{self.database}: AWS says available, but it does not answer at its dsn")
        return {"status": "available", "standby": "in another zone", "answers": "yes"}

    async def plan(self, site: Site) -> Way:
        """See Scenario: the zone that serves, and that of the standby."""
        seen = await self._seen(site)
        if seen.wrong:
            raise Refused(f"{self.database}: the instance {seen.wrong}")
        return {"victim": seen.zone, "heir": seen.standby}

    async def inject(self, site: Site) -> str:
        """See Scenario. Raises Refused where it is not any more as it was planned."""
        seen = await self._seen(site)
        if seen.wrong or (seen.zone, seen.standby) != (site.way["victim"], site.way["heir"]):
            raise Refused(f"{self.database}: the instance is not as it was planned; nothing was changed")
        rds = aws_service(site.estate, "rds")
        name = self._place(site.estate).instance
        await asyncio.to_thread(rds.order, _Rebooted, "RebootDBInstance", DBInstanceIdentifier=name, ForceFailover=True)
        return f"{self.database} was told to fail over from {seen.zone}"

    async def detect(self, site: Site) -> str:
        """See Scenario: AWS says that it is not available, or in another zone."""
        while (seen := await self._seen(site)).status == "available" and seen.zone == site.way["victim"]:
            await asyncio.sleep(_LOOK)
        return f"{self.database} is {seen.status[:40]}, in {seen.zone}"

    async def recover(self, site: Site) -> str:
        """See Scenario: until it is available in another zone, and answers; AWS does that by itself."""
        while True:
            seen = await self._seen(site)
            moved = seen.status == "available" and seen.zone != site.way["victim"]
            if moved and await serves(self.clients(site.estate)):
                return f"{self.database} serves from {seen.zone}"
            await asyncio.sleep(_LOOK)

    async def verify(self, site: Site) -> str:
        """See Scenario: it is in the standby's zone, and answers."""
        seen = await self._seen(site)
        if seen.status != "available" or seen.zone != site.way["heir"]:
            raise Refused(
                f"{self.database} is {seen.status[:40]} in {seen.zone}; it must serve from {site.way['heir']}"
            )
        if not await serves(self.clients(site.estate)):
            raise Refused(f"{self.database}: it does not answer at its dsn")
        return f"{self.database} serves from {seen.zone}, where the standby was"

    async def undo(self, site: Site) -> str:
        """See Scenario: its zone is left as it is; waits until it has a standby again, and answers."""
        while True:
            seen = await self._seen(site)
            if not seen.wrong and await serves(self.clients(site.estate)):
                return f"{self.database} serves from {seen.zone}, with a standby in {seen.standby}"
            await asyncio.sleep(_LOOK)

    def clients(self, estate: Estate) -> Clients:
        """See Scenario."""
        return Clients("postgres", (self._place(estate).dsn,))

    async def _seen(self, site: Site) -> Instance:
        name = self._place(site.estate).instance
        rds = aws_service(site.estate, "rds")
        found = await asyncio.to_thread(rds.read, _Instances, "DescribeDBInstances", DBInstanceIdentifier=name)
        if len(found.instances) != 1:
            raise CouldNotObserve(f"{rds.where}: {len(found.instances)} instances named as drills.rds.{self.database}")
        return found.instances[0]

    def _place(self, estate: Estate) -> RdsInstance:
        drills = estate.environment.drills
        return named(drills.rds if drills else {}, self.database, "drills.rds")
