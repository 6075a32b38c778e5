"""Probes that say whether a server on 127.0.0.1 is ready."""

import http.client
import socket
from collections.abc import Callable

_TIMEOUT = 1.0  # seconds


def port_open(port: int) -> Callable[[], bool]:
    """A probe: something accepts TCP connections on this port of 127.0.0.1."""

    def probe() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT):
                return True
        except OSError:
            return False

    return probe


def http_answers(port: int, path: str = "/", status: int = 200) -> Callable[[], bool]:
    """A probe: GET `path` on this port of 127.0.0.1 answers with `status`."""

    def probe() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == status
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return probe
