"""One step of a journey, done: sent, answered, captured, judged."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from time import perf_counter

import httpx
from pydantic import JsonValue

from tasks.http_body import answer_to
from tasks.journey_steps import Captures, RequestStep, Wanted, WantedAnswer, WebSocketStep, secretive
from tasks.journey_values import ABSENT, Values, found_at, same
from tasks.probe import as_json, at, said
from tminus.clock import show_duration

# An answer later than `within` is a failure, but one worth having: it may say what is to be cleaned up.
_PATIENCE = timedelta(seconds=5)
_LARGEST_MESSAGE = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Done:
    """What a step came to.

    Attributes:
        title: of the step.
        complaint: what was expected and what was found, redacted; "" where the step passed.
        document: the answer, or the last message; not for evidence.
        took_ms: how long it took.
        refused: answered with a status of 4xx, so it had no effect.
    """

    title: str
    complaint: str
    document: JsonValue = None
    took_ms: float = 0
    refused: bool = False

    def __str__(self) -> str:
        return f"{self.title}: {self.complaint or 'ok'} ({self.took_ms:.0f} ms)"


@dataclass(frozen=True, slots=True)
class _Heard:
    complaint: str
    document: JsonValue = None
    refused: bool = False


class Run:
    """Does the steps of one journey, each knowing what those before it captured.

    Args:
        client: of this journey alone, since it keeps cookies.
        front: the front door's address.
        values: what is known so far.
    """

    def __init__(self, client: httpx.AsyncClient, front: str, values: Values) -> None:
        self._client = client
        self._front = front
        self._values = values

    async def do(self, step: RequestStep | WebSocketStep) -> Done:
        """Does it. Never raises for what the other side does."""
        started = perf_counter()
        wait = max(step.within, _PATIENCE) if isinstance(step, RequestStep) else step.within
        try:
            async with asyncio.timeout(wait.total_seconds()):
                heard = await (self._request(step) if isinstance(step, RequestStep) else self._websocket(step))
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as e:
            heard = _Heard(f"expected an answer, found {said(e, wait)}")
        took = timedelta(milliseconds=round((perf_counter() - started) * 1000))
        complaint = heard.complaint
        if not complaint and took > step.within:
            complaint = f"expected within {show_duration(step.within)}, found {show_duration(took)}"
        shown = self._values.redact(complaint)
        return Done(step.title, shown, heard.document, took / timedelta(milliseconds=1), heard.refused)

    async def _request(self, step: RequestStep) -> _Heard:
        method, path = step.request.split(" ", 1)
        body = self._values.fill(step.body)
        self._values.hide_within(body)
        request = self._client.build_request(
            method,
            at(self._front, self._values.url_path(path)),
            headers=[(name.encode(), value.encode()) for name, value in self._headers(step).items()],
            json=body,
            timeout=None,  # the step as a whole has one
        )
        response = await answer_to(self._client, request)
        document = as_json(response.content)
        uncaptured = self._capture(step.capture, document)
        complaint = self._judge_answer(step.expect, response, document) or uncaptured
        return _Heard(complaint, document, response.is_client_error)

    async def _websocket(self, step: WebSocketStep) -> _Heard:
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

        url = at(self._front.replace("http", "ws", 1), self._values.url_path(step.websocket))
        connecting = connect(
            url,
            additional_headers=self._headers(step),
            proxy=None,
            open_timeout=None,
            close_timeout=1,
            max_size=_LARGEST_MESSAGE,
        )
        received = 0
        document: JsonValue = None
        try:
            async with connecting as connection:
                for message in step.send:
                    filled = self._values.fill(message)
                    self._values.hide_within(filled)
                    await connection.send(filled if isinstance(filled, str) else json.dumps(filled))
                while received < step.receive:
                    document = as_json(await connection.recv(decode=False))
                    received += 1
                    if complaint := self._judge(step.expect, document):
                        return _Heard(f"message {received}: {complaint}")
        except InvalidStatus as e:
            return _Heard(f"expected a WebSocket, found status {e.response.status_code}", refused=True)
        except ConnectionClosed:
            return _Heard(f"expected {step.receive} messages, found the connection closed after {received}")
        except (WebSocketException, ConnectionError) as e:
            return _Heard(f"expected a WebSocket, found no connection ({type(e).__name__})")
        return _Heard(self._capture(step.capture, document), document)

    def _headers(self, step: RequestStep | WebSocketStep) -> dict[str, str]:
        headers = {name: self._values.text(value) for name, value in step.headers.items()}
        for name, value in headers.items():
            if secretive(name):
                self._values.hide(value)
                self._values.hide(value.rpartition(" ")[2])  # what follows `Bearer`
        return headers

    def _capture(self, captures: Captures, document: JsonValue) -> str:
        """Keeps what is there; says what is not."""
        missing = []
        for name, capture in captures.items():
            value = found_at(document, capture.path)
            if value is ABSENT:
                missing.append(capture.path)
            else:
                self._values.keep(name, value, secret=capture.secret or secretive(capture.path))
        return f"expected something at {', '.join(missing)}, found nothing" if missing else ""

    def _judge_answer(self, wanted: WantedAnswer, response: httpx.Response, document: JsonValue) -> str:
        status = response.status_code
        if wanted.status is None:
            if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                return f"expected a status of 2xx, found {status}"
        elif status not in (statuses := (wanted.status,) if isinstance(wanted.status, int) else wanted.status):
            return f"expected status {' or '.join(map(str, statuses))}, found {status}"
        for name, template in wanted.header.items():
            value, found = self._values.text(template), response.headers.get(name)
            if found != value:
                shown = "none" if found is None else self._values.show(found, name)
                return f"expected header {name} {self._values.show(value, name)}, found {shown}"
        return self._judge(wanted, document)

    def _judge(self, wanted: Wanted, document: JsonValue) -> str:
        for path in wanted.has:
            if found_at(document, path) is ABSENT:
                return f"expected something at {path}, found nothing"
        for path, template in wanted.document.items():
            value, found = self._values.fill(template), found_at(document, path)
            if found is ABSENT:
                return f"expected {path} {self._values.show(value, path)}, found nothing there"
            if not same(found, value):
                return f"expected {path} {self._values.show(value, path)}, found {self._values.show(found, path)}"
        return ""
