"""The inbound door: what people press in Slack, verified, and let into the ledger. Stateless; several may run."""

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs

import anyio
import httpx
from pydantic import BaseModel, SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tminus import events as ev
from tminus import inbox
from tminus.errors import LedgerError, LedgerUnreachable, Refused
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.messages import telling
from tminus.people import Person
from tminus.runbook import Spec

_logger = logging.getLogger(__name__)
_WINDOW = 300  # seconds; https://api.slack.com/authentication/verifying-requests-from-slack
_LARGEST = 512 * 1024  # bytes; Slack's own payloads stay far below
_ANSWERS: Mapping[str, ev.Answer] = {
    "tminus.approve": "approve",
    "tminus.reject": "reject",
    "tminus.acknowledge": "acknowledge",
    "tminus.attest": "attest",
}


class _User(BaseModel):
    id: str


class _Action(BaseModel):
    action_id: str
    value: str
    action_ts: str = ""


class Pressed(BaseModel):
    """The parts of Slack's block_actions payload that say who pressed what."""

    user: _User
    actions: list[_Action]
    response_url: str = ""


class Gateway:
    """Verifies, judges, records, and answers with the reason.

    Args:
        store: the ledger.
        kinds: the vocabulary, to read books.
        signing_secret: Slack's, for its signatures.
    """

    def __init__(self, store: Store, kinds: Mapping[str, type[Spec]], signing_secret: SecretStr) -> None:
        self._store = store
        self._kinds = kinds
        self._secret = signing_secret
        self.counts: dict[str, int] = {"accepted": 0, "refused": 0, "forged": 0}

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/slack/interactions", self._limited(self.interaction), methods=["POST"]),
                Route("/health", self.health),
                Route("/ready", self.ready),
                Route("/metrics", self.metrics),
            ]
        )

    def _limited(
        self, handler: Callable[[Request, bytes], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def limited(request: Request) -> Response:
            body = bytearray()
            async for chunk in request.stream():
                body += chunk
                if len(body) > _LARGEST:
                    return JSONResponse({"error": f"larger than {_LARGEST} bytes"}, status_code=413)
            return await handler(request, bytes(body))

        return limited

    async def interaction(self, request: Request, body: bytes) -> Response:
        """A pressed button: acknowledged at once, judged behind it, answered where Slack says."""
        why = self.why_forged(request.headers, body, time.time())
        if why is not None:
            self.counts["forged"] += 1
            _logger.warning("refused a request to /slack/interactions: %s", why)
            return JSONResponse({"error": why}, status_code=401)
        try:
            pressed = Pressed.model_validate(json.loads(parse_qs(body.decode())["payload"][0]))
        except (KeyError, ValueError, ValidationError):
            return JSONResponse({"error": "no block_actions payload"}, status_code=400)
        return Response(status_code=200, background=BackgroundTask(self._take, pressed))

    def why_forged(self, headers: Mapping[str, str], body: bytes, moment: float) -> str | None:
        """Why Slack did not send this, or not just now; None where it did, for the first time."""
        signature, timestamp = headers.get("x-slack-signature", ""), headers.get("x-slack-request-timestamp", "")
        if not timestamp.isdigit() or abs(moment - int(timestamp)) > _WINDOW:
            return "its timestamp is missing or more than five minutes off"
        told = b"v0:" + timestamp.encode() + b":" + body
        right = "v0=" + hmac.new(self._secret.get_secret_value().encode(), told, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right, signature):
            return "its signature is not Slack's"
        if not self._first_time(signature):
            return "it was seen before"
        return None

    def _first_time(self, signature: str) -> bool:
        return bool(
            self._store.run(
                "INSERT INTO seen (source, key, at) VALUES ('slack', :key, clock()) ON CONFLICT DO NOTHING RETURNING key",
                {"key": signature},
            )
        )

    async def _take(self, pressed: Pressed) -> None:
        for action in pressed.actions:
            try:
                said = await anyio.to_thread.run_sync(self._decide, pressed.user.id, action)
                self.counts["accepted"] += 1
            except (Refused, LedgerError) as e:
                self.counts["refused"] += 1
                said = f"This does not count: {e}"
            await _reply(pressed.response_url, said)

    def _decide(self, member: str, action: _Action) -> str:
        launch, _, rest = action.value.partition("|")
        book, frozen = self._launch(launch)
        person = frozen.people.by_slack(member)
        if person is None:
            inbox.refuse(
                book, member, action.action_id, f"Slack's {member} is nobody in this launch's people.yaml", "slack"
            )
        if action.action_id == "tminus.hold":
            return self._order(book, frozen, person, "hold")
        if action.action_id == "tminus.rollback":
            return self._order(book, frozen, person, "rollback")
        ask, _role, digest = (*rest.split("|"), "", "")[:3]
        answer = _ANSWERS.get(action.action_id)
        if answer is None:
            inbox.refuse(book, person.id, action.action_id, f"there is no button {action.action_id!r}", "slack")
        given = ev.Answered(ask=ask, person=person.id, answer=answer, digest=digest, via="slack")
        inbox.answer(book, frozen, given)
        return f"Recorded: {person.name} {answer}."

    def _order(self, book: Logbook, frozen: Frozen, person: Person, order: ev.Order) -> str:
        inbox.order(book, frozen, ev.Ordered(order=order, person=person.id, via="slack", reason="pressed in Slack"))
        return f"Recorded: {person.name} {order}."

    def _launch(self, launch: str) -> tuple[Logbook, Frozen]:
        book = Logbook(self._store, launch)
        created = book.refresh().created
        if created is None:
            raise Refused(f"no launch is called {launch!r}")
        frozen = Frozen(created, self._kinds)
        book.tell = telling(frozen)
        return book, frozen

    async def health(self, _request: Request) -> Response:
        """Alive."""
        return JSONResponse({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """Alive, and the ledger answers."""
        try:
            await anyio.to_thread.run_sync(self._store.chains)
        except LedgerUnreachable as e:
            return JSONResponse({"status": "the ledger does not answer", "why": str(e)}, status_code=503)
        return JSONResponse({"status": "ok"})

    async def metrics(self, _request: Request) -> Response:
        """Counts, in Prometheus' text format."""
        lines = ["# TYPE tminus_gateway_requests_total counter"]
        lines += [f'tminus_gateway_requests_total{{result="{name}"}} {count}' for name, count in self.counts.items()]
        return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


async def _reply(url: str, said: str) -> None:
    if not url:
        return
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        try:
            await client.post(url, json={"response_type": "ephemeral", "replace_original": False, "text": said})
        except httpx.HTTPError as e:
            _logger.warning("the answer to a button could not be given: %s", type(e).__name__)
