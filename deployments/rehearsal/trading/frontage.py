"""What every request passes through: request id, security headers, faults, base service time, metrics and log."""

from __future__ import annotations

import asyncio
import random
import re
import secrets
import sys
import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.routing import Route

from deployments.rehearsal.trading.introspection import PATHS as INTROSPECTION
from deployments.rehearsal.trading.refusal import Refused
from deployments.rehearsal.trading.request_fields import MAX_BODY_BYTES, too_large

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from deployments.rehearsal.fault_file import FaultFile
    from deployments.rehearsal.trading.meters import Meters
    from deployments.rehearsal.trading.request_log import RequestLog
    from deployments.rehearsal.trading.settings import Settings

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
BASE_SERVICE_TIME_S = (0.008, 0.012)
"""Every business request takes this long (seconds, drawn uniformly) besides its work, so a factor can be measured."""

SERVER_ERROR = 500
UNMATCHED = "unmatched"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_IDENTIFIER = re.compile(r"/(\d+|[0-9a-f]{8}-[0-9a-f-]{27}|\{\w+:\w+\})(?=/|$)")


class Frontage:
    """ASGI middleware around the whole service.

    Each answer carries X-Request-Id, X-Version and the security headers; each request is one log line. Business
    requests are counted, take the base service time, and meet the faults in force; introspection is spared.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Iterable[BaseRoute],
        settings: Settings,
        meters: Meters,
        log: RequestLog,
        faults: FaultFile,
    ) -> None:
        self._app = app
        self._templates = frozenset(_template(route.path) for route in routes if isinstance(route, Route))
        self._meters = meters
        self._log = log
        self._faults = faults
        self._version = settings.version
        self._headers = {**SECURITY_HEADERS, "X-Version": settings.version}
        self._chance = random.Random(f"{settings.instance} {settings.version}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        if scope["type"] == "websocket":
            await self._app(scope, receive, self._marking_accept(send, request_id))
            return
        status = SERVER_ERROR
        started = time.perf_counter()

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update({**self._headers, "X-Request-Id": request_id})
            await send(message)

        try:
            await self._answer(scope, headers, request_id, receive, send_marked)
        finally:
            self._record(scope, request_id, status, time.perf_counter() - started)

    async def _answer(self, scope: Scope, headers: Headers, request_id: str, receive: Receive, send: Send) -> None:
        size = headers.get("content-length", "0")
        if size.isdecimal() and int(size) > MAX_BODY_BYTES:
            await too_large(int(size)).response()(scope, receive, send)
            return
        if scope["path"] not in INTROSPECTION:
            faults = self._faults.for_service(self._version)
            await asyncio.sleep(self._chance.uniform(*BASE_SERVICE_TIME_S) * faults.latency_factor)
            if self._chance.random() < faults.error_rate:
                await self._break(scope, request_id)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _marking_accept(self, send: Send, request_id: str) -> Send:
        marks = {"X-Version": self._headers["X-Version"], "X-Request-Id": request_id}

        async def send_marked(message: Message) -> None:
            if message["type"] == "websocket.accept":
                self._log.write("info", "stream opened", request_id=request_id)
                MutableHeaders(scope=message).update(marks)
            await send(message)

        return send_marked

    def _break(self, scope: Scope, request_id: str) -> JSONResponse:
        wait_ms = self._chance.randint(150, 900)
        message = f"pricing engine gave no quote for request {request_id} within {wait_ms} ms"
        self._log.write("error", message, request_id=request_id, path=scope["path"])
        return Refused(SERVER_ERROR, "internal", "the request could not be served").response()

    def _record(self, scope: Scope, request_id: str, status: int, duration_s: float) -> None:
        method: str = scope["method"]
        if scope["path"] not in INTROSPECTION:
            template = _template(scope["path"])
            path = template if template in self._templates else UNMATCHED
            self._meters.observe(method=method, path=path, status=status, duration_s=duration_s)
        cause = sys.exception()
        self._log.write(
            "error" if status >= SERVER_ERROR else "info",
            "request" if cause is None else f"request failed: {type(cause).__name__}",
            request_id=request_id,
            method=method,
            path=scope["path"],
            status=status,
            duration_ms=round(duration_s * 1000, 3),
        )


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _template(path: str) -> str:
    return _IDENTIFIER.sub("/{id}", path)
