"""`tminus gateway`: the inbound door, the courier and the watchdog, in one small service."""

from pathlib import Path

import click


@click.command("gateway")
@click.option("--environment", required=True, type=click.Path(path_type=Path), help="The environment file.")
def command(environment: Path) -> None:
    """Takes what people press in Slack, sends what waits, and gets lost launches a conductor.

    Several may run; end it with Ctrl-C.
    """
    import asyncio

    import uvicorn

    from flows.watchdog import keep_watch
    from tasks.vocabulary import KINDS
    from tminus.courier import Courier
    from tminus.credentials import resolve
    from tminus.environment import Environment
    from tminus.errors import UsageError
    from tminus.gateway import Gateway
    from tminus.ledger.opening import open_ledger
    from tminus.yaml_source import Source

    settings = Source.read(environment).load(Environment)
    if settings.slack is None:
        raise UsageError(f"{environment} has no slack section, so there is nothing to let in")
    app = Gateway(open_ledger(settings.ledger), KINDS, resolve(settings.slack.signing_secret)).app()
    config = uvicorn.Config(app, host=settings.gateway.host, port=settings.gateway.port, log_level="warning")

    async def serve() -> None:
        watching = asyncio.create_task(keep_watch(open_ledger(settings.ledger)))
        try:
            await uvicorn.Server(config).serve()
        finally:
            watching.cancel()

    with Courier(open_ledger(settings.ledger), settings):
        asyncio.run(serve())
