"""A snapshot over the connection of a replica: every form of it, and servers that refuse, stop or are no Redis."""

import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.rehearsal.loopback_certificate import make
from deployments.rehearsal.stand_in_server import TlsFiles
from tasks.backups import redis_stream
from tasks.backups.redis_stream import snapshot
from tasks.giving_up import abandonable
from tests.tasks.backups.redis_room import PROGRAMS, live_redis
from tminus.errors import CouldNotObserve

MARK = b"0123456789abcdef0123456789abcdef01234567"
Serve = Callable[..., "Fake"]


class Fake:
    """Answers AUTH and REPLCONF, and SYNC with the given pieces; then it closes. A fake of a Redis."""

    def __init__(
        self, pieces: Sequence[bytes], refuses: bytes = b"", tls: TlsFiles | None = None, every: float = 0.0
    ) -> None:
        self.heard = b""
        self._every = every
        self._pieces, self._refuses, self._tls = pieces, refuses, tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> SecretStr:
        """With a password."""
        return SecretStr(
            f"redis{'s' if self._tls else ''}://keeper:s3cret@127.0.0.1:{self._listening.getsockname()[1]}"
        )

    def close(self) -> None:
        """Ends it."""
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):  # the client has gone, it may be before it was heard
            connection, _ = self._listening.accept()
            with connection:
                self._answer(self._encrypted(connection) if self._tls else connection)

    def _encrypted(self, connection: socket.socket) -> socket.socket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        assert self._tls is not None
        context.load_cert_chain(self._tls.certificate, self._tls.key)
        return context.wrap_socket(connection, server_side=True)

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while b"SYNC" not in self.heard.replace(b"PSYNC", b""):
                said = connection.recv(4096)
                if not said:
                    return
                self.heard += said
                for word in (b"AUTH", b"REPLCONF"):
                    if word in said:
                        connection.sendall(b"-ERR refused\r\n" if word == self._refuses else b"+OK\r\n")
            for piece in self._pieces:
                connection.sendall(piece)
                time.sleep(self._every)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts fakes, and ends them."""
    fakes: list[Fake] = []

    def start(pieces: Sequence[bytes], refuses: bytes = b"", tls: TlsFiles | None = None, every: float = 0.0) -> Fake:
        fakes.append(Fake(pieces, refuses, tls, every))
        return fakes[-1]

    yield start
    for fake in fakes:
        fake.close()


@pytest.mark.parametrize(
    "pieces",
    [
        [b"\n", b"\n$5\r\nREDIS"],
        [b"$5\r\nREDIS*1\r\n$4\r\nPING\r\n"],
        [b"\n\n$EOF:" + MARK + b"\r\n", b"RED", b"IS" + MARK],
        [b"$EOF:" + MARK + b"\r\nREDIS" + MARK[:7], MARK[7:]],
        [b"$EOF:" + MARK + b"\r\n", *(bytes([one]) for one in b"REDIS" + MARK)],
    ],
)
def test_each_form(serve: Serve, pieces: list[bytes]) -> None:
    """Of a length that is known or not, in pieces of any size, with what keeps a connection alive before it."""
    fake, into = serve(pieces), io.BytesIO()
    assert snapshot("cache", fake.url, into) == 5
    assert into.getvalue() == b"REDIS"
    assert b"keeper" in fake.heard


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([b"-NOPERM this user has no permissions\r\n"], "refuses SYNC: -NOPERM"),
        ([b"-ERR unknown command\r\n"], "managed server"),
        ([b"$5\r\nRED"], "closed the connection before"),
        ([b"$EOF:" + MARK + b"\r\nREDIS"], "closed the connection before"),
        ([b"$EOF:short\r\nREDIS"], "refuses SYNC"),
        ([], "closed the connection before"),
        ([b"HTTP/1.1 400 Bad Request" + b"x" * 2000], "no Redis"),
    ],
)
def test_what_is_no_snapshot(serve: Serve, pieces: list[bytes], said: str) -> None:
    """A refusal, an end too early, and another protocol are said, without the password."""
    fake = serve(pieces)
    with pytest.raises(CouldNotObserve, match=said) as refused:
        snapshot("cache", fake.url, io.BytesIO())
    assert "s3cret" not in str(refused.value)


def test_one_that_only_says_that_it_works_on_it(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty line every second keeps a connection alive, and no backup waiting for ever."""
    monkeypatch.setattr(redis_stream, "_PREPARING", 0.2)
    with pytest.raises(CouldNotObserve, match="did not begin to come"):
        snapshot("cache", serve([b"\n"] * 20, every=0.05).url, io.BytesIO())


def test_one_that_is_given_up(serve: Serve) -> None:
    """Nothing more is read."""
    with abandonable() as given_up:
        given_up.set()
        with pytest.raises(CouldNotObserve, match="given up"):
            snapshot("cache", serve([b"$5\r\nREDIS"]).url, io.BytesIO())


def test_what_it_does_not_know_it_may_refuse(serve: Serve) -> None:
    """An old server knows no REPLCONF of ours and gives its snapshot; one that refuses the password gives none."""
    assert snapshot("cache", serve([b"$5\r\nREDIS"], refuses=b"REPLCONF").url, io.BytesIO()) == 5
    with pytest.raises(CouldNotObserve, match="refuses AUTH") as refused:
        snapshot("cache", serve([], refuses=b"AUTH").url, io.BytesIO())
    assert "s3cret" not in str(refused.value)


def test_over_tls(serve: Serve, tmp_path: Path) -> None:
    """A server is believed only by the authority that the URL names, unless it says that none is wanted."""
    tls = make(tmp_path)

    def received(options: str) -> int:
        url = serve([b"$5\r\nREDIS"], tls=tls).url.get_secret_value()
        return snapshot("cache", SecretStr(f"{url}{options}"), io.BytesIO())

    assert received(f"?ssl_ca_certs={tls.authority}") == 5
    assert received("?ssl_cert_reqs=none") == 5
    with pytest.raises(CouldNotObserve, match="SSLCertVerificationError"):
        received("")


def test_silence_is_said() -> None:
    """Where nobody listens, that is said with the section's name."""
    with pytest.raises(CouldNotObserve, match="redis cache"):
        snapshot("cache", SecretStr("redis://127.0.0.1:1"), io.BytesIO())
    with pytest.raises(CouldNotObserve, match="cannot be parsed") as refused:
        snapshot("cache", SecretStr("http://u:s3cret@h"), io.BytesIO())
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("diskless", ["yes", "no"])
@pytest.mark.parametrize("program", [pytest.param(one, id=str(one.version)) for one in PROGRAMS])
def test_real_servers(program: "object", diskless: str, tmp_path: Path) -> None:
    """Each server here gives one, from its memory and by way of its disk."""
    with live_redis(program, tmp_path / "live", f"repl-diskless-sync {diskless}") as live:  # type: ignore[arg-type]
        with live.client() as client:
            client.set("a", "b" * 100_000)
        into = io.BytesIO()
        assert snapshot("cache", live.url, into) == len(into.getvalue())
        assert into.getvalue().startswith((b"REDIS", b"VALKEY"))
