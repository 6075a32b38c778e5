"""Socket Mode: what Slack sends comes over a WebSocket that the gateway opens, so that it needs no public door.

Slack lets several connections be open at once and sends each envelope over one of them, so one that is to end is
replaced before it does. An envelope that was not acknowledged may be sent again: it counts once, by its id.
"""

import asyncio
import logging
import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from threading import Event, Thread

from pydantic import BaseModel, Field, JsonValue, SecretStr, ValidationError

from tminus.bounded_threads import NoPlace, Places, begun
from tminus.slack_connection import NotOpened, SlackConnection
from tminus.slack_intake import SlackIntake, Taken
from tminus.slack_payload import Commanded, Malformed, Sent, interaction_of
from tminus.slack_signature import Seen

_logger = logging.getLogger(__name__)
_LOOK = 0.1  # seconds between two looks at the connection
_LONGEST = 30.0  # seconds between two tries to open one
_LASTING = 30.0  # seconds after which a connection counts as having worked
_OPENING = 20.0  # seconds that opening one may take in all
_OPENINGS = 4  # at a time, those that were given up and have not ended among them
_LASTS = 60.0  # seconds after which it is said that none of those ends
_LINGER = 12.0  # seconds that a replaced connection is still listened to; Slack ends it itself after about ten


class _Envelope(BaseModel):
    type: str = Field(max_length=100)
    envelope_id: str = Field(min_length=1, max_length=200)
    payload: JsonValue = None


class SlackSocket:
    """Keeps a connection open, and hands what comes over it on; acknowledged before the ledger is asked anything.

    Args:
        intake: what does the rest.
        app_token: the app-level token, with the scope connections:write.
        api: where the environment's Slack is.
    """

    def __init__(self, intake: SlackIntake, app_token: SecretStr, api: str = "https://slack.com/api/") -> None:
        self._intake = intake
        self._token = app_token
        self._api = api
        self._seen = Seen()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._current: SlackConnection | None = None
        self._opened = self._envelopes = 0
        self._why = "it was not opened yet"
        self._ended = False
        self._end = Event()
        self._places = Places(_OPENINGS)

    def trouble(self) -> str:
        """Why nothing comes from Slack any more; Slack being away for a while is none, since that ends by itself."""
        if self._ended:
            return "Socket Mode has ended"
        if (lasts := self._places.full_for) >= _LASTS:
            return f"Slack lets nobody in: none of {_OPENINGS} connections came open or ended for {lasts:.0f} s"
        return f"Slack lets nobody in: {self._why}" if self._why.startswith("Slack refuses") else ""

    def metrics(self) -> Iterator[str]:
        """Whether it is connected, and how often it was; envelopes."""
        yield "# TYPE tminus_slack_socket_connected gauge"
        yield f"tminus_slack_socket_connected {int(self._current is not None and self._current.works)}"
        yield "# TYPE tminus_slack_socket_connections_total counter"
        yield f"tminus_slack_socket_connections_total {self._opened}"
        yield "# TYPE tminus_slack_socket_envelopes_total counter"
        yield f"tminus_slack_socket_envelopes_total {self._envelopes}"

    async def keep_open(self) -> None:
        """Until it is cancelled. What was acknowledged by then is done before it ends."""
        self._loop = asyncio.get_running_loop()
        short, at_least = 0, 0.0  # openings in a row after which no connection lasted; seconds that Slack asks for
        judged: SlackConnection | None = None
        try:
            while True:
                current = self._current
                if not self._ended and (current is None or current.to_be_replaced):
                    if current is not None and current is not judged:
                        judged, short = current, 0 if current.age > _LASTING else short
                    await asyncio.sleep(max(_pause(short), at_least))
                    at_least, short = await self._replace(), short + 1
                await asyncio.sleep(_LOOK)
        finally:
            self._end_intake()
            await self._intake.finish()

    async def finish(self) -> None:
        """Takes nothing more: what came before has the last seconds for itself, and Slack shows what comes now."""
        self._end_intake()

    def _end_intake(self) -> None:
        self._ended = True
        self._end.set()
        current, self._current = self._current, None
        if current is not None:
            _close(current, 0.0, self._end)

    async def _replace(self) -> float:
        """Opens another connection in the place of this one; returns how long Slack wants to be left alone."""
        old = self._current
        try:
            new = await self._open()
        except NotOpened as e:
            if str(e) != self._why:
                _logger.warning("no connection to Slack: %s", e)
            self._why = str(e)
            return e.after
        self._why = ""
        self._current, self._opened = new, self._opened + 1
        if old is not None:
            _close(old, _LINGER, self._end)
        return 0.0

    async def _open(self) -> SlackConnection:
        """Another connection; one that nobody waits for any more is closed. Raises NotOpened."""
        if not self._places.free():
            raise NotOpened(f"{_OPENINGS} earlier ones are still being opened")
        try:
            opening = begun(lambda: SlackConnection(self._token, self._api, self._heard), "slack connection opens")
        except NoPlace as e:
            raise NotOpened(str(e)) from e
        self._places.take(opening.done)
        arriving = asyncio.wrap_future(opening)
        arriving.add_done_callback(asyncio.Future.exception)  # else asyncio logs what nobody asks for any more
        with ExitStack() as unless_wanted:
            unless_wanted.callback(opening.add_done_callback, self._close_late)
            await asyncio.wait({arriving}, timeout=_OPENING)
            if not arriving.done():
                raise NotOpened(f"it is not open after {_OPENING:g} s")
            error = arriving.exception()
            if error is not None and not isinstance(error, NotOpened):
                error = NotOpened(f"it cannot be opened: {type(error).__name__}")
            if error is not None:
                raise error
            unless_wanted.pop_all()
        return arriving.result()

    def _close_late(self, opening: "Future[SlackConnection]") -> None:
        if opening.exception() is None:
            _close(opening.result(), 0.0, self._end)

    def _heard(self, connection: SlackConnection, message: Mapping[str, JsonValue]) -> None:
        """Takes one envelope, in the connection's thread."""
        self._envelopes += 1
        try:
            envelope = _Envelope.model_validate(message)
        except ValidationError:
            self._intake.count("malformed")
            return
        try:
            sent = _sent(envelope)
        except Malformed:
            self._intake.count("malformed")
            connection.acknowledge(envelope.envelope_id, None)  # sent again it would be no better
            return
        if self._ended or not self._intake.admit():
            return  # not acknowledged, so Slack says so to whoever pressed, or sends it again
        if self._seen.first_time(envelope.envelope_id, time.time()):
            self._hand_on(Taken(sent, f"envelope:{envelope.envelope_id}", redelivered=True))
        else:
            self._intake.release()
            self._intake.count("replayed")
        if not connection.acknowledge(envelope.envelope_id, self._intake.at_once(sent)):
            _logger.info("an envelope could not be acknowledged; Slack may send it again")

    def _hand_on(self, taken: Taken) -> None:
        assert self._loop is not None  # noqa: S101 - connections are opened by it
        self._loop.call_soon_threadsafe(self._intake.begin, taken)


def _sent(envelope: _Envelope) -> Sent:
    """What an envelope holds; raises Malformed where it is of a type that was not asked for."""
    match envelope.type:
        case "interactive":
            return interaction_of(envelope.payload)
        case "slash_commands":
            return Commanded.of(envelope.payload)
        case _:
            raise Malformed("no interaction and no command")


def _pause(short: int) -> float:
    """Seconds before the next try: none after a connection that lasted, then up to half a minute, never in step."""
    return random.uniform(0.5, 1.0) * min(2.0 ** (short - 2), _LONGEST) if short > 1 else 0.0  # noqa: S311 - no secret


def _close(connection: SlackConnection, at_most: float, at_once: Event) -> None:
    """Ends a connection in a thread of its own, since that takes a moment: after so many seconds, or as told."""

    def close() -> None:
        until = time.monotonic() + at_most
        while time.monotonic() < until and connection.works and not at_once.wait(_LOOK):
            pass
        connection.close()

    with suppress(RuntimeError):  # where no thread can be begun, Slack ends it
        Thread(target=close, name="slack connection ends", daemon=True).start()
