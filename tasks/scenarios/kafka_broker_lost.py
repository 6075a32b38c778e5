"""A broker of Kafka dies that leads a partition, and another one leads it."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Literal

from tasks.estate import Estate, named
from tasks.kafka_client import with_kafka
from tasks.kafka_topics import Topic, cluster
from tasks.machines import Switch
from tasks.outside.looking import look, serves
from tasks.scenarios.killed import LOOK
from tasks.scenarios.scenario import Clients, Scenario, Site, Steady, Way
from tminus.errors import CouldNotObserve, Refused
from tminus.systems.drills import KafkaBrokers


class KafkaBrokerLost(Scenario, frozen=True):
    """The broker that leads the first partition of the drills' topic dies as in a power cut.

    Who leads afterwards is Kafka's to choose. What is lost is not counted: the drill says `skipped`.

    Attributes:
        cluster: which of the environment's `drills.kafka`.
    """

    sections: ClassVar[Mapping[str, str]] = {"cluster": "kafka"}
    needs: ClassVar[tuple[str, ...]] = ("kafka",)

    kind: Literal["kafka.broker_lost"] = "kafka.broker_lost"
    cluster: str

    async def steady(self, site: Site) -> Steady:
        """See Scenario: all brokers run, each partition has a leader and all of its replicas in sync."""
        powers = [await self._switch(site, one).power() for one in self._place(site.estate).brokers]
        topic, answered = await asyncio.gather(self._topic(site), serves(self.clients(site.estate)))
        if "off" in powers or topic.offline or topic.in_sync < topic.replicas or not answered:
            raise Refused(
                f"{self.cluster}: {powers.count('on')} of {len(powers)} brokers run; {topic.line()}; messages are "
                f"{'acknowledged' if answered else 'not acknowledged'}; all must run, be in sync and acknowledge"
            )
        return {"brokers": str(len(powers)), "partitions": str(len(topic.partitions)), "in sync": str(topic.in_sync)}

    async def plan(self, site: Site) -> Way:
        """See Scenario."""
        topic = await self._topic(site)
        leader = topic.partitions[0].leader if topic.partitions else None
        brokers = self._place(site.estate).brokers
        if leader not in brokers or topic.replicas < 2:  # noqa: PLR2004  # nobody else could lead
            raise Refused(
                f"{self.cluster}: {topic.line()}, and broker {leader} leads its first partition; a broker of "
                f"`drills.kafka` must lead it ({', '.join(map(str, brokers))}), and another be able to"
            )
        return {"victim": str(leader)}

    async def inject(self, site: Site) -> str:
        """See Scenario."""
        victim = int(site.way["victim"])
        await self._switch(site, victim).kill()
        return f"broker {victim} was killed, and is off"

    async def detect(self, site: Site) -> str:
        """See Scenario: the cluster knows that it leads nothing any more."""
        while self._led(topic := await self._topic(site), site):
            site.waits(f"broker {site.way['victim']} still leads: {topic.line()}")
            await asyncio.sleep(LOOK)
        return f"broker {site.way['victim']} leads no partition any more"

    async def recover(self, site: Site) -> str:
        """See Scenario: others lead, which Kafka does by itself, and a message is acknowledged."""
        while (topic := await self._topic(site)).offline or not (await look(self.clients(site.estate))).good:
            site.waits(f"{topic.line()}, or no message is acknowledged")
            await asyncio.sleep(LOOK)
        leaders = sorted({str(one.leader) for one in topic.partitions})
        return f"broker {', '.join(leaders)} leads, and messages are acknowledged"

    async def verify(self, site: Site) -> str:
        """See Scenario: every partition has one leader, which is another one, and a message is acknowledged."""
        topic = await self._topic(site)
        if topic.offline or self._led(topic, site):
            raise Refused(f"{self.cluster}: {topic.line()}; every partition must be led by another broker")
        if not await serves(self.clients(site.estate)):
            raise CouldNotObserve(f"{self.cluster}: no message is acknowledged")
        return f"every partition of {topic.name} has a leader, and messages are acknowledged"

    async def undo(self, site: Site) -> str:
        """See Scenario: the broker is started where it is off, and has caught up."""
        switch = self._switch(site, int(site.way["victim"]))
        off = await switch.settled() == "off"
        if off:
            await switch.start()
        while (topic := await self._topic(site)).offline or topic.in_sync < topic.replicas:
            site.waits(f"{topic.line()}; all replicas must be in sync")
            await asyncio.sleep(LOOK)
        return f"broker {site.way['victim']} {'was started' if off else 'was not off'}, and all replicas are in sync"

    def clients(self, estate: Estate) -> Clients:
        """See Scenario."""
        place = self._place(estate)
        return Clients("kafka", (place.client,), place.topic)

    async def _topic(self, site: Site) -> Topic:
        name = self._place(site.estate).topic
        found = (await with_kafka(site.estate, cluster)).named([name])
        if not found:
            raise CouldNotObserve(f"{self.cluster}: there is no topic {name}; make it, for drills alone")
        return found[0]

    def _led(self, topic: Topic, site: Site) -> bool:
        return any(str(one.leader) == site.way["victim"] for one in topic.partitions)

    def _switch(self, site: Site, number: int) -> Switch:
        return Switch.of(site, self.cluster, str(number), self._place(site.estate).brokers[number])

    def _place(self, estate: Estate) -> KafkaBrokers:
        drills = estate.environment.drills
        return named(drills.kafka if drills else {}, self.cluster, "drills.kafka")
