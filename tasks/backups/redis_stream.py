"""A snapshot of a running Redis by its replication protocol: the way a new replica gets its first copy. Blocks.

The password goes over the connection only. See https://redis.io/docs/latest/commands/sync/ and, for the form of the
answer, "Diskless replication" in https://redis.io/docs/latest/operate/oss_and_stack/management/replication/.
"""

import re
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import BinaryIO, cast

from pydantic import SecretStr

from tasks.giving_up import raise_if_given_up
from tminus.errors import CouldNotObserve
from tminus.foreign_text import printable

_CONNECT = 5.0  # seconds
_SILENCE = 60.0  # seconds: while it prepares the snapshot, a server sends an empty line every second
_PREPARING = 3600.0  # seconds until it must begin to come, however many of these lines are sent
_CHUNK = 1 << 20
_MARK = 40  # bytes that end a snapshot of a length not known beforehand
_LINE = 512  # bytes of a reply that is one line
_SAID = 120  # characters of it that fit into a sentence
_WHOLE = re.compile(rb"\$(\d+)\r\n")
_MARKED = re.compile(rb"\$EOF:(.{40})\r\n", re.DOTALL)


def snapshot(name: str, url: SecretStr, into: BinaryIO) -> int:
    """Writes the server's RDB file as it is now into `into`; returns its size in bytes.

    Args:
        name: of the environment's section, for sentences.
        url: as redis-py reads it (`redis://`, `rediss://` with its `ssl_…` options, `unix://`).
        into: a file.

    Raises CouldNotObserve where the server does not answer, refuses (managed servers often do), or stops on its way.
    """
    try:
        with _connected(url) as connection:
            return _Stream(connection, name).copy(url, into)
    except (OSError, ValueError) as e:
        what = "fell silent" if isinstance(e, TimeoutError) else type(e).__name__
        raise CouldNotObserve(f"redis {name}: no snapshot came over the connection ({what}); is it up?") from e


class _Stream:
    """What is read of the connection, byte by byte as far as lines go."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        self._connection = connection
        self._name = name
        self._ahead = b""

    def copy(self, url: SecretStr, into: BinaryIO) -> int:
        options = _options(url)
        if password := options.get("password"):
            username = options.get("username")
            self._ask("AUTH", *([username] if username else []), password)
        for capability in (("capa", "eof"), ("rdb-only", "1")):  # servers that know neither do without
            with suppress(_Refusal):
                self._ask("REPLCONF", *capability)
        self._send("SYNC")
        first = self._line(patient=True)
        if whole := _WHOLE.fullmatch(first):
            return self._copy_whole(int(whole[1]), into)
        if marked := _MARKED.fullmatch(first):
            return self._copy_marked(marked[1], into)
        raise self._refused("SYNC", first)

    def _copy_whole(self, size: int, into: BinaryIO) -> int:
        left = size
        while left:
            chunk = self._read(min(left, _CHUNK))
            into.write(chunk)
            left -= len(chunk)
        return size

    def _copy_marked(self, mark: bytes, into: BinaryIO) -> int:
        size, held = 0, b""
        while not (held := held + self._read(_CHUNK)).endswith(mark):
            into.write(held[:-_MARK])
            size += len(held[:-_MARK])
            held = held[-_MARK:]
        into.write(held[:-_MARK])
        return size + len(held) - _MARK

    def _ask(self, *words: str) -> None:
        self._send(*words)
        answer = self._line(patient=False)
        if not answer.startswith(b"+"):
            raise self._refused(words[0], answer)

    def _send(self, *words: str) -> None:
        packed = [word.encode() for word in words]
        body = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in packed)
        self._connection.sendall(b"*%d\r\n%s" % (len(packed), body))

    def _line(self, *, patient: bool) -> bytes:
        """The next line; empty ones only say that the server still works on it."""
        until = monotonic() + _PREPARING
        while monotonic() < until:
            while b"\n" not in self._ahead:
                if len(self._ahead) > _LINE:
                    raise CouldNotObserve(f"redis {self._name}: what answers there is no Redis")
                self._ahead += self._received(_LINE)
            line, _, self._ahead = self._ahead.partition(b"\n")
            if line or not patient:
                return line + b"\n"
        raise CouldNotObserve(f"redis {self._name}: its snapshot did not begin to come within {_PREPARING:.0f} s")

    def _read(self, most: int) -> bytes:
        if self._ahead:
            chunk, self._ahead = self._ahead[:most], self._ahead[most:]
            return chunk
        return self._received(most)

    def _received(self, most: int) -> bytes:
        raise_if_given_up(f"redis {self._name}: its snapshot")
        chunk = self._connection.recv(most)
        if not chunk:
            raise CouldNotObserve(f"redis {self._name}: it closed the connection before its snapshot was whole")
        return chunk

    def _refused(self, command: str, answer: bytes) -> "_Refusal":
        said = printable(answer.decode(errors="replace")).strip()[:_SAID]
        return _Refusal(
            f"redis {self._name} refuses {command}: {said}. A backup needs a user that may SYNC; a managed server that "
            "allows no replica outside its own cloud is backed up by that cloud"
        )


class _Refusal(CouldNotObserve):
    """The server understood, and said no."""


def _options(url: SecretStr) -> Mapping[str, str]:
    import redis.connection

    parse = cast("Callable[[str], Mapping[str, object]]", redis.connection.parse_url)
    try:
        return {name: str(value) for name, value in parse(url.get_secret_value()).items()}
    except ValueError:  # its message quotes the URL, password and all
        raise CouldNotObserve("the Redis URL cannot be parsed; it begins with redis://, rediss:// or unix://") from None


def _connected(url: SecretStr) -> socket.socket:
    options = _options(url)
    if path := options.get("path"):
        plain = socket.socket(socket.AF_UNIX)
        plain.settimeout(_CONNECT)
        plain.connect(path)
    else:
        host, port = options.get("host", "localhost"), int(options.get("port", "6379"))
        plain = socket.create_connection((host, port), timeout=_CONNECT)
        if url.get_secret_value().startswith("rediss://"):
            plain = _tls(options).wrap_socket(plain, server_hostname=host)
    plain.settimeout(_SILENCE)
    return plain


def _tls(said: Mapping[str, str]) -> ssl.SSLContext:
    """As redis-py would have it: what the URL's `ssl_…` options ask for, and verification unless they say `none`."""
    context = ssl.create_default_context(cafile=said.get("ssl_ca_certs"), capath=said.get("ssl_ca_path"))
    if said.get("ssl_check_hostname", "").lower() in {"false", "0", "no"}:
        context.check_hostname = False
    if said.get("ssl_cert_reqs") == "none":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if "ssl_certfile" in said:
        context.load_cert_chain(said["ssl_certfile"], said.get("ssl_keyfile"), said.get("ssl_password"))
    return context
