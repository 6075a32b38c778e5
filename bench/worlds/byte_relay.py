"""A TCP relay that replaces what passes through it, for what a real server cannot be made to say within a second."""

import contextlib
import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

_CHUNK = 65_536


@dataclass
class ByteRelay:
    """Passes connections on to a port of this machine.

    Attributes:
        to: the port behind.
        replaced: pattern → what the server's answers have in its place, of the same length, since protocols count.
    """

    to: int
    replaced: dict[re.Pattern[bytes], bytes] = field(default_factory=dict)

    @contextlib.contextmanager
    def running(self) -> Iterator[int]:
        """The port at which it listens."""
        relay = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", relay.to)) as behind:
                    threading.Thread(target=_copy, args=(self.request, behind), daemon=True).start()
                    while chunk := behind.recv(_CHUNK):
                        self.request.sendall(relay.altered(chunk))

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

    def altered(self, chunk: bytes) -> bytes:
        """What goes on to the client."""
        for pattern, other in self.replaced.items():
            chunk = pattern.sub(other, chunk)
        return chunk


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Until one of them ends; a process that was killed ends with a reset, and that is passed on as an end too."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
