"""Handshakes with what is no sound TLS server."""

import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from deployments.rehearsal.vendors.front_tls import Authority, TlsServer
from tasks.tls_handshake import address_of, distrust, reaches, takes
from tests.conftest import Estates
from tests.tasks.web.conftest import Answering, Look
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.outcome import Verdict

Answer = Callable[[socket.socket], None]


@contextmanager
def one_that(answer: Answer) -> Iterator[str]:
    """The address of a server that does this with each connection."""

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def reads_and_closes(connection: socket.socket) -> None:
    """Says nothing."""
    connection.recv(4096)


def sends_garbage(connection: socket.socket) -> None:
    """Is something else."""
    connection.recv(4096)
    connection.sendall(b"220 mail.vatic.example ESMTP\r\n" + bytes(range(256)))


def is_silent(connection: socket.socket) -> None:
    """Waits until the other one is gone."""
    while connection.recv(4096):
        pass


async def test_one_that_closes_the_connection_is_unknown(look: Look) -> None:
    """A balancer with nobody behind it does that."""
    with one_that(reads_and_closes) as url:
        outcome = await look("tls.endpoint", {"version": "= TLSv1.3"}, url=url)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "broke during the handshake" in outcome.summary


async def test_one_that_speaks_something_else_has_no_tls(look: Look) -> None:
    """And with it no trust, no time left, and every older version."""
    with one_that(sends_garbage) as url:
        expect = {"version": "= none", "trusted": "= no", "expires": "= 0 d", "older": "= accepted"}
        outcome = await look("tls.endpoint", expect, url=url)
    assert outcome.verdict is Verdict.PASS, outcome


async def test_one_that_waits_is_unknown(look: Look) -> None:
    """As soon as the time is up."""
    with one_that(is_silent) as url:
        outcome = await look("tls.endpoint", {"version": "= TLSv1.3"}, url=url, within="100 ms")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "no TLS handshake within 0.1s" in outcome.summary


async def test_a_chain_and_a_name_are_judged_apart(estates: Estates, look: Look) -> None:
    """A certificate that nobody vouches for may still name the host, and one that has ended too."""
    folder = estates.folder
    own = Authority("nobody").issue(folder, ["127.0.0.1"], timedelta(days=-1))
    with TlsServer(own, oldest=ssl.TLSVersion.TLSv1_2).served() as port:
        expect = {"trusted": "= no", "hostname": "= match", "expires": "< 0 d", "oldest": "= TLSv1.2"}
        outcome = await look("tls.endpoint", expect, url=f"https://127.0.0.1:{port}")
    assert outcome.verdict is Verdict.PASS, outcome


async def test_redirects_are_asked_only_where_they_are_expected(
    answering: Answering, estates: Estates, look: Look
) -> None:
    """Port 80 of somebody's host is not tried for nothing."""
    certificate = Authority("nobody").issue(estates.folder, ["127.0.0.1"], timedelta(days=9))
    with TlsServer(certificate).served() as port:
        await look("tls.endpoint", {"version": "= TLSv1.3"}, url=f"https://127.0.0.1:{port}", plain="api")
    assert answering.asked == []


async def test_an_authority_that_cannot_be_read_is_unknown(answering: Answering, estates: Estates) -> None:
    """Nobody was trusted, so nothing is known; the file is named."""
    gone = Path("/nowhere/ca.pem")
    async with estates.make(endpoints={"api": {"url": answering.url, "ca_file": str(gone)}}) as estate:
        from tasks.checks.web_answers import Answer as JsonAnswer

        outcome = await JsonAnswer.model_validate(
            {"endpoint": "api", "path": "/", "expect": {"status": "= 200"}}
        ).observe(estate)
    assert outcome.verdict is Verdict.UNKNOWN
    assert str(gone) in outcome.summary


@pytest.mark.parametrize("url", ["", "example.com", "https://", "https://a:99999", "https://a:b", "gopher://a"])
def test_an_address_has_a_host_and_a_port(url: str) -> None:
    """Else the environment is to be mended."""
    with pytest.raises(NotConfigured, match="https://api"):
        address_of(url)


async def test_one_that_does_not_answer_an_older_version_has_not_refused_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be a firewall's doing; nor is it refused where this machine cannot even offer it."""
    with one_that(is_silent) as url, pytest.raises(CouldNotObserve, match="no TLS handshake"):
        await takes(address_of(url), ssl.TLSVersion.TLSv1_2, timedelta(milliseconds=100))
    with one_that(is_silent) as url, pytest.raises(CouldNotObserve, match="no TLS handshake"):
        await distrust(address_of(url), None, timedelta(milliseconds=100))
    monkeypatch.setattr(ssl, "HAS_TLSv1", False)
    with pytest.raises(CouldNotObserve, match=r"does not speak TLSv1,"):
        await takes(address_of("https://127.0.0.1:1"), ssl.TLSVersion.TLSv1, timedelta(milliseconds=100))


async def test_an_address_without_an_answer_in_time_was_not_seen() -> None:
    """Only one that refuses is known not to answer."""
    with one_that(is_silent) as url, pytest.raises(CouldNotObserve):
        await reaches(address_of(url), "127.0.0.1", None, timedelta(milliseconds=100))
    assert not await reaches(address_of("https://127.0.0.1:1"), "127.0.0.1", None, timedelta(seconds=1))


async def test_no_way_to_an_address_is_no_answer_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without IPv6 says nothing of who has it."""

    def no_way(*_: object, **__: object) -> socket.socket:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", no_way)
    with pytest.raises(CouldNotObserve, match="no connection"):
        await reaches(address_of("https://api.example"), "2001:db8::1", None, timedelta(seconds=1))
