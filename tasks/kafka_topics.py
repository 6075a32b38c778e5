"""A Kafka cluster's topics, partitions, brokers and settings, as its metadata has them."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.kafka_client import WITHIN, Kafka, error_name, result
from tminus.errors import CouldNotObserve

_ABSENT = "UNKNOWN_TOPIC_OR_PART"


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition; `leader` is None where it has none, and nothing can be written or read then."""

    number: int
    leader: int | None
    replicas: int
    in_sync: int


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that is there."""

    name: str
    partitions: tuple[Partition, ...]

    @property
    def replicas(self) -> int:
        """The fewest that any partition has."""
        return min((partition.replicas for partition in self.partitions), default=0)

    @property
    def in_sync(self) -> int:
        """The fewest replicas in sync that any partition has."""
        return min((partition.in_sync for partition in self.partitions), default=0)

    @property
    def offline(self) -> list[int]:
        """The partitions without a leader."""
        return [partition.number for partition in self.partitions if partition.leader is None]

    def line(self) -> str:
        """For the evidence."""
        away = f", without leader: {', '.join(map(str, self.offline[:10]))}" if self.offline else ""
        shown = f"{len(self.partitions)} partitions, {self.replicas} replicas, {self.in_sync} in sync"
        return f"topic {self.name[:80]}: {shown}{away}"


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the metadata says.

    Attributes:
        brokers: their numbers.
        controller: the broker that is controller; None where there is none.
        topics: by name, those of Kafka's own left out.
    """

    brokers: tuple[int, ...]
    controller: int | None
    topics: dict[str, Topic]

    def named(self, names: Sequence[str]) -> list[Topic]:
        """Those of these topics that are there."""
        return [self.topics[name] for name in names if name in self.topics]


def cluster(kafka: Kafka) -> Cluster:
    """Asks for all topics at once, since naming one that is not there may make it. KafkaException passes through."""
    found = kafka.admin.list_topics(timeout=WITHIN)
    topics = {
        name: Topic(name, tuple(_partition(one) for one in topic.partitions.values()))
        for name, topic in found.topics.items()
        if not name.startswith("__") and (topic.error is None or topic.error.name() != _ABSENT)
    }
    brokers = tuple(sorted(found.brokers))
    controller = found.controller_id if found.controller_id in brokers else None
    return Cluster(brokers, controller, topics)


def settings(kafka: Kafka, topic: str) -> dict[str, str | None] | None:
    """The settings of a topic; None where there is no such topic. KafkaException passes through."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined]  # typed elsewhere

    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        [future] = kafka.admin.describe_configs([resource], request_timeout=WITHIN).values()
        entries = result(future)
    except KafkaException as e:
        if error_name(e) == _ABSENT:
            return None
        raise
    if not isinstance(entries, dict):
        raise CouldNotObserve("kafka: an answer without settings")
    return {str(name): entry.value for name, entry in entries.items()}


def _partition(one: "object") -> Partition:
    leader, replicas, in_sync = (getattr(one, name) for name in ("leader", "replicas", "isrs"))
    number = int(getattr(one, "id"))  # noqa: B009 - librdkafka's class has no types
    return Partition(number, leader if leader is not None and leader >= 0 else None, len(replicas), len(in_sync))
