"""`tminus gateway`: the inbound door, the courier and the watchdog, in one small service."""

import logging
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tminus.errors import UsageError

if TYPE_CHECKING:
    import asyncio
    import socket
    from types import FrameType

    from starlette.applications import Starlette

    from flows.watchdog import Watchdog
    from tminus.environment import Environment
    from tminus.slack_door import SlackDoor

_logger = logging.getLogger(__name__)


@click.command("gateway")
@click.option("--environment", required=True, type=click.Path(path_type=Path), help="The environment file.")
def command(environment: Path) -> None:
    """Takes what people press in Slack, sends what waits, and gets lost launches a conductor.

    Where the environment has no Slack the other two still run. Several may run; end it with Ctrl-C.
    """
    from flows.starting import point_at
    from tminus.environment import Environment
    from tminus.yaml_source import Source

    settings = Source.read(environment).load(Environment)
    point_at(settings.prefect.api)
    # At its level INFO this library logs addresses, and those at which a press is answered are credentials.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # The server hands a signal on once it has ended; the courier's last round comes after that.
    signal.signal(signal.SIGTERM, _interrupted)
    with suppress(KeyboardInterrupt):
        door = _slack_door(settings)
        with _listening(settings.gateway.host, settings.gateway.port) as listening:
            _run(settings, door, listening)


def _slack_door(settings: "Environment") -> "SlackDoor | None":
    """None where the environment has no Slack: then people answer from the command line."""
    from tasks.vocabulary import KINDS
    from tminus.credentials import resolve
    from tminus.ledger.opening import open_ledger
    from tminus.slack_door import SlackDoor

    if settings.slack is None:
        return None
    secret = resolve(settings.slack.signing_secret)
    return SlackDoor(open_ledger(settings.ledger), KINDS, secret, settings.slack.api)


def _run(settings: "Environment", door: "SlackDoor | None", listening: "socket.socket") -> None:
    import asyncio

    from flows.watchdog import Watchdog
    from tminus.courier import Courier
    from tminus.gateway import Gateway
    from tminus.ledger.opening import open_ledger

    watchdog = Watchdog(open_ledger(settings.ledger))
    with Courier(open_ledger(settings.ledger), settings) as courier:
        parts = [part for part in (door, courier, watchdog) if part is not None]
        gateway = Gateway(open_ledger(settings.ledger), parts, door.routes() if door else ())
        asyncio.run(_serve(gateway.app(), listening, watchdog))


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


def _say_why(ended: "asyncio.Task[None]") -> None:
    """Until somebody starts this process anew it is not ready, and its log says why."""
    if not ended.cancelled() and (why := ended.exception()) is not None:
        _logger.error("the watchdog has ended", exc_info=why)


async def _serve(app: "Starlette", door: "socket.socket", watchdog: "Watchdog") -> None:
    import asyncio

    import uvicorn

    watching = asyncio.create_task(watchdog.keep_watch())
    watching.add_done_callback(_say_why)
    try:
        await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[door])
    finally:
        watching.cancel()
