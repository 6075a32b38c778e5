"""Runs one instance of the trading service: ``python -m deployments.rehearsal.trading``."""

from __future__ import annotations

import os
import sys

import uvicorn

from deployments.rehearsal.trading.application import build
from deployments.rehearsal.trading.settings import Settings, SettingsError

# Longer than the load balancer keeps an idle connection, so that it never writes to one that is just being closed.
KEEP_ALIVE_S = 75


def main() -> int:
    """Serve on 127.0.0.1 until SIGTERM; 2 where the environment is incomplete."""
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    config = uvicorn.Config(
        build(settings),
        host="127.0.0.1",
        port=settings.port,
        loop="asyncio",
        http="h11",
        ws="websockets-sansio",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
