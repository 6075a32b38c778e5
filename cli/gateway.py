"""`tminus gateway`: the inbound door, the courier and the watchdog, in one small service."""

import logging
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tminus.errors import UsageError

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable
    from types import FrameType

    from flows.watchdog import Watchdog
    from tminus.environment import Environment
    from tminus.gateway import Gateway
    from tminus.pagerduty_door import PagerDutyDoor
    from tminus.people import People
    from tminus.slack_socket import SlackSocket
    from tminus.slack_ways_in import SlackWaysIn

_logger = logging.getLogger(__name__)


@click.command("gateway")
@click.option("--environment", required=True, type=click.Path(path_type=Path), help="The environment file.")
@click.option(
    "--people",
    type=click.Path(path_type=Path),
    envvar="TMINUS_PEOPLE",
    help="Who may stop drills from Slack: people.yaml.",
)
def command(environment: Path, people: Path | None) -> None:
    """Hears Slack and PagerDuty, and sends what waits.

    It takes what people press and type in Slack, and PagerDuty's webhooks; sends the messages that wait; and gets lost
    launches a conductor. What the environment lacks of Slack and PagerDuty is left out.

    It listens on the environment file's `gateway: {host, port}`, by default on 127.0.0.1:8130. PagerDuty's webhooks
    come to POST /pagerduty/webhooks there; Slack's presses and commands to POST /slack/interactions and
    /slack/commands, or over Socket Mode, which needs no door. docs/gateway.md has all of them. Several may run; end it
    with Ctrl-C.
    """
    from flows.starting import point_at
    from tasks.vocabulary import KINDS
    from tminus.drills.orders import DrillOrders
    from tminus.environment import Environment
    from tminus.ledger.opening import open_ledger
    from tminus.pagerduty_door import open_pagerduty_door
    from tminus.slack_ways_in import open_slack
    from tminus.yaml_source import Source

    settings = Source.read(environment).load(Environment)
    point_at(settings.prefect.api)
    # At its level INFO this library logs addresses, and those at which a press is answered are credentials.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # The server hands a signal on once it has ended; the courier's last round comes after that.
    signal.signal(signal.SIGTERM, _interrupted)
    with suppress(KeyboardInterrupt):
        ledger = partial(open_ledger, settings.ledger)
        drills = DrillOrders(ledger(), settings, _people(people)) if settings.drills and settings.slack else None
        slack = open_slack(settings.slack, KINDS, ledger, drills)
        pagerduty = open_pagerduty_door(settings.pagerduty, KINDS, ledger)
        with _listening(settings.gateway.host, settings.gateway.port) as listening:
            _run(settings, slack, pagerduty, listening)


def _people(path: Path | None) -> "Callable[[], People] | None":
    """Reads the file anew each time; read once now, so that a mistake in it is said before the gateway runs."""
    from tminus.people import People
    from tminus.yaml_source import Source

    if path is None:
        return None

    def read() -> People:
        return Source.read(path).load(People)

    read()
    return read


def _run(settings: "Environment", slack: "SlackWaysIn", pagerduty: "PagerDutyDoor | None", on: "socket.socket") -> None:
    import asyncio

    from flows.watchdog import Watchdog
    from tminus.courier import Courier
    from tminus.gateway import Gateway
    from tminus.ledger.opening import open_ledger

    watchdog = Watchdog(open_ledger(settings.ledger), settings.environment)
    with Courier(open_ledger(settings.ledger), settings) as courier:
        parts = [*slack.parts, *([pagerduty] if pagerduty else []), courier, watchdog]
        doors = [*slack.routes, *(pagerduty.routes() if pagerduty else [])]
        gateway = Gateway(open_ledger(settings.ledger), parts, doors)
        asyncio.run(_serve(gateway, on, watchdog, slack.socket))


def _interrupted(_signal: int, _frame: "FrameType | None") -> None:
    raise KeyboardInterrupt


def _listening(host: str, port: int) -> "socket.socket":
    import errno
    import socket

    try:
        door = socket.create_server((host, port), backlog=256)
    except OSError as e:
        taken = "probably a gateway runs there already; else " if e.errno == errno.EADDRINUSE else ""
        raise UsageError(
            f"the gateway cannot listen on {host}:{port} ({e.strerror}); {taken}choose another gateway.port"
        ) from e
    # asyncio sets this only where a socket has a protocol number; without it answers wait for delayed acknowledgements.
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return door


def _say_why(ended: "asyncio.Task[None]") -> None:
    """Until somebody starts this process anew it is not ready, and its log says why."""
    if not ended.cancelled() and (why := ended.exception()) is not None:
        _logger.error("%s has ended", ended.get_name(), exc_info=why)


async def _serve(
    gateway: "Gateway", door: "socket.socket", watchdog: "Watchdog", slack_socket: "SlackSocket | None"
) -> None:
    import asyncio

    import uvicorn

    from tminus.gateway_server import configuration

    running = [asyncio.create_task(watchdog.keep_watch(), name="the watchdog")]
    if slack_socket is not None:
        running.append(asyncio.create_task(slack_socket.keep_open(), name="Socket Mode"))
    for task in running:
        task.add_done_callback(_say_why)
    try:
        await uvicorn.Server(configuration(gateway.app(), gateway.refusals)).serve(sockets=[door])
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
