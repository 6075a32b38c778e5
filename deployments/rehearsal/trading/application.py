"""The service, put together."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from deployments.rehearsal.fault_file import FaultFile
from deployments.rehearsal.trading.accounts import Accounts
from deployments.rehearsal.trading.cache import Cache
from deployments.rehearsal.trading.credentials import AccessTokens
from deployments.rehearsal.trading.database import Database
from deployments.rehearsal.trading.frontage import Frontage
from deployments.rehearsal.trading.introspection import Introspection
from deployments.rehearsal.trading.login import Login
from deployments.rehearsal.trading.market import Market
from deployments.rehearsal.trading.meters import Meters
from deployments.rehearsal.trading.orders import Orders
from deployments.rehearsal.trading.refusal import Refused, answer_refusal
from deployments.rehearsal.trading.request_log import RequestLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp

    from deployments.rehearsal.trading.settings import Settings

EXIT_STATUS = 70
LOOK_EVERY_S = 0.1


def build(settings: Settings) -> ASGIApp:
    """Return the ASGI application of one instance; servers are connected to when the first request needs them."""
    meters = Meters(
        version=settings.version,
        artifact_digest=settings.artifact_digest,
        config_digest=settings.config_digest,
        instance=settings.instance,
    )
    log = RequestLog(settings.log, settings)
    faults = FaultFile(settings.faults)
    login = Login(settings.postgres_dsn, settings.postgres_secret)
    database, cache = Database(login), Cache(settings.redis_url, meters)
    tokens = AccessTokens(settings.jwt_key)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await login.prepare()
        log.write("info", "started", pid=os.getpid())
        watch = asyncio.create_task(_obey_exit(settings, faults, log))
        yield
        watch.cancel()
        await database.close()
        await cache.close()
        log.write("info", "stopped", pid=os.getpid())

    routes = [
        *Introspection(settings, database, cache, meters, faults).routes(),
        *Accounts(database, tokens).routes(),
        *Orders(settings, database, cache, tokens, meters).routes(),
        *Market(cache, meters).routes(),
    ]
    service = Starlette(routes=routes, lifespan=lifespan, exception_handlers={Refused: answer_refusal})
    return Frontage(service, routes, settings, meters, log, faults)


async def _obey_exit(settings: Settings, faults: FaultFile, log: RequestLog) -> None:
    """End the process once the faults file says so, and log a faults file that cannot be read."""
    reported = None
    while not faults.for_service(settings.version).exit:
        if faults.problem != reported:
            reported = faults.problem
            if reported is not None:
                log.write("warning", reported)
        await asyncio.sleep(LOOK_EVERY_S)
    log.write("error", f"worker {os.getpid()} lost its event loop and ended")
    os._exit(EXIT_STATUS)
