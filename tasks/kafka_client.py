"""Clients of a Kafka cluster that only look: as they are configured, and what goes wrong with them."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tasks.estate import CONNECT_WITHIN, Estate
from tminus.credentials import resolve
from tminus.errors import CouldNotObserve, NotConfigured

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

_T = TypeVar("_T")
WITHIN = 10.0  # seconds that one question to the cluster may take
_PORT = 9092
_SILENT = 0  # librdkafka's log level: what goes wrong is said by the check

Configuration = dict[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Kafka:
    """A cluster that is asked.

    Attributes:
        configuration: of every client of it; it may hold a password.
        admin: a client for what the cluster tells about itself.
    """

    configuration: Configuration = field(repr=False)
    admin: "AdminClient"


async def with_kafka(estate: Estate, look: Callable[[Kafka], _T]) -> _T:
    """Runs `look` in a thread, with a client that is closed there when it is done.

    Raises NotConfigured without a section or without confluent-kafka, MissingSecret, and CouldNotObserve where no
    broker listens or one refuses.
    """
    section = estate.environment.kafka
    if section is None:
        raise NotConfigured("the environment names no kafka; add its section to the environment file")
    _library()
    await _listening(section.bootstrap)
    configuration: Configuration = {
        "bootstrap.servers": section.bootstrap,
        "client.id": "tminus",
        "log_level": _SILENT,
        "socket.connection.setup.timeout.ms": int(CONNECT_WITHIN * 1000),
    }
    if section.ca_file or section.username:
        configuration["security.protocol"] = "SASL_SSL" if section.username else "SSL"
    if section.ca_file:
        configuration["ssl.ca.location"] = str(section.ca_file)
    if section.username:
        if section.password is None:
            raise NotConfigured("kafka has a username and no password; add a reference to it to the environment file")
        password = await asyncio.to_thread(resolve, section.password)
        configuration |= {
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": section.username,
            "sasl.password": password.get_secret_value(),
        }

    def looked() -> _T:
        from confluent_kafka.admin import AdminClient

        with refusals(), AdminClient(configuration) as admin:
            return look(Kafka(configuration, admin))

    return await asyncio.to_thread(looked)


def result(future: "Future[_T]") -> _T:
    """What came of a question; raises CouldNotObserve where nothing did in time. KafkaException passes through."""
    try:
        return future.result(timeout=WITHIN + 1)
    except TimeoutError as e:
        raise CouldNotObserve(f"kafka: no answer within {WITHIN:g} s") from e


@contextmanager
def refusals() -> Iterator[None]:
    """The block in which librdkafka's errors become CouldNotObserve, with their names."""
    from confluent_kafka import KafkaException

    try:
        yield
    except KafkaException as e:
        raise CouldNotObserve(f"kafka: {error_name(e)}; is it up, and may this user look?") from e


def error_name(error: Exception) -> str:
    """What Kafka calls it (`UNKNOWN_TOPIC_OR_PART`); its texts hold addresses."""
    cause = error.args[0] if error.args else error
    name = getattr(cause, "name", None)
    return str(name()) if callable(name) else type(cause).__name__


def _library() -> None:
    try:
        import confluent_kafka
    except ImportError as e:
        raise NotConfigured("Kafka needs confluent-kafka, which is not installed; pip install 'tminus[kafka]'") from e
    del confluent_kafka


async def _listening(bootstrap: str) -> None:
    """Raises CouldNotObserve where no broker takes a connection: librdkafka would try for as long as it may."""
    brokers = [broker.strip().rpartition("://")[2] for broker in bootstrap.split(",") if broker.strip()]
    found = await asyncio.gather(*(_accepts(broker) for broker in brokers))
    if not any(found):
        raise CouldNotObserve(f"kafka {', '.join(brokers)[:200]}: no broker takes a connection; is it up?")


async def _accepts(broker: str) -> bool:
    host, colon, port = broker.rpartition(":")
    if not colon:
        host, port = broker, str(_PORT)
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (TimeoutError, OSError, ValueError, OverflowError):
        return False
    writer.close()
    return True
