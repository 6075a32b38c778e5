"""Commands to a scratch Redis, many in one round trip, over its socket file. Blocks: call it from a thread."""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from tminus.errors import CouldNotObserve

Command = tuple[bytes | str | int, ...]
_TIMEOUT = 120.0  # seconds for one answer; one command of a scratch server's takes milliseconds
_LONGEST_PATH = 100  # bytes: a socket's path may have 107 (unix(7))
_BUFFER = 1 << 18


class Wire:
    """One connection, by version 2 of Redis' protocol, https://redis.io/docs/latest/develop/reference/protocol-spec/.

    Every method raises CouldNotObserve where the server is gone, or refuses a command.
    """

    def __init__(self, connection: socket.socket, answers: BinaryIO) -> None:
        self._connection = connection
        self._answers = answers

    def ask(self, *command: bytes | str | int) -> object:
        """The answer to one command: bytes, a number, a list of such, or None."""
        return self.many([command])[0]

    def many(self, commands: Sequence[Command], *, gone_is_none: bool = False) -> list[object]:
        """The answers to all of them, in their order, after one round trip.

        With `gone_is_none`, what is refused is answered by None: so some commands tell that their key is gone.
        """
        try:
            self._connection.sendall(b"".join(_packed(command) for command in commands))
            replies = [self._reply() for _ in commands]
        except (OSError, ValueError) as e:
            raise CouldNotObserve(f"the scratch Redis did not answer {commands[0][0]!r}: {type(e).__name__}") from e
        if gone_is_none:
            return [None if isinstance(reply, Refusal) else reply for reply in replies]
        for command, reply in zip(commands, replies, strict=True):
            if isinstance(reply, Refusal):
                raise CouldNotObserve(f"the scratch Redis refused {command[0]!r}: {reply.code}")
        return replies

    def _reply(self) -> object:
        line = self._answers.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return self._string(int(rest))
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest
        if kind == b"*":
            count = int(rest)
            return None if count < 0 else [self._reply() for _ in range(count)]
        if kind == b"-":
            return Refusal(rest.split(b" ", 1)[0].decode(errors="replace")[:20])
        raise ConnectionError("it closed the connection")

    def _string(self, length: int) -> bytes | None:
        if length < 0:
            return None
        text = self._answers.read(length + 2)
        if len(text) != length + 2:
            raise ConnectionError("it closed the connection")
        return text[:-2]


@dataclass(frozen=True)
class Refusal:
    """An error as a reply: its first word, `ERR` or `WRONGTYPE`; the rest may quote what was sent."""

    code: str


@contextmanager
def wire(path: Path, password: str) -> Iterator[Wire]:
    """A connection to the server at a socket file; raises CouldNotObserve where nothing answers there."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_TIMEOUT)
        try:
            with reachable(path) as short:
                connection.connect(short)
        except OSError as e:
            raise CouldNotObserve(f"the scratch Redis does not answer: {e.strerror}") from e
        with connection.makefile("rb", buffering=_BUFFER) as answers:
            opened = Wire(connection, cast("BinaryIO", answers))
            opened.ask("AUTH", password)
            yield opened


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """A path to a socket file that is short enough to connect to, however deep its folder lies."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def as_number(reply: object) -> int:
    """A reply that must be a number; raises CouldNotObserve."""
    if isinstance(reply, int):
        return reply
    raise CouldNotObserve(f"the scratch Redis answered with {type(reply).__name__} where a number was due")


def as_bytes(reply: object) -> bytes:
    """A reply that must be a string; raises CouldNotObserve."""
    if isinstance(reply, bytes):
        return reply
    raise CouldNotObserve(f"the scratch Redis answered with {type(reply).__name__} where a string was due")


def as_list(reply: object) -> list[object]:
    """A reply that must be a list; raises CouldNotObserve."""
    if isinstance(reply, list):
        return reply
    raise CouldNotObserve(f"the scratch Redis answered with {type(reply).__name__} where a list was due")


def _packed(command: Command) -> bytes:
    words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
    return b"*%d\r\n%s" % (len(words), b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
