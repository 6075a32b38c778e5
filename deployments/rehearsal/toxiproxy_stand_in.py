"""A stand-in for Toxiproxy on loopback: what drills use of its HTTP API, and TCP proxies that do as they are told.

    python -m deployments.rehearsal.toxiproxy_stand_in --port 8474 cache=26379:6379

As https://github.com/Shopify/toxiproxy/blob/main/api.go answers; it knows the toxics `latency` and `timeout` (of 0).
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping

import uvicorn
from pydantic import BaseModel, JsonValue, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.rehearsal.addresses import HOST
from deployments.rehearsal.stand_in_server import configuration, listen
from deployments.rehearsal.toxic_relay import Relay, Toxic

_Answer = Callable[[Request, Relay], Awaitable[Response]]


class Update(BaseModel, frozen=True, extra="ignore"):
    """What of a proxy may be changed here."""

    enabled: bool | None = None


def app(relays: Mapping[str, Relay]) -> Starlette:
    """The API of these proxies."""

    def of_a_proxy(answer: _Answer) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            relay = relays.get(request.path_params["proxy"])
            if relay is None:
                return _refused(404, "proxy not found")
            try:
                return await answer(request, relay)
            except ValidationError as e:
                return _refused(400, f"bad request body: {e.errors()[0]['msg']}")

        return answered

    one, toxics = "/proxies/{proxy}", "/proxies/{proxy}/toxics"
    return Starlette(
        routes=[
            Route(one, of_a_proxy(_show), methods=["GET"]),
            Route(one, of_a_proxy(_update), methods=["POST", "PATCH"]),
            Route(toxics, of_a_proxy(_add), methods=["POST"]),
            Route(f"{toxics}/{{toxic}}", of_a_proxy(_remove), methods=["DELETE"]),
        ]
    )


def shown(relay: Relay) -> dict[str, JsonValue]:
    """A proxy as the API has it."""
    return {
        "name": relay.name,
        "listen": f"{HOST}:{relay.port}",
        "upstream": f"{HOST}:{relay.upstream}",
        "enabled": relay.enabled,
        "toxics": [{**one.model_dump(mode="json"), "name": name} for name, one in relay.toxics.items()],
    }


async def _show(_request: Request, relay: Relay) -> Response:
    return JSONResponse(shown(relay))


async def _update(request: Request, relay: Relay) -> Response:
    wanted = Update.model_validate_json(await request.body()).enabled
    if wanted is not None:
        await (relay.open() if wanted else relay.close())
    return JSONResponse(shown(relay))


async def _add(request: Request, relay: Relay) -> Response:
    toxic = Toxic.model_validate_json(await request.body())
    if toxic.called in relay.toxics:
        return _refused(409, "toxic already exists")
    relay.toxics[toxic.called] = toxic
    return JSONResponse({**toxic.model_dump(mode="json"), "name": toxic.called})


async def _remove(request: Request, relay: Relay) -> Response:
    if relay.toxics.pop(request.path_params["toxic"], None) is None:
        return _refused(404, "toxic not found")
    return Response(status_code=204)


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why, "status": status}, status_code=status)


async def _serve(relays: Mapping[str, Relay], port: int) -> None:
    for relay in relays.values():
        await relay.open()
    with listen(port) as listening:
        await uvicorn.Server(configuration(app(relays), None)).serve(sockets=[listening])
    for relay in relays.values():
        await relay.close()


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, required=True, help="TCP port of the API on 127.0.0.1")
    parser.add_argument("proxies", nargs="+", help="NAME=PORT:UPSTREAM-PORT, both on 127.0.0.1")
    given = parser.parse_args()
    relays = {}
    for one in given.proxies:
        name, _, ports = one.partition("=")
        here, _, there = ports.partition(":")
        relays[name] = Relay(name, int(here), int(there))
    asyncio.run(_serve(relays, given.port))


if __name__ == "__main__":
    main()
