"""Every request that the gateway refuses: counted by its reason and told to the log, without a word of what it said."""

import json
import logging
import re
from collections import Counter, deque
from collections.abc import Collection, Iterator
from http import HTTPStatus
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_logger = logging.getLogger(__name__)
_LINES = 60  # of the log, a minute; the rest is counted
_MINUTE = 60.0  # seconds
_REASONS = 100  # that are told apart; the texts are ours, so there are far fewer
_LONGEST = 4096  # bytes of an answer of ours that are read for its reason
_ELSEWHERE = "elsewhere"
_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")  # of what was sent; each would be another reason
_NO_DOOR = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})
TOO_SLOW = "its head did not come in time"
UNREAD = "its answer was not taken in time"
TOO_MANY = "too many are connected"
NO_HTTP = "no HTTP, or too large a head"


class Refusals:
    """Looks at every answer of the application; the requests themselves it does not read.

    Args:
        doors: the paths behind which requests are judged. What is refused elsewhere is counted and makes no line: any
            scanner knocks there.
    """

    def __init__(self, doors: Collection[str]) -> None:
        self._doors = frozenset(doors)
        self._counts: Counter[tuple[str, int, str]] = Counter()
        self._lines: deque[float] = deque(maxlen=_LINES)
        self._untold = 0

    def watching(self, app: ASGIApp) -> ASGIApp:
        """The application, whose refusals are written down."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            answer = _Answer(send)
            await app(scope, receive, answer.send)
            path = str(scope["path"])
            if answer.status in _NO_DOOR or (path in self._doors and answer.status >= HTTPStatus.BAD_REQUEST):
                self.note(path, answer.status, answer.reason)

        return watched

    def note(self, path: str, status: int, reason: str) -> None:
        """One that was refused.

        Args:
            path: what was asked for.
            status: what was answered.
            reason: why, in words of ours.
        """
        door = path if path in self._doors else _ELSEWHERE
        reason = _DATE.sub("…", reason)
        key = (door, status, reason if len(self._counts) < _REASONS else "other")
        self._counts[key] += 1
        if door != _ELSEWHERE:
            self._tell(door, status, reason)

    def _tell(self, door: str, status: int, reason: str) -> None:
        moment = monotonic()
        if len(self._lines) == _LINES and moment - self._lines[0] < _MINUTE:
            self._untold += 1
            return
        self._lines.append(moment)
        untold = f"; {self._untold} more since the last line" if self._untold else ""
        _logger.warning("refused a request to %s with %d: %s%s", door, status, reason, untold)
        self._untold = 0

    def trouble(self) -> str:
        """Refusing is no trouble."""
        return ""

    def metrics(self) -> Iterator[str]:
        """Refused requests by door, status and reason."""
        yield "# TYPE tminus_gateway_refusals_total counter"
        for (door, status, reason), count in sorted(self._counts.items()):
            labels = {"door": door, "status": str(status), "reason": reason}
            said = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
            yield f"tminus_gateway_refusals_total{{{said}}} {count}"


class _Answer:
    """An answer on its way out: its status, and the reason that it gives."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._body = b""
        self.status = 0

    async def send(self, message: Message) -> None:
        """Passes it on."""
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
        elif message["type"] == "http.response.body" and self.status >= HTTPStatus.BAD_REQUEST:
            self._body = (self._body + message.get("body", b""))[:_LONGEST]
        await self._send(message)

    @property
    def reason(self) -> str:
        """What the answer gives as its reason; else what its status is called."""
        try:
            said = json.loads(self._body)
        except ValueError:
            said = None
        if isinstance(said, dict) and isinstance(why := said.get("error"), str):
            return why
        return HTTPStatus(self.status).phrase.lower()
