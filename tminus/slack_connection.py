"""One Socket Mode connection of Slack's own client: opened, listened to, and ended.

Slack's protocol (docs.slack.dev/apis/events-api/using-socket-mode): `apps.connections.open` gives an address for one
connection, which says `hello`; each envelope is acknowledged by its id; `disconnect` says that another one is wanted.

Left to itself the client opens the next connection in the thread that hears the old one, which may take three seconds;
here each client has one connection for its whole life. Where the other side ends a connection without a word, the
client hears nothing for long; here it asks every second, and a second without an answer ends it.
"""

import logging
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from http import HTTPStatus
from http.client import HTTPException
from threading import Event as Flag

from pydantic import JsonValue, SecretStr
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient

from tminus.errors import TminusError
from tminus.loopback import url_is_local
from tminus.slack_answers import word_of
from tminus.slack_payload import is_slacks_socket

_logger = logging.getLogger(__name__)
_TIMEOUT = 5  # seconds that Slack may take to name an address
_HELLO = 10.0  # seconds within which it says hello
_PING = 1.0  # seconds between two questions whether it still listens
_SILENT = 5.0  # seconds without any answer after which it does not
_MOST_PATIENCE = 300.0  # seconds for which it is left alone at most, whatever it asks for
_BUFFER = 65536  # bytes that are read at once
Envelope = Mapping[str, JsonValue]
Hear = Callable[["SlackConnection", Envelope], None]


class NotOpened(TminusError):
    """There is no connection to Slack.

    Args:
        message: why.
        after: seconds that Slack asked to be left alone.
    """

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class SlackConnection:
    """A connection that said hello. Made and closed in a thread that may wait.

    Args:
        token: the app-level token.
        api: where the environment's Slack is; a connection is opened there or at Slack itself.
        hear: what takes envelopes, in the connection's own thread, one after the other.

    Raises NotOpened.
    """

    def __init__(self, token: SecretStr, api: str, hear: Hear) -> None:
        self._hear = hear
        self._greeted = Flag()
        self._client = _Client(token, api)
        self._client.message_listeners.append(self._heard)
        self._since = time.monotonic()
        with ExitStack() as unless_open:
            unless_open.callback(self.close)
            self._open()
            unless_open.pop_all()

    @property
    def age(self) -> float:
        """Seconds since it was opened."""
        return time.monotonic() - self._since

    @property
    def works(self) -> bool:
        """Whether the other side still listens, as far as is known."""
        session = self._client.current_session
        if session is None or not session.is_active() or session.consecutive_check_state_error_count:
            return False
        answered = session.last_ping_pong_time
        return answered is not None or self.age < _SILENT

    @property
    def to_be_replaced(self) -> bool:
        """Whether it ended, or Slack wants another one in its place."""
        return self._client.replaced.is_set() or not self.works

    def acknowledge(self, envelope: str, payload: Mapping[str, JsonValue] | None) -> bool:
        """Tells Slack that an envelope came; False where that could not be sent."""
        told = {"envelope_id": envelope, **({"payload": payload} if payload else {})}
        try:
            self._client.send_socket_mode_response(told)
        except (SlackClientError, OSError):
            return False
        return True

    def close(self) -> None:
        """Ends it and its threads; takes a moment."""
        session = self._client.current_session
        if session is not None and session.sock is not None:
            with suppress(OSError):  # wakes the thread that reads, which holds the lock that closing wants
                session.sock.shutdown(socket.SHUT_RDWR)
        self._client.close()

    def _open(self) -> None:
        try:
            self._client.connect()
        except SlackApiError as e:
            raise _refused(e) from e
        # The last four where the answer is garbage.
        except (SlackClientError, OSError, HTTPException, ValueError, AttributeError, TypeError, RecursionError) as e:
            raise NotOpened(f"Slack names no address: {type(e).__name__}") from e
        if not self._client.is_connected():
            raise NotOpened("the connection could not be opened")
        if not self._greeted.wait(_HELLO):
            raise NotOpened(f"no hello came within {_HELLO:g} s")

    def _heard(self, _client: BaseSocketModeClient, message: dict[str, JsonValue], _raw: str | None) -> None:
        if message.get("type") == "hello":
            self._greeted.set()
        elif "envelope_id" in message:
            try:
                self._hear(self, message)
            except Exception as e:  # noqa: BLE001 - the library would write it down with what was pressed
                _logger.error("an envelope could not be taken: %s", type(e).__name__)  # noqa: TRY400 - nor does this


class _Client(SocketModeClient):
    """Slack's client, for one connection.

    Attributes:
        replaced: set once Slack, or the client, wants another connection.
    """

    def __init__(self, token: SecretStr, api: str) -> None:
        self.replaced = Flag()
        self._api = api
        quiet = logging.getLogger(f"{__name__}.client")
        # Below it this library logs what people press, where to answer them, and the proxy with its password. Why there
        # is no connection, NotOpened says.
        quiet.setLevel(logging.CRITICAL)
        super().__init__(
            app_token=token.get_secret_value(),
            web_client=WebClient(base_url=api, timeout=_TIMEOUT, retry_handlers=[], logger=quiet),
            logger=quiet,
            auto_reconnect_enabled=False,
            ping_interval=_PING,
            receive_buffer_size=_BUFFER,
            concurrency=1,
        )
        if url_is_local(api):
            self.proxy = None

    def issue_new_wss_url(self) -> str:
        """The address of one connection; raises SlackApiError and the like, NotOpened where it is not Slack's."""
        url = str(self.web_client.apps_connections_open(app_token=self.app_token).get("url"))
        if not is_slacks_socket(url, self._api):
            raise NotOpened("Slack names an address that is not its own")
        return url

    def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: ARG002 - the library's signature
        """Asks for another connection instead of opening it here."""
        self.replaced.set()


def _refused(error: SlackApiError) -> NotOpened:
    headers = {name.lower(): value for name, value in error.response.headers.items()}
    wait = str(headers.get("retry-after", ""))
    after = min(float(wait), _MOST_PATIENCE) if wait.isdecimal() else 0.0
    reason = word_of(error)
    for_good = reason.isidentifier() and error.response.status_code < HTTPStatus.BAD_REQUEST
    return NotOpened(f"Slack {'refuses' if for_good else 'answers'}: {reason}", after)
