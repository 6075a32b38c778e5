"""Kafka's wire protocol, as far as the front of the mock cluster reads and writes it.

Source: https://kafka.apache.org/protocol.html. All of it is of the versions before flexible ones.
"""

import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

_T = TypeVar("_T")
METADATA, FIND_COORDINATOR, DESCRIBE_GROUPS, API_VERSIONS, DESCRIBE_CONFIGS = 3, 10, 15, 18, 32
LEADER_NOT_AVAILABLE, UNKNOWN_TOPIC = 5, 3


class Reader:
    """Reads a body from its beginning; raises struct.error where it ends too soon."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def number(self, form: str) -> int:
        """An integer of this struct format (`b`, `h`, `i`)."""
        (value,) = struct.unpack_from(f"!{form}", self._body, self._at)
        self._at += struct.calcsize(form)
        return int(value)

    def text(self) -> str | None:
        """A string; None where it is null."""
        length = self.number("h")
        if length < 0:
            return None
        self._at += length
        return self._body[self._at - length : self._at].decode()

    def many(self, one: Callable[[], _T]) -> list[_T]:
        """An array; a null one is empty."""
        return [one() for _ in range(self.number("i"))]

    def rest(self) -> bytes:
        """What was not read."""
        return self._body[self._at :]


def text(value: str | None) -> bytes:
    """A string, or null."""
    if value is None:
        return struct.pack("!h", -1)
    encoded = value.encode()
    return struct.pack("!h", len(encoded)) + encoded


def many(parts: Sequence[bytes]) -> bytes:
    """An array."""
    return struct.pack("!i", len(parts)) + b"".join(parts)


def numbers(values: Sequence[int]) -> bytes:
    """An array of 32-bit integers."""
    return many([struct.pack("!i", value) for value in values])


@dataclass(frozen=True)
class Partition:
    """A partition as metadata has it; without a leader it is -1."""

    error: int
    number: int
    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


@dataclass(frozen=True)
class Topic:
    """A topic with its partitions."""

    error: int
    name: str
    internal: bool
    partitions: tuple[Partition, ...]


@dataclass(frozen=True)
class Metadata:
    """The answer to a Metadata request of version 1: brokers by number, with host and port."""

    brokers: dict[int, tuple[str, int]] = field(default_factory=dict)
    controller: int = -1
    topics: tuple[Topic, ...] = ()

    @classmethod
    def read(cls, body: bytes) -> "Metadata":
        """From the body of an answer."""
        reader = Reader(body)

        def broker() -> tuple[int, tuple[str, int]]:
            number, host, port = reader.number("i"), reader.text() or "", reader.number("i")
            reader.text()  # the rack
            return number, (host, port)

        def integer() -> int:
            return reader.number("i")

        def partition() -> Partition:
            error, number, leader = reader.number("h"), reader.number("i"), reader.number("i")
            return Partition(error, number, leader, tuple(reader.many(integer)), tuple(reader.many(integer)))

        def topic() -> Topic:
            error, name, internal = reader.number("h"), reader.text() or "", bool(reader.number("b"))
            return Topic(error, name, internal, tuple(reader.many(partition)))

        return cls(dict(reader.many(broker)), reader.number("i"), tuple(reader.many(topic)))

    def written(self) -> bytes:
        """As the body of an answer."""
        brokers = [
            struct.pack("!i", number) + text(host) + struct.pack("!i", port) + text(None)
            for number, (host, port) in self.brokers.items()
        ]
        return many(brokers) + struct.pack("!i", self.controller) + many([_topic(one) for one in self.topics])

    def but(self, **changed: object) -> "Metadata":
        """The same with other fields."""
        return replace(self, **changed)  # type: ignore[arg-type]


def _topic(one: Topic) -> bytes:
    partitions = [
        struct.pack("!hii", part.error, part.number, part.leader) + numbers(part.replicas) + numbers(part.in_sync)
        for part in one.partitions
    ]
    return struct.pack("!h", one.error) + text(one.name) + struct.pack("!b", one.internal) + many(partitions)


@dataclass(frozen=True)
class Request:
    """A request with its header read; `whole` is all of it, as it goes on to a broker."""

    key: int
    version: int
    correlation: int
    body: Reader
    whole: bytes

    @classmethod
    def read(cls, whole: bytes) -> "Request":
        """From what a frame holds; of flexible requests the body is not to be read."""
        reader = Reader(whole)
        key, version, correlation = reader.number("h"), reader.number("h"), reader.number("i")
        reader.text()  # the client's name
        return cls(key, version, correlation, reader, whole)


def frame(body: bytes) -> bytes:
    """With its length before it."""
    return struct.pack("!i", len(body)) + body


def read_frame(connection: socket.socket) -> bytes:
    """What one frame holds; raises EOFError where the other side has gone."""
    return _exactly(connection, struct.unpack("!i", _exactly(connection, 4))[0])


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = connection.recv(count - len(found))
        if not more:
            raise EOFError
        found += more
    return found
