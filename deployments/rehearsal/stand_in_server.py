"""Runs one stand-in as a process: loopback only, its address on the first line of output, ended by SIGTERM."""

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from deployments.rehearsal.call_record import CallRecord


@dataclass(frozen=True)
class TlsFiles:
    """A server certificate and its private key (PEM), and the authority that clients must trust."""

    certificate: Path
    key: Path
    authority: Path


def secret_from_environment(name: str) -> str:
    """The value of an environment variable that must be set; ends the process with a message where it is not."""
    value = os.environ.get(name, "")
    if not value:
        sys.exit(f"The environment variable {name} is not set; set it to the credential that callers must present.")
    return value


def listen(port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1:`port` (0: any free one); raises OSError where the port is taken."""
    listening = socket.create_server(("127.0.0.1", port), backlog=256)
    # asyncio sets this only where a socket has a protocol number, which create_server leaves out; without it every
    # answer after a connection's first is 40 ms late (Nagle's algorithm against delayed acknowledgements)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def configuration(app: ASGIApp, tls: TlsFiles | None, *, websockets: bool = False) -> uvicorn.Config:
    """How every stand-in is served: quietly, and gone a second after it is told to end.

    Where it has no WebSockets, asking for one is a request like any other.
    """
    return uvicorn.Config(
        app,
        log_level="critical",  # connections still open at the end are no news
        access_log=False,
        lifespan="off",
        ws="websockets-sansio" if websockets else "none",
        timeout_graceful_shutdown=1,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )


def serve(app: ASGIApp, port: int, tls: TlsFiles | None = None, *, websockets: bool = False) -> None:
    """Serve `app` on 127.0.0.1:`port` (0: any free one) until SIGTERM or Ctrl-C; prints the address first."""
    try:
        listening = listen(port)
    except OSError as error:
        sys.exit(f"Port {port} on 127.0.0.1 cannot be used ({error.strerror}); end what holds it or choose another.")
    print(f"{'https' if tls else 'http'}://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    with listening:
        uvicorn.Server(configuration(app, tls, websockets=websockets)).run(sockets=[listening])


def calls_route(record: CallRecord) -> Route:
    """GET /_control/calls, narrowed with `?method=` and `?ok=true|false`."""

    async def answer(request: Request) -> Response:
        method, ok = request.query_params.get("method"), request.query_params.get("ok")
        calls = [
            call.model_dump()
            for call in record.calls
            if (method is None or call.method == method) and (ok is None or call.ok == (ok == "true"))
        ]
        return JSONResponse({"calls": calls})

    return Route("/_control/calls", answer)
