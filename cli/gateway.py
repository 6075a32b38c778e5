"""`tminus gateway`: the inbound door, the courier and the watchdog, in one small service."""

import logging
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tminus.errors import UsageError

if TYPE_CHECKING:
    import socket
    from types import FrameType

    from starlette.applications import Starlette

    from tminus.environment import Environment

_PAUSE = 1.0  # seconds before the watchdog looks again after Prefect did not answer
_logger = logging.getLogger(__name__)


@click.command("gateway")
@click.option("--environment", required=True, type=click.Path(path_type=Path), help="The environment file.")
def command(environment: Path) -> None:
    """Takes what people press in Slack, sends what waits, and gets lost launches a conductor.

    Several may run; end it with Ctrl-C.
    """
    import asyncio

    from tasks.vocabulary import KINDS
    from tminus.courier import Courier
    from tminus.credentials import resolve
    from tminus.environment import Environment
    from tminus.gateway import Gateway
    from tminus.ledger.opening import open_ledger
    from tminus.yaml_source import Source

    settings = Source.read(environment).load(Environment)
    if settings.slack is None:
        raise UsageError(f"{environment} has no slack section, so there is nothing to let in")
    secret = resolve(settings.slack.signing_secret)
    # At its level INFO this library logs addresses, and those at which a press is answered are credentials.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # The server hands a signal on once it has ended; the courier's last round comes after that.
    signal.signal(signal.SIGTERM, _interrupted)
    with suppress(KeyboardInterrupt), _listening(settings.gateway.host, settings.gateway.port) as door:
        app = Gateway(open_ledger(settings.ledger), KINDS, secret, settings.slack.api).app()
        with Courier(open_ledger(settings.ledger), settings):
            asyncio.run(_serve(app, door, settings))


def _interrupted(_signal: int, _frame: "FrameType | None") -> None:
    raise KeyboardInterrupt


def _listening(host: str, port: int) -> "socket.socket":
    import socket

    try:
        door = socket.create_server((host, port), backlog=256)
    except OSError as e:
        raise UsageError(
            f"the gateway cannot listen on {host}:{port} ({e.strerror}); choose another gateway.port"
        ) from e
    # asyncio sets this only where a socket has a protocol number; without it answers wait for delayed acknowledgements.
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return door


async def _serve(app: "Starlette", door: "socket.socket", settings: "Environment") -> None:
    import asyncio

    import uvicorn

    watching = asyncio.create_task(_keep_watch(settings))
    try:
        await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[door])
    finally:
        watching.cancel()


async def _keep_watch(settings: "Environment") -> None:
    """Keeps the watchdog alive: Prefect being down for a while must not leave launches unwatched afterwards."""
    import asyncio

    import httpx
    from prefect.exceptions import PrefectException

    from flows.watchdog import keep_watch
    from tminus.ledger.opening import open_ledger

    store = open_ledger(settings.ledger)
    while True:
        try:
            await keep_watch(store)
        except (httpx.HTTPError, PrefectException, RuntimeError) as e:
            _logger.warning("the watchdog could not look: %s: %s", type(e).__name__, e)
            await asyncio.sleep(_PAUSE)
