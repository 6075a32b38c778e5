"""A wire between a gateway and Slack that can be cut, or go dead without anybody noticing."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event as Flag
from threading import Thread


class Wire:
    """Passes TCP connections on to another port of this machine.

    Attributes:
        address: where to connect instead.
        upward: cleared, nothing that the gateway says gets through; it is lost where the wire is cut meanwhile.
        downward: cleared, nothing that Slack says gets through.
        passed: how many connections there were.
    """

    def __init__(self, listening: socket.socket, to: int) -> None:
        self._listening, self._to = listening, to
        self.address = f"ws://127.0.0.1:{listening.getsockname()[1]}"
        self.upward, self.downward = Flag(), Flag()
        self.upward.set()
        self.downward.set()
        self.passed = 0
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def cut(self) -> None:
        """Both ends get a reset."""
        for end in self._taken():
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            _end(end)

    def hang_up(self) -> None:
        """Both ends hear that nothing more comes, without a word of WebSocket."""
        for end in self._taken():
            _end(end)

    def serve(self) -> None:
        """Until the listening socket is closed."""
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self.passed += 1
                self._pairs.append((near, far))
                Thread(target=self._pass, args=(near, far, self.upward), daemon=True).start()
                Thread(target=self._pass, args=(far, near, self.downward), daemon=True).start()

    def _taken(self) -> Iterator[socket.socket]:
        pairs, self._pairs = self._pairs, []
        yield from (end for pair in pairs for end in pair)

    def _pass(self, source: socket.socket, sink: socket.socket, through: Flag) -> None:
        with suppress(OSError):
            while some := source.recv(65536):
                through.wait()
                sink.sendall(some)
        for end in (source, sink):
            _end(end)


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def wire(to: int) -> Iterator[Wire]:
    """A wire to this port, for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Wire(listening, to)
        thread = Thread(target=found.serve, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            found.upward.set()
            found.downward.set()
            found.hang_up()
