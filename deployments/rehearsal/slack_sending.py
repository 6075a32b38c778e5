"""The Slack stand-in's control routes for what Slack would send: presses, dialogs handed in, commands."""

from collections.abc import Awaitable, Callable, Mapping

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.slack_arguments import SlackRefusal
from deployments.rehearsal.slack_interactions import Interactions, Press, Typed
from deployments.rehearsal.slack_socket_mode import SocketMode, Trouble
from deployments.rehearsal.slack_views import HandedIn, Views


class Delivery(BaseModel):
    """What goes out over a WebSocket: one of these, or any payload as it is."""

    model_config = ConfigDict(extra="forbid")

    press: Press | None = None
    handed_in: HandedIn | None = None
    typed: Typed | None = None
    type: str = "interactive"
    payload: JsonValue = None


def routes(interactions: Interactions, views: Views, sockets: SocketMode) -> list[Route]:
    """Those that compose a payload, for whoever sends it by HTTP, and those that deliver it."""

    async def interaction(request: Request) -> Response:
        """The payload for a press; sending it, signed, is up to the caller."""
        return JSONResponse(interactions.payload(Press.model_validate_json(await request.body()), _base(request)))

    async def submission(request: Request) -> Response:
        """The payload for a dialog that is handed in."""
        return JSONResponse(views.payload(HandedIn.model_validate_json(await request.body())))

    async def command(request: Request) -> Response:
        """The form of a slash command."""
        return JSONResponse(interactions.command(Typed.model_validate_json(await request.body()), _base(request)))

    async def shown(request: Request) -> Response:
        """The dialogs on somebody's screen, the newest last."""
        found = views.shown_to(request.query_params.get("user", ""))
        return JSONResponse([one.view for one in found])

    async def deliver(request: Request) -> Response:
        """Sends it over a WebSocket, at once or once there is one; answers with the envelope's id."""
        delivery = Delivery.model_validate_json(await request.body())
        kind, payload = delivery.type, delivery.payload
        if delivery.press is not None:
            payload = interactions.payload(delivery.press, _base(request))
        elif delivery.handed_in is not None:
            payload = views.payload(delivery.handed_in)
        elif delivery.typed is not None:
            kind, payload = "slash_commands", {**interactions.command(delivery.typed, _base(request))}
        return JSONResponse({"envelope_id": sockets.deliver(kind, payload)})

    async def befall(request: Request) -> Response:
        """Lets something happen to the connections."""
        await sockets.befall(Trouble.model_validate_json(await request.body()))
        told: Mapping[str, JsonValue] = {"opened": sockets.opened, "connected": sockets.connected}
        return JSONResponse(told)

    posted: Mapping[str, Callable[[Request], Awaitable[Response]]] = {
        "/_control/interactions": interaction,
        "/_control/submissions": submission,
        "/_control/commands": command,
        "/_control/deliveries": deliver,
        "/_control/socket": befall,
    }
    return [
        Route("/_control/views", shown),
        *(Route(path, _refusing(handle), methods=["POST"]) for path, handle in posted.items()),
    ]


def _refusing(handle: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await handle(request)
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        except SlackRefusal as refusal:
            body: JsonObject = refusal.body()
            return JSONResponse(body, status_code=409)

    return answer


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"
