"""A fake of Kafka: librdkafka's mock cluster, with a front that adds what that one cannot do.

The mock cluster has topics, messages, offsets and leaders. It knows neither settings of topics nor who is in a group,
has every replica in sync, and never forgets a broker. The front passes everything else on as it is.
"""

import contextlib
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deployments.rehearsal.vendors import kafka_wire as wire
from deployments.rehearsal.vendors.kafka_mock import MockCluster, mock_cluster
from deployments.rehearsal.vendors.kafka_wire import Metadata, Partition, Request, Topic

# The versions that the front can read: (lowest, highest) of each request that it alters or answers.
_ALTERED: Mapping[int, tuple[int, int]] = {
    wire.METADATA: (1, 1),
    wire.FIND_COORDINATOR: (0, 0),
    wire.DESCRIBE_GROUPS: (0, 0),
    wire.DESCRIBE_CONFIGS: (0, 0),
}
_TOPIC_RESOURCE = 2
_UNSUPPORTED_VERSION = 35
_NOBODY = struct.pack("!hh", wire.API_VERSIONS, 0) + struct.pack("!i", 0) + wire.text("front")
_DEFAULTS = {
    "cleanup.policy": "delete",
    "retention.ms": "604800000",
    "retention.bytes": "-1",
    "min.insync.replicas": "2",
    "unclean.leader.election.enable": "false",
    "max.message.bytes": "1048588",
}


@dataclass
class KafkaState:
    """What the front adds or hides; whoever serves it may change it at any time.

    Attributes:
        settings: topic → its settings; those of the broker go for what is not here.
        members: consumer group → how many consumers are in it.
        hidden: topics that are not there.
        gone: brokers that the cluster has forgotten.
        out_of_sync: topic → replicas that lag behind in all of its partitions.
        partitions: topic → how many of its partitions are there.
        replicas: topic → how many replicas each of its partitions has.
        troubles: consumer group → the number of the error that is said of it when its members are asked for.
        controller: the broker that is controller; -1 where there is none.
    """

    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    out_of_sync: dict[str, set[int]] = field(default_factory=dict)
    partitions: dict[str, int] = field(default_factory=dict)
    replicas: dict[str, int] = field(default_factory=dict)
    troubles: dict[str, int] = field(default_factory=dict)
    controller: int = 1

    def seen(self, metadata: Metadata, ports: Mapping[int, int]) -> Metadata:
        """The mock's metadata as a client gets it, with the front's ports."""
        brokers = {number: ("127.0.0.1", ports[number]) for number in metadata.brokers if number not in self.gone}
        topics = tuple(self._topic(topic) for topic in metadata.topics if topic.name not in self.hidden)
        return metadata.but(brokers=brokers, controller=self.controller, topics=topics)

    def _topic(self, topic: Topic) -> Topic:
        some = topic.partitions[: self.partitions.get(topic.name)]
        return replace(topic, partitions=tuple(self._partition(topic.name, one) for one in some))

    def _partition(self, topic: str, one: Partition) -> Partition:
        behind = self.gone | self.out_of_sync.get(topic, set())
        error = wire.LEADER_NOT_AVAILABLE if one.leader < 0 else one.error
        replicas = one.replicas[: self.replicas.get(topic)]
        in_sync = tuple(number for number in one.in_sync if number in replicas and number not in behind)
        return replace(one, error=error, replicas=replicas, in_sync=in_sync)


class KafkaFake:
    """The mock cluster and its front.

    Attributes:
        state: what the front adds or hides.
        asked: the keys of all requests that came, in their order.
    """

    def __init__(self) -> None:
        self.state = KafkaState()
        self.asked: list[int] = []
        self._ports: dict[int, int] = {}
        self._mock: MockCluster | None = None

    @property
    def mock(self) -> MockCluster:
        """The mock cluster behind, while it runs."""
        if self._mock is None:
            raise ValueError("the cluster does not run")
        return self._mock

    @property
    def bootstrap(self) -> str:
        """`host:port,host:port` of the front."""
        return ",".join(f"127.0.0.1:{port}" for port in self._ports.values())

    @contextlib.contextmanager
    def running(self, brokers: int = 3) -> Iterator[None]:
        """Served, each broker at a port of its own. Raises BinaryMissing."""
        with contextlib.ExitStack() as stack:
            self._mock = stack.enter_context(mock_cluster(brokers))
            for number, address in enumerate(self._mock.bootstrap, start=1):
                self._ports[number] = stack.enter_context(self._front(int(address.rpartition(":")[2])))
            yield
        self._ports, self._mock = {}, None

    @contextlib.contextmanager
    def _front(self, to: int) -> Iterator[int]:
        fake = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError, EOFError, struct.error):
                    fake._talk(self.request, to)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        with Server(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            thread.start()
            try:
                yield int(server.server_address[1])
            finally:
                server.shutdown()
                thread.join()

    def _talk(self, client: socket.socket, to: int) -> None:
        """One request after the other, as answers come in the order of the requests."""
        with socket.create_connection(("127.0.0.1", to)) as broker:
            while True:
                request = Request.read(wire.read_frame(client))
                self.asked.append(request.key)
                client.sendall(wire.frame(struct.pack("!i", request.correlation) + self._answer(request, broker)))

    def _answer(self, request: Request, broker: socket.socket) -> bytes:
        def passed_on() -> bytes:
            return _ask(broker, request.whole)

        answers: Mapping[int, Callable[[], bytes]] = {
            wire.API_VERSIONS: lambda: _versions(request.version, _ask(broker, _NOBODY)),
            wire.METADATA: lambda: self.state.seen(Metadata.read(passed_on()), self._ports).written(),
            wire.FIND_COORDINATOR: lambda: self._coordinator(passed_on()),
            wire.DESCRIBE_GROUPS: lambda: self._groups([name or "" for name in request.body.many(request.body.text)]),
            wire.DESCRIBE_CONFIGS: lambda: self._configs(request, Metadata.read(_ask(broker, _ALL_TOPICS))),
        }
        return answers.get(request.key, passed_on)()

    def _coordinator(self, body: bytes) -> bytes:
        reader = wire.Reader(body)
        error, number = reader.number("h"), reader.number("i")
        port = self._ports.get(number, 0)
        return struct.pack("!hi", error, number) + wire.text("127.0.0.1") + struct.pack("!i", port)

    def _groups(self, names: Sequence[str]) -> bytes:
        return wire.many([self._group(name, self.state.members.get(name, 0)) for name in names])

    def _group(self, name: str, members: int) -> bytes:
        state = "Stable" if members else "Dead"
        one = wire.text("consumer") + wire.text("a service") + wire.text("/127.0.0.1") + wire.numbers([]) * 2
        kind, protocol = ("consumer", "range") if members else ("", "")
        texts = b"".join(wire.text(each) for each in (name, state, kind, protocol))
        return struct.pack("!h", self.state.troubles.get(name, 0)) + texts + wire.many([one] * members)

    def _configs(self, request: Request, metadata: Metadata) -> bytes:
        known = {topic.name for topic in metadata.topics} - self.state.hidden
        reader = request.body

        def resource() -> bytes:
            kind, name = reader.number("b"), reader.text() or ""
            reader.many(reader.text)  # names of settings; all are given
            error = 0 if kind == _TOPIC_RESOURCE and name in known else wire.UNKNOWN_TOPIC
            own = self.state.settings.get(name, {})
            written = [
                wire.text(setting) + wire.text(value) + struct.pack("!bbb", 0, setting not in own, 0)
                for setting, value in {**_DEFAULTS, **own}.items()
                if not error
            ]
            return (
                struct.pack("!h", error)
                + wire.text("unknown topic" if error else None)
                + struct.pack("!b", kind)
                + wire.text(name)
                + wire.many(written)
            )

        return struct.pack("!i", 0) + wire.many(reader.many(resource))


_ALL_TOPICS = struct.pack("!hhi", wire.METADATA, 1, 0) + wire.text("front") + struct.pack("!i", -1)


def _ask(broker: socket.socket, request: bytes) -> bytes:
    """The body of the broker's answer, without its header."""
    broker.sendall(wire.frame(request))
    return wire.read_frame(broker)[4:]


def _versions(asked_in: int, body: bytes) -> bytes:
    """What the broker can do, within what the front can read; always in the oldest form, which newer clients accept."""
    reader = wire.Reader(body)
    reader.number("h")
    known = {key: (low, high) for key, low, high in reader.many(lambda: _three(reader))}
    entries = [struct.pack("!hhh", key, low, high) for key, (low, high) in {**known, **_ALTERED}.items()]
    return struct.pack("!h", _UNSUPPORTED_VERSION if asked_in else 0) + wire.many(entries)


def _three(reader: wire.Reader) -> tuple[int, int, int]:
    return reader.number("h"), reader.number("h"), reader.number("h")
