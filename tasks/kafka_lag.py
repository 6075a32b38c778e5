"""How far a consumer group is behind: its committed offsets, the ends of the partitions, the oldest unread message.

Nothing here joins the group or commits: the group is only named when its offsets are asked for, and what is read, is
read by assignment, so that none of its consumers has to give up a partition.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import monotonic, time
from typing import TYPE_CHECKING

from tasks.kafka_client import WITHIN, Configuration, Kafka, error_name, result
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    from confluent_kafka import Consumer
    from confluent_kafka.admin import AdminClient

_READER = "tminus-looks"  # a name that librdkafka wants, of a group that nobody joins
_POLL = 0.2  # seconds
_END = "_PARTITION_EOF"
_NO_GROUP = {"GROUP_ID_NOT_FOUND"}  # a coordinator that is not available says nothing: it may be back at once
_UNSUPPORTED = {"_UNSUPPORTED_FEATURE", "UNSUPPORTED_VERSION"}


@dataclass(frozen=True, slots=True)
class Behind:
    """How far a group is behind on one partition.

    Attributes:
        committed: the offset it would go on from; None where it has committed none that is still in the partition.
        low: the first offset that is still there.
        high: the offset of the message that comes next.
        oldest: when the first message was written that it has not read (Unix, ms); None where there is none, or the
            message does not say.
    """

    topic: str
    partition: int
    committed: int | None
    low: int
    high: int
    oldest: int | None = None

    @property
    def start(self) -> int:
        """Where the group goes on."""
        return self.low if self.committed is None else self.committed

    @property
    def messages(self) -> int:
        """How many it has not read."""
        return max(self.high - self.start, 0)

    @property
    def age_ms(self) -> float | None:
        """How old the first unread message is; 0 where there is none, None where it does not say."""
        if not self.messages:
            return 0.0
        return None if self.oldest is None else max(time() * 1000 - self.oldest, 0.0)

    def line(self) -> str:
        """For the evidence."""
        where = "nothing committed" if self.committed is None else f"at {self.committed}"
        return f"{self.topic[:80]}/{self.partition}: {where} of {self.high}, {self.messages} behind"


def behind(kafka: Kafka, group: str, partitions: Sequence[tuple[str, int]]) -> list[Behind]:
    """Asks for offsets, and reads one message of each partition that is behind. KafkaException passes through."""
    committed = _committed(kafka.admin, group, partitions)
    low, high = _ends(kafka.admin, partitions, latest=False), _ends(kafka.admin, partitions, latest=True)
    found = [
        Behind(*place, _usable(committed.get(place), low[place], high[place]), low[place], high[place])
        for place in partitions
    ]
    return _with_oldest(kafka.configuration, found)


def members(kafka: Kafka, group: str) -> int | None:
    """How many consumers are in the group; None where the broker does not tell. KafkaException passes through."""
    from confluent_kafka import KafkaException

    try:
        described = result(kafka.admin.describe_consumer_groups([group], request_timeout=WITHIN)[group])
    except KafkaException as e:
        if error_name(e) in _NO_GROUP:
            return 0
        if error_name(e) in _UNSUPPORTED:
            return None
        raise
    return len(described.members)


def _committed(client: "AdminClient", group: str, partitions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
    from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(*place) for place in partitions])
    future = client.list_consumer_group_offsets([asked], request_timeout=WITHIN)[group]
    return {(one.topic, one.partition): one.offset for one in result(future).topic_partitions or []}


def _ends(client: "AdminClient", partitions: Sequence[tuple[str, int]], *, latest: bool) -> dict[tuple[str, int], int]:
    """The first or the next offset of each."""
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # typed elsewhere

    which = OffsetSpec.latest() if latest else OffsetSpec.earliest()  # type: ignore[no-untyped-call]
    futures = client.list_offsets({TopicPartition(*place): which for place in partitions}, request_timeout=WITHIN)
    return {(one.topic, one.partition): result(future).offset for one, future in futures.items()}


def _usable(committed: int | None, low: int, high: int) -> int | None:
    """An offset from which the group can go on; what was deleted unread, or was never there, is none."""
    return committed if committed is not None and low <= committed <= high else None


def _with_oldest(configuration: Configuration, found: Sequence[Behind]) -> list[Behind]:
    from confluent_kafka import Consumer, TopicPartition

    lagging = {(one.topic, one.partition): one for one in found if one.messages}
    if not lagging:
        return list(found)
    reader = Consumer(
        {
            **configuration,
            "group.id": _READER,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "queued.min.messages": 1,
            "fetch.message.max.bytes": 1024,
        }
    )
    try:
        reader.assign([TopicPartition(one.topic, one.partition, one.start) for one in lagging.values()])
        seen = _first_of_each(reader, set(lagging))
    finally:
        reader.close()
    return [replace(one, oldest=seen.get((one.topic, one.partition))) for one in found]


def _first_of_each(reader: "Consumer", wanted: set[tuple[str, int]]) -> dict[tuple[str, int], int | None]:
    """When the first message of each was written; now, where there are only marks of transactions left."""
    from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, KafkaException, TopicPartition

    seen: dict[tuple[str, int], int | None] = {}
    until = monotonic() + WITHIN
    while missing := wanted - set(seen):
        if monotonic() > until:
            places = ", ".join(f"{topic}/{partition}" for topic, partition in sorted(missing))
            raise CouldNotObserve(f"kafka: no message of {places[:200]} could be read within {WITHIN:g} s")
        message = reader.poll(_POLL)
        if message is None:
            continue
        error, topic, partition = message.error(), message.topic(), message.partition()
        if error is not None and error.name() != _END:
            raise KafkaException(error)
        if topic is None or partition is None or (topic, partition) in seen:
            continue
        kind, written = message.timestamp()
        unknown = None if kind == TIMESTAMP_NOT_AVAILABLE else written
        seen[topic, partition] = round(time() * 1000) if error is not None else unknown
        reader.incremental_unassign([TopicPartition(topic, partition)])
    return seen
