"""A server with the gateway's own configuration, and somebody who asks whether it is alive."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn

from tests.tminus.slack_room import eventually


@contextmanager
def served(config: uvicorn.Config) -> Iterator[tuple[str, int]]:
    """The address at which a server with the gateway's own configuration listens."""
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        eventually(lambda: server.started)
        yield listening.getsockname()
        server.should_exit = True
        thread.join()


def well(at: tuple[str, int]) -> bool:
    """Whether somebody else is served."""
    with httpx.Client(trust_env=False, timeout=5) as client:
        return client.get(f"http://{at[0]}:{at[1]}/health").status_code == 200


def metrics(at: tuple[str, int]) -> list[str]:
    """What monitoring reads."""
    with httpx.Client(trust_env=False, timeout=5) as client:
        return client.get(f"http://{at[0]}:{at[1]}/metrics").text.splitlines()
