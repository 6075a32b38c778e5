"""A topic of Kafka to which an outside client sends messages; what the cluster keeps of them is not looked at."""

import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from pydantic import TypeAdapter, ValidationError

from tasks.outside.store import Connection, Unanswered, WritableStore
from tminus.drills.receipts import Key

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

_POLL = 0.02  # seconds
_CONFIGURATION = TypeAdapter(dict[str, str | int | float | bool])


class KafkaConnection(Connection):
    """See Connection: one producer for all, which stays as those of services do."""

    def __init__(self, producer: "Producer", topic: str, patience: float) -> None:
        self._producer = producer
        self._topic = topic
        self._patience = patience

    def write(self, key: Key) -> None:
        """See Connection; nobody may ask for it."""
        raise Unanswered(f"{key}: what is sent to Kafka is not counted")

    def probe(self) -> None:
        """A message, acknowledged by all replicas in sync."""
        from confluent_kafka import KafkaException

        told, came = threading.Event(), list["KafkaError | None"]()

        def delivered(error: "KafkaError | None", _message: "Message") -> None:
            came.append(error)
            told.set()

        until = time.monotonic() + self._patience
        try:
            self._producer.produce(self._topic, b"probe", on_delivery=delivered)
            while not told.is_set() and time.monotonic() < until:
                self._producer.poll(_POLL)
        except (KafkaException, BufferError) as e:
            raise Unanswered(type(e).__name__) from e
        if not came:
            raise Unanswered(f"no acknowledgement within {self._patience:g} s")
        if came[0] is not None:
            raise Unanswered(came[0].name())

    def close(self) -> None:
        """See Connection: the producer stays."""


class KafkaStore(WritableStore):
    """See WritableStore: its address is the client's configuration in JSON."""

    uncounted: ClassVar[str] = "skipped: only what producers see of Kafka is looked at"

    def connect(self) -> KafkaConnection:
        """See WritableStore."""
        return KafkaConnection(self._producer, self.place, self.patience)

    def prepare(self) -> None:
        """See WritableStore: the topic is there."""

    def found(self) -> list[Key]:
        """See WritableStore: nothing."""
        return []

    def forget(self) -> None:
        """See WritableStore: Kafka forgets by itself."""

    @cached_property
    def _producer(self) -> "Producer":
        try:
            from confluent_kafka import KafkaException, Producer
        except ImportError:
            raise Unanswered("confluent-kafka is not installed") from None
        try:
            known = _CONFIGURATION.validate_json(self.addresses[0].get_secret_value())
            return Producer({"log_level": 0, "acks": "all", **known, "message.timeout.ms": round(self.patience * 1000)})
        except (ValidationError, KafkaException, ValueError):
            raise Unanswered("the client's configuration is none that librdkafka takes") from None
