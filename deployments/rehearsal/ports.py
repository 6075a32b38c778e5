"""Free ports on 127.0.0.1, such that nobody else is handed the same one meanwhile."""

import secrets
import socket
from pathlib import Path

from deployments.rehearsal.server_errors import NoFreePort

_TRIES = 200
_BELOW_EPHEMERAL = 12_000


def free_port() -> int:
    """A TCP port on 127.0.0.1 on which nothing listens, reserved for this process until it ends.

    It lies below the range from which the kernel takes ports for outgoing connections (else a client of ours could
    sit on it before the server does). The reservation is an abstract Unix socket named after the port (Linux, unix(7)):
    two rehearsals on one machine never choose the same, and nothing is left behind by one that was killed.
    """
    last = _first_ephemeral_port() - 1
    first = max(1024, last - _BELOW_EPHEMERAL)
    for _ in range(_TRIES):
        port = first + secrets.randbelow(last - first + 1)
        if _reserve(port):
            return port
    raise NoFreePort(first, last, _TRIES)


def _first_ephemeral_port() -> int:
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    except OSError:
        return 32_768
    return max(8_192, int(text.split()[0]))


def _reserve(port: int) -> bool:
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        holder.bind(f"\0tminus-port-{port}")
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        holder.close()
        return False
    holder.detach()  # held, on purpose, until this process ends
    return True
