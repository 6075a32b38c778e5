"""Whom a Socket Mode connection is opened to, what is said where it cannot be, and what comes over it that is none."""

import asyncio
import socket
import threading
import time
from contextlib import suppress
from threading import Thread

import pytest
from pydantic import SecretStr
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from deployments.rehearsal.in_thread import Door, served
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.sampling import few
from tests.tminus.slack_line import APP_TOKEN, Line, listening
from tests.tminus.slack_room import Room, eventually
from tests.tminus.slack_wire import Wire
from tminus.slack_answers import SlackAnswers, Told
from tminus.slack_connection import NotOpened, SlackConnection, _Client
from tminus.slack_payload import is_slacks_socket

_GARBAGE = [
    (b"<html>", "text/html", 200),
    (b"\xff\xfe", "application/json", 200),
    (b"[]", "application/json", 200),
    (b"null", "application/json", 200),
    (b'{"ok": true}', "application/json", 200),
    (b'{"ok": true, "url": 7}', "application/json", 200),
    (b'{"ok": false}', "application/json", 200),
    (b"[" * 100_000, "application/json", 200),
    (b"", "application/json", 200),
    (b'{"ok": false, "error": "ratelimited"}', "application/json", 429),
    (b"gone", "text/plain", 503),
]


class TestOpening:
    """Whom it connects to, and what is said where it cannot."""

    def test_a_wrong_token_is_trouble(self, app: SlackStandIn, channel: Room) -> None:
        """Somebody has to let it in; meanwhile it tries less and less often."""
        app.app_token = SecretStr("another")
        with listening(channel) as line:
            eventually(lambda: line.socket.trouble() == "Slack lets nobody in: Slack refuses: invalid_auth")
            assert "tminus_slack_socket_connected 0" in list(line.socket.metrics())
            app.app_token = SecretStr(APP_TOKEN)
            eventually(lambda: app.sockets.connected == 1)
            eventually(lambda: line.socket.trouble() == "")
            assert "tminus_slack_socket_connected 1" in list(line.socket.metrics())
        assert line.socket.trouble() == "Socket Mode has ended"

    @pytest.mark.long
    def test_one_that_cannot_be_replaced_goes_on_until_it_ends(self, line: Line, app: SlackStandIn) -> None:
        """Slack wants another and gives none: it is asked a few times, and not all the time."""
        app.app_token = SecretStr("another")
        line.befall("warning", seconds=3.0)
        eventually(lambda: app.sockets.connected == 0)
        asked = [call for call in app.record.calls if call.method == "apps.connections.open"]
        assert 2 <= len(asked) <= 6
        app.app_token = SecretStr(APP_TOKEN)
        envelope = line.deliver("devops")
        eventually(lambda: line.acknowledged(envelope))

    def test_the_bots_token_opens_no_connection(self, app: SlackStandIn, channel: Room) -> None:
        """It is of another kind."""
        api = f"{channel.slack_url}/api/"
        with pytest.raises(NotOpened, match="not_allowed_token_type"):
            SlackConnection(app.token, api, lambda _connection, _envelope: None)

    @pytest.mark.parametrize(
        "address", few(["ws://192.0.2.1:9", "wss://example.com", "http://127.0.0.1:9", ""], "wss://example.com")
    )
    def test_an_address_that_is_not_slacks_is_not_connected_to(
        self, app: SlackStandIn, channel: Room, address: str
    ) -> None:
        """Whatever the answer names."""
        app.sockets.address = address or "//"
        with pytest.raises(NotOpened, match="not its own"):
            SlackConnection(SecretStr(APP_TOKEN), f"{channel.slack_url}/api/", lambda _connection, _envelope: None)

    def test_one_that_comes_too_late_is_closed(self, app: SlackStandIn, channel: Room) -> None:
        """A gateway that ends while it connects leaves nothing open behind it."""
        for pause in (0.0, 0.01, 0.03, 0.1):
            with listening(channel):
                time.sleep(pause)
        eventually(lambda: not [one for one in threading.enumerate() if one.name == "slack connection opens"])
        eventually(lambda: app.sockets.connected == 0)

    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [one if at % 4 == 0 else pytest.param(*one, marks=pytest.mark.long) for at, one in enumerate(_GARBAGE)],
    )
    def test_garbage_is_no_connection(self, body: bytes, kind: str, status: int) -> None:
        """Nor does it end what tries: each is an error of the kind that is tried again."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            said = Response(body, status, {"Content-Type": kind, **({"Retry-After": "9999"} if status == 429 else {})})
            await said(scope, receive, send)

        with served(answer) as url:
            with pytest.raises(NotOpened) as refused:
                SlackConnection(SecretStr(APP_TOKEN), f"{url}/api/", lambda _connection, _envelope: None)
            answers = SlackAnswers(f"{url}/api/", lambda: SecretStr("xoxb-1"))
            asyncio.run(answers.whisper("C0LAUNCHES", "U0DEVOPS", Told("x")))
            said = asyncio.run(answers.open_dialog("1", {}))
        assert APP_TOKEN not in str(refused.value)
        assert refused.value.after == (300.0 if status == 429 else 0.0)
        good = body.startswith(b'{"ok": true')
        assert (said == "", answers.lost == 0) == (good, good)
        assert "<html>" not in f"{said}{refused.value}"

    def test_whatever_else_goes_wrong_is_said_and_tried_again(
        self,
        app: SlackStandIn,
        channel: Room,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """What nobody foresaw ends one try, and not Socket Mode."""
        troubles = iter([KeyError("a secret"), AssertionError("a secret")])
        rightly = SlackConnection._open

        def broken(self: SlackConnection) -> None:
            for trouble in troubles:
                raise trouble
            rightly(self)

        monkeypatch.setattr(SlackConnection, "_open", broken)
        with listening(channel) as line:
            eventually(lambda: app.sockets.connected == 1)
            assert line.socket.trouble() == ""
        assert "no connection to Slack: it cannot be opened: KeyError" in caplog.text
        assert "a secret" not in caplog.text

    def test_where_no_thread_can_be_begun_it_is_tried_again(
        self, app: SlackStandIn, channel: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """However often: Socket Mode does not end by it, and no place is lost."""
        monkeypatch.setattr("tminus.slack_socket._pause", lambda _short: 0.0)
        tries = iter(range(6))

        class Refused(Thread):
            def start(self) -> None:
                if self.name == "slack connection opens":
                    for _ in tries:
                        raise RuntimeError("can't start new thread")
                super().start()

        monkeypatch.setattr("tminus.bounded_threads.Thread", Refused)
        with listening(channel) as line:
            eventually(lambda: app.sockets.connected == 1)
            assert line.socket.trouble() == ""
        assert "no connection to Slack: no thread can be begun" in caplog.text

    def test_one_that_never_comes_is_given_up(
        self, app: SlackStandIn, channel: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A Slack that says its address byte by byte holds up no other try, and gets no thread for each of them."""
        monkeypatch.setattr("tminus.slack_socket._OPENING", 0.1)
        monkeypatch.setattr("tminus.slack_socket._pause", lambda _short: 0.0)
        over, begun = threading.Event(), list[int]()
        rightly = SlackConnection._open

        def slow(self: SlackConnection) -> None:
            begun.append(1)
            over.wait(30)
            rightly(self)

        monkeypatch.setattr(SlackConnection, "_open", slow)
        with listening(channel) as line:
            try:
                eventually(lambda: "4 earlier ones are still being opened" in caplog.text)
                assert (len(begun), line.socket.trouble()) == (4, "")
                assert "no connection to Slack: it is not open after 0.1 s" in caplog.text
                monkeypatch.setattr("tminus.slack_socket._LASTS", 0.0)
                assert "none of 4 connections" in line.socket.trouble()
            finally:
                monkeypatch.setattr("tminus.slack_socket._OPENING", 10.0)
                over.set()
            eventually(lambda: app.sockets.connected == 1)
        eventually(lambda: app.sockets.connected == 0)

    @pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # left by the client to whoever collects
    def test_a_proxys_password_and_what_is_pressed_are_in_no_log(
        self, monkeypatch: pytest.MonkeyPatch, every_log_line: pytest.LogCaptureFixture
    ) -> None:
        """The client's own library writes both where something goes wrong."""
        connection = SlackConnection.__new__(SlackConnection)
        connection._greeted = threading.Event()

        def fails(_connection: SlackConnection, _envelope: object) -> None:
            raise ValueError("what was pressed")

        connection._hear = fails
        client = _Client(SecretStr(APP_TOKEN), "https://slack.com/api/")
        with socket.create_server(("127.0.0.1", 0)) as proxy:
            Thread(target=_refuses, args=(proxy,), daemon=True).start()
            client.proxy = f"http://somebody:password-1@127.0.0.1:{proxy.getsockname()[1]}"
            client.wss_uri = "wss://wss-primary.slack.com/link/"
            with suppress(Exception):
                client.connect()
        client.close()
        connection._heard(client, {"envelope_id": "1"}, None)
        assert "password-1" not in every_log_line.text
        assert "what was pressed" not in every_log_line.text
        assert "an envelope could not be taken: ValueError" in every_log_line.text

    @pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # left by the client to whoever collects
    def test_a_door_that_is_no_websocket(self, app: SlackStandIn, channel: Room, slack_door: Door) -> None:
        """The address leads to something else."""
        app.sockets.address = slack_door.url.replace("http", "ws") + "/_control/messages?"
        with pytest.raises(NotOpened, match="could not be opened"):
            SlackConnection(SecretStr(APP_TOKEN), f"{channel.slack_url}/api/", lambda _connection, _envelope: None)

    @pytest.mark.parametrize(
        ("url", "allowed"),
        [
            ("wss://wss-primary.slack.com/link/?ticket=1", True),
            ("wss://wss-primary.slack.com:443/link/", True),
            ("wss://wss-primary.slack.com:8443/link/", False),
            ("ws://wss-primary.slack.com/link/", False),
            ("wss://slack.com.example.com/link/", False),
            ("wss://wss-primary.slack.com:x/", False),
            ("ws://127.0.0.1:1234/link/", True),
            ("ws://127.0.0.2:1234/link/", False),
            ("ws://[", False),
        ],
    )
    def test_where_a_connection_may_go(self, url: str, allowed: bool) -> None:
        """Slack over TLS at the port where the client speaks it, or the host that the environment names."""
        assert is_slacks_socket(url, "http://127.0.0.1:9/api/") == allowed

    def test_no_secret_is_logged(self, line: Line, cable: Wire, every_log_line: pytest.LogCaptureFixture) -> None:
        """Neither the token nor the tickets, nor where a press is answered."""
        line.deliver("devops")
        line.befall("closed")
        eventually(lambda: line.room.slack.sockets.opened >= 2)
        eventually(lambda: line.done() == 1)
        ours = "".join(one.getMessage() for one in every_log_line.records if one.name.startswith("tminus"))
        for secret in (APP_TOKEN, "ticket=", "/actions/"):
            assert secret not in ours
        assert APP_TOKEN not in every_log_line.text


def _refuses(listening: socket.socket) -> None:
    """A proxy that lets nobody through."""
    with suppress(OSError):
        near, _ = listening.accept()
        with near:
            near.recv(65536)
            near.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
