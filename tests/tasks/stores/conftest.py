"""Servers that speak no protocol at all."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

Babbling = Callable[[bytes], contextlib.AbstractContextManager[int]]


@contextlib.contextmanager
def _babbling(said: bytes) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_talk, args=(server, said), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _talk(server: socket.socket, said: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                while connection.recv(65_536) and said:
                    connection.sendall(said)


@pytest.fixture
def babbling() -> Babbling:
    """A block with a port at which every request gets the same bytes; for none, the connection is closed."""
    return _babbling
