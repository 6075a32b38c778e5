"""The instance platform as a process: ``python -m deployments.rehearsal.orchestrator --state DIR --port N``.

GET /pools, GET /pools/{pool}, PUT /pools/{pool} (a roll-out), DELETE /pools/{pool}?token=N. Loopback only.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import FrameType

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.rehearsal.fault_file import FaultFile
from deployments.rehearsal.instance_platform import InstancePlatform, PlatformRefusal
from deployments.rehearsal.instance_process import prepare_to_start
from deployments.rehearsal.pool_protocol import PoolView, Rollout

NEEDED = ("TRADING_PG_DSN", "TRADING_REDIS_URL", "TRADING_JWT_KEY")


def build(platform: InstancePlatform) -> Starlette:
    """Return the ASGI application in front of ``platform``; it runs the pools while it is up."""

    async def pools(_: Request) -> Response:
        return JSONResponse({"pools": [pool.view().model_dump(mode="json") for pool in platform.pools.values()]})

    async def show(request: Request) -> Response:
        return _answer(platform.pool(request.path_params["pool"]).view())

    async def put(request: Request) -> Response:
        try:
            rollout = Rollout.model_validate_json(await request.body())
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=False, include_input=False)
            raise PlatformRefusal(422, "; ".join(f"{_place(d['loc'])}: {d['msg']}" for d in details)) from error
        return _answer(platform.roll_out(request.path_params["pool"], rollout))

    async def delete(request: Request) -> Response:
        token = request.query_params.get("token")
        if token is not None and not token.isdecimal():
            raise PlatformRefusal(422, f"token: expected a whole number, found {token!r}")
        return _answer(platform.retire(request.path_params["pool"], None if token is None else int(token)))

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        driver = asyncio.create_task(platform.run())
        driver.add_done_callback(_end_with_driver)
        yield
        driver.remove_done_callback(_end_with_driver)
        driver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await driver
        await platform.stop()

    routes = [
        Route("/pools", pools, methods=["GET"]),
        Route("/pools/{pool}", show, methods=["GET"]),
        Route("/pools/{pool}", put, methods=["PUT"]),
        Route("/pools/{pool}", delete, methods=["DELETE"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={PlatformRefusal: _refuse})


def main() -> int:
    """Run the platform until SIGTERM, then end its instances; 2 where the environment is incomplete."""
    parser = argparse.ArgumentParser(prog="orchestrator", description="Runs pools of trading-service instances.")
    parser.add_argument("--state", type=Path, required=True, help="folder of its records and logs")
    parser.add_argument("--port", type=int, required=True, help="port of its API on 127.0.0.1")
    parser.add_argument(
        "--pool",
        type=_pool,
        action="append",
        required=True,
        metavar="NAME=PORT,PORT…",
        help="a pool and the ports on 127.0.0.1 of its instances' places; give it once for each pool",
    )
    arguments = parser.parse_args()
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        print(f"the platform hands {', '.join(missing)} to its instances, but has none: set them", file=sys.stderr)
        return 2
    faults = os.environ.get("TRADING_FAULTS")
    # uvicorn repeats a signal to whoever had it before; ended by it, the fork server's folder would be left behind.
    signal.signal(signal.SIGTERM, _leave)
    prepare_to_start()
    platform = InstancePlatform(arguments.state, dict(arguments.pool), FaultFile(Path(faults) if faults else None))
    config = uvicorn.Config(
        build(platform),
        host="127.0.0.1",
        port=arguments.port,
        loop="asyncio",
        http="h11",
        ws="none",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run()
    return 0


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _pool(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, ports = text.partition("=")
    numbers = ports.split(",")
    if not name or not all(number.isdecimal() for number in numbers):
        message = f"{text!r}: expected NAME=PORT,PORT…, like blue=9001,9002,9003"
        raise argparse.ArgumentTypeError(message)
    return name, tuple(int(number) for number in numbers)


def _answer(view: PoolView) -> Response:
    return JSONResponse(view.model_dump(mode="json", exclude_none=False))


async def _refuse(_: Request, error: Exception) -> Response:
    if not isinstance(error, PlatformRefusal):
        raise error
    return JSONResponse({"error": str(error)}, error.status)


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "body"


def _end_with_driver(driver: asyncio.Task[None]) -> None:
    """A platform whose driver has died would only pretend to run instances; the kernel ends them with it."""
    if not driver.cancelled():
        print(f"the platform's driver ended: {driver.exception()!r}", file=sys.stderr, flush=True)
        os._exit(70)


if __name__ == "__main__":
    sys.exit(main())
