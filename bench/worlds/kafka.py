"""Vatic's Kafka: librdkafka's mock cluster of three brokers, with a front that adds what that one cannot do."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.vendors.kafka import KafkaFake

TOPICS = ("orders", "trades", "market-data", "notifications")
_GROUPS: Mapping[str, tuple[str, ...]] = {"risk": ("orders", "trades"), "notifications": ("notifications",)}
_NAMES = [*TOPICS]
_PARTITIONS, _REPLICAS = 3, 3
_BEFORE = 5  # messages in each partition, all of them read
_WITHIN = 5.0  # seconds


class KafkaWorld(World):
    """A fake cluster: topics, messages and offsets are the mock's, settings and members of groups the front's."""

    system: ClassVar[str] = "kafka"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (
        Case("kafka.brokers", {}, {"brokers": ">= 3", "controller": "= yes"}, (("broker_gone", "2"), "no_controller")),
        Case(
            "kafka.topics",
            {"topics": [*_NAMES]},
            {"present": "= all", "replication": ">= 3", "in_sync": ">= 2", "partitions": ">= 3", "offline": "= 0"},
            (
                *(("topic_gone", "trades"), ("replicas_lag", "orders"), ("no_leader", "market-data")),
                *(("topic_has", "trades", "2", "partitions"), ("topic_has", "orders", "2", "replicas")),
            ),
        ),
        Case(
            "kafka.topics",
            {"topics": "all"},
            {"present": "= all", "replication": ">= 3", "partitions": ">= 3"},
            (("topic_made", "audit-log", "3", "1"), ("topic_made", "jobs", "1", "3"), "no_topics"),
        ),
        Case("kafka.topics", {"topics": "all"}, {"offline": "= 0"}, ("no_topics", ("no_leader", "market-data"))),
        Case("kafka.topics", {"topics": [*_NAMES]}, {"in_sync": "= 3"}, (("broker_gone", "3"),)),
        Case(
            "kafka.lag",
            {"group": "risk", "topics": ["orders", "trades"]},
            {"lag": "< 1000", "worst": "< 1000", "behind": "< 30 s", "members": ">= 1", "committed": "= all"},
            (
                ("behind", "orders", "1500", "0"),
                ("behind", "trades", "1", "600"),
                ("nobody_in", "risk"),
                ("topic_gone", "trades"),
                ("topic_never_read", "trades"),
            ),
        ),
        Case(
            "kafka.lag",
            {"group": "notifications", "topics": ["notifications"]},
            {"behind": "< 100 ms"},
            (("behind", "notifications", "3", "60"),),
        ),
        Case(
            "kafka.settings",
            {"topic": "orders", "setting": "retention.ms"},
            {"retention": "= 7 d", "seconds": ">= 604800 s", "milliseconds": "<= 30 d"},
            (("set_to", "orders", "retention.ms", "3600000"), ("set_to", "orders", "retention.ms", "-1")),
        ),
        Case(
            "kafka.settings",
            {"topic": "orders", "setting": "min.insync.replicas"},
            {"value": "= 2"},
            (("set_to", "orders", "min.insync.replicas", "1"), ("topic_gone", "orders")),
        ),
        Case(
            "kafka.settings",
            {"topic": "trades", "setting": "unclean.leader.election.enable"},
            {"word": "= false"},
            (("set_to", "trades", "unclean.leader.election.enable", "true"),),
        ),
        Case(
            "kafka.settings",
            {"topic": "trades", "setting": "max.message.bytes"},
            {"bytes": "<= 2 MB"},
            (("set_to", "trades", "max.message.bytes", "20000000"),),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fake = KafkaFake()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The cluster, its topics with some messages, and groups that have read them all."""
        with self.fake.running():
            for name in TOPICS:
                self.fake.mock.topic(name, _PARTITIONS, _REPLICAS)
                self._lead(name)
                self._produce(name, _BEFORE * _PARTITIONS, 0)
            for group, topics in _GROUPS.items():
                self.fake.state.members[group] = 2
                self._commit(group, topics)
            yield

    def sections(self) -> Sections:
        """The front."""
        return {"kafka": {"bootstrap": self.fake.bootstrap}}

    @fault
    def broker_gone(self, number: str) -> Iterator[None]:
        """A broker is down, and another one leads in its place."""
        gone = int(number)
        self.fake.mock.down(gone)
        self.fake.state.gone.add(gone)
        for name in TOPICS:
            self._lead(name, without=gone)
        yield
        self.fake.mock.up(gone)
        self.fake.state.gone.clear()
        for name in TOPICS:
            self._lead(name)

    @fault
    def no_controller(self) -> Iterator[None]:
        """No broker is controller."""
        self.fake.state.controller = -1
        yield
        self.fake.state.controller = 1

    @fault
    def topic_gone(self, name: str) -> Iterator[None]:
        """Somebody deleted a topic."""
        self.fake.state.hidden.add(name)
        yield
        self.fake.state.hidden.discard(name)

    @fault
    def no_topics(self) -> Iterator[None]:
        """There is none at all."""
        self.fake.state.hidden.update(TOPICS)
        yield
        self.fake.state.hidden.difference_update(TOPICS)

    @fault
    def topic_made(self, name: str, partitions: str, replicas: str) -> Iterator[None]:
        """Somebody made a topic, with so many partitions and replicas."""
        self.fake.mock.topic(name, int(partitions), int(replicas))
        yield
        self.fake.state.hidden.add(name)  # the mock cannot delete one

    @fault
    def replicas_lag(self, name: str) -> Iterator[None]:
        """Two replicas of each partition no longer keep up."""
        self.fake.state.out_of_sync[name] = {2, 3}
        yield
        self.fake.state.out_of_sync.clear()

    @fault
    def topic_has(self, name: str, number: str, what: str) -> Iterator[None]:
        """A topic has so many `partitions`, or so many `replicas` of each."""
        had = getattr(self.fake.state, what)
        had[name] = int(number)
        yield
        del had[name]

    @fault
    def no_leader(self, name: str) -> Iterator[None]:
        """A partition has no leader."""
        self.fake.mock.leader(name, 1, -1)
        yield
        self._lead(name)

    @fault
    def behind(self, topic: str, messages: str, seconds: str) -> Iterator[None]:
        """So many messages, written so many seconds ago, are not read."""
        self._produce(topic, int(messages), int(seconds))
        yield
        for group, topics in _GROUPS.items():
            self._commit(group, topics)

    @fault
    def nobody_in(self, group: str) -> Iterator[None]:
        """No consumer is in the group."""
        before, self.fake.state.members[group] = self.fake.state.members[group], 0
        yield
        self.fake.state.members[group] = before

    @fault
    def topic_never_read(self, topic: str) -> Iterator[None]:
        """The groups' offsets point beyond what is in the topic, as after it was made anew."""
        for group, topics in _GROUPS.items():
            if topic in topics:
                self._commit(group, [topic], beyond=100)
        yield
        for group, topics in _GROUPS.items():
            self._commit(group, topics)

    @fault
    def set_to(self, topic: str, setting: str, value: str) -> Iterator[None]:
        """A setting of a topic has another value."""
        self.fake.state.settings[topic] = {setting: value}
        yield
        del self.fake.state.settings[topic]

    def _lead(self, topic: str, without: int = 0) -> None:
        """Each partition has a leader of its own, but for one that is to have none."""
        for partition in range(_PARTITIONS):
            broker = partition + 1
            self.fake.mock.leader(topic, partition, broker % _PARTITIONS + 1 if broker == without else broker)

    def _produce(self, topic: str, messages: int, seconds: int) -> None:
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.fake.bootstrap, "log_level": 0, "linger.ms": 0})
        written = int((time.time() - seconds) * 1000)
        for number in range(messages):
            producer.produce(topic, b"an event", partition=number % _PARTITIONS, timestamp=written)
        assert producer.flush(_WITHIN) == 0

    def _commit(self, group: str, topics: Sequence[str], beyond: int = 0) -> None:
        """The group has read everything, and so much more."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": self.fake.bootstrap, "group.id": group, "log_level": 0})
        try:
            places = [TopicPartition(topic, number) for topic in topics for number in range(_PARTITIONS)]
            ends = [consumer.get_watermark_offsets(place, timeout=_WITHIN, cached=False) for place in places]
            read = [
                TopicPartition(place.topic, place.partition, end[1] + beyond)
                for place, end in zip(places, ends, strict=True)
                if end is not None
            ]
            consumer.commit(offsets=read, asynchronous=False)
        finally:
            consumer.close()
