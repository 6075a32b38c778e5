"""librdkafka's own mock cluster, which comes with confluent-kafka: a fake of Kafka with topics, messages and offsets.

It is reached through librdkafka's C API. See src/rdkafka_mock.h of confluentinc/librdkafka.
"""

import contextlib
import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployments.rehearsal.server_errors import BinaryMissing

_PRODUCER = 0  # RD_KAFKA_PRODUCER
_POINTER, _TEXT, _NUMBER = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32
_ERROR_SIZE = 512
_FUNCTIONS: Mapping[str, tuple[object, tuple[object, ...]]] = {
    "rd_kafka_conf_new": (_POINTER, ()),
    "rd_kafka_conf_set": (_NUMBER, (_POINTER, _TEXT, _TEXT, _TEXT, ctypes.c_size_t)),
    "rd_kafka_new": (_POINTER, (_NUMBER, _POINTER, _TEXT, ctypes.c_size_t)),
    "rd_kafka_destroy": (None, (_POINTER,)),
    "rd_kafka_mock_cluster_new": (_POINTER, (_POINTER, _NUMBER)),
    "rd_kafka_mock_cluster_destroy": (None, (_POINTER,)),
    "rd_kafka_mock_cluster_bootstraps": (_TEXT, (_POINTER,)),
    "rd_kafka_mock_topic_create": (_NUMBER, (_POINTER, _TEXT, _NUMBER, _NUMBER)),
    "rd_kafka_mock_partition_set_leader": (_NUMBER, (_POINTER, _TEXT, _NUMBER, _NUMBER)),
    "rd_kafka_mock_broker_set_down": (_NUMBER, (_POINTER, _NUMBER)),
    "rd_kafka_mock_broker_set_up": (_NUMBER, (_POINTER, _NUMBER)),
}


@dataclass(frozen=True)
class MockCluster:
    """A running mock cluster; brokers are numbered from 1.

    Attributes:
        bootstrap: `host:port` of every broker, in the order of their numbers.
    """

    _library: ctypes.CDLL
    _cluster: int
    bootstrap: tuple[str, ...]

    def topic(self, name: str, partitions: int, replicas: int) -> None:
        """Make a topic."""
        self._call("rd_kafka_mock_topic_create", name.encode(), partitions, replicas)

    def leader(self, topic: str, partition: int, broker: int) -> None:
        """Make a broker the leader of a partition; -1 leaves it without."""
        self._call("rd_kafka_mock_partition_set_leader", topic.encode(), partition, broker)

    def down(self, broker: int) -> None:
        """End a broker's connections, and refuse new ones."""
        self._call("rd_kafka_mock_broker_set_down", broker)

    def up(self, broker: int) -> None:
        """Let a broker be reached again."""
        self._call("rd_kafka_mock_broker_set_up", broker)

    def _call(self, function: str, *given: object) -> None:
        if (code := getattr(self._library, function)(self._cluster, *given)) != 0:
            raise ValueError(f"{function}{given} ended with librdkafka's error {code}")


@contextlib.contextmanager
def mock_cluster(brokers: int = 3) -> Iterator[MockCluster]:
    """A mock cluster in threads of this process, for as long as the block lasts; raises BinaryMissing."""
    library = _load()
    settings = library.rd_kafka_conf_new()
    library.rd_kafka_conf_set(settings, b"log_level", b"0", None, 0)
    error = ctypes.create_string_buffer(_ERROR_SIZE)
    handle = library.rd_kafka_new(_PRODUCER, settings, error, _ERROR_SIZE)
    cluster = library.rd_kafka_mock_cluster_new(handle, brokers)
    try:
        addresses = library.rd_kafka_mock_cluster_bootstraps(cluster).decode()
        yield MockCluster(library, cluster, tuple(addresses.split(",")))
    finally:
        library.rd_kafka_mock_cluster_destroy(cluster)
        library.rd_kafka_destroy(handle)


def _load() -> ctypes.CDLL:
    """The very library that confluent-kafka uses, so that there is one in this process."""
    try:
        import confluent_kafka
    except ImportError as e:
        raise _missing("the wheel confluent-kafka") from e
    beside = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    found = next(iter(beside.glob("librdkafka*.so*")), None)
    if found is None:
        raise _missing(str(beside))
    library = ctypes.CDLL(str(found))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, list(arguments)
    return library


def _missing(looked_in: str) -> BinaryMissing:
    return BinaryMissing("librdkafka", looked_in, "`pip install '.[kafka]'` in the checkout")
