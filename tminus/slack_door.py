"""The door for what people press in Slack: verified, acknowledged at once, then judged, recorded and answered."""

import asyncio
import logging
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeVar

import anyio
import httpx
from pydantic import SecretStr
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tminus.errors import LedgerError, Refused, TminusError
from tminus.ledger.store import Store
from tminus.messages.block_kit import escaped
from tminus.presses import Presses
from tminus.runbook import Spec
from tminus.slack_payload import Action, Malformed, Pressed, is_slacks
from tminus.slack_signature import SlackSignatures, signature_of

_T = TypeVar("_T")
_logger = logging.getLogger(__name__)
_LARGEST = 512 * 1024  # bytes; Slack's own payloads stay far below
_MOST_WAITING = 1000  # presses that wait for a slow ledger; more are sent away, which Slack shows to whoever pressed
_BODY = 5.0  # seconds in which a request's body must have come
_FORGERIES = 10  # a minute that are written into ledgers; the others are counted only
_REPLAYED = "this request was sent before: a replay"
_UNRECORDED = "This was NOT recorded, the ledger does not answer. Press again, or use the `tminus` command line."


class SlackDoor:
    """Verifies, acknowledges at once, then judges, records, and answers with the reason.

    Slack waits three seconds for an acknowledgement; it is given before the ledger is asked anything, so a slow
    ledger makes an answer late and no press lost.

    Args:
        store: the ledger.
        kinds: the vocabulary, to read books.
        signing_secret: Slack's, for its signatures.
        api: where the environment's Slack is; answers go there or to Slack itself, nowhere else.

    Attributes:
        counts: how many requests came to what.
    """

    def __init__(
        self,
        store: Store,
        kinds: Mapping[str, type[Spec]],
        signing_secret: SecretStr,
        api: str = "https://slack.com/api/",
    ) -> None:
        self._presses = Presses(store, kinds)
        self._signatures = SlackSignatures(signing_secret)
        self._api = api
        self._one_at_a_time = anyio.CapacityLimiter(1)
        self._waiting = 0
        self._forgeries: deque[float] = deque(maxlen=_FORGERIES)
        self._trust = ssl.create_default_context()
        names = ("accepted", "refused", "failed", "forged", "replayed", "malformed", "oversized", "overloaded")
        self.counts: dict[str, int] = dict.fromkeys(names, 0)

    def routes(self) -> list[Route]:
        """Where Slack knocks."""
        return [Route("/slack/interactions", self._bounded, methods=["POST"])]

    def trouble(self) -> str:
        """Nothing of its own: what is wrong with a press is told to whoever pressed."""
        return ""

    def metrics(self) -> Iterator[str]:
        """Requests by what they came to, and presses that wait for the ledger."""
        yield "# TYPE tminus_gateway_requests_total counter"
        yield from (f'tminus_gateway_requests_total{{result="{name}"}} {count}' for name, count in self.counts.items())
        yield "# TYPE tminus_gateway_waiting gauge"
        yield f"tminus_gateway_waiting {self._waiting}"

    async def _bounded(self, request: Request) -> Response:
        """Takes no more than a press may be long, for no longer than it may take."""
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > _LARGEST:
                        self.counts["oversized"] += 1
                        return JSONResponse({"error": f"larger than {_LARGEST} bytes"}, status_code=413)
        except (TimeoutError, ClientDisconnect):
            return JSONResponse({"error": "the body did not come"}, status_code=408)
        return await self.interaction(request, bytes(body))

    async def interaction(self, request: Request, body: bytes) -> Response:
        """A pressed button: acknowledged at once, judged behind it, answered where Slack says."""
        moment = time.time()
        if why := self._signatures.why_forged(request.headers, body, moment):
            return self._forged(body, why, moment)
        try:
            pressed = Pressed.read(body)
        except Malformed as e:
            self.counts["malformed"] += 1
            return JSONResponse({"error": str(e)}, status_code=400)
        if self._waiting >= _MOST_WAITING:
            self.counts["overloaded"] += 1
            return JSONResponse({"error": "too many presses wait for the ledger"}, status_code=503)
        signature = signature_of(request.headers)
        if not self._signatures.first_time(signature, moment):
            self.counts["replayed"] += 1
            told = BackgroundTask(self._refuse, pressed, _REPLAYED) if self._may_record(moment) else None
            return JSONResponse({"error": _REPLAYED}, status_code=401, background=told)
        self._waiting += 1
        return Response(status_code=200, background=BackgroundTask(self._take, pressed, signature))

    def _forged(self, body: bytes, why: str, moment: float) -> Response:
        """Refused without believing a word of it; the launch it names gets a line, a few a minute."""
        self.counts["forged"] += 1
        _logger.warning("refused a request to /slack/interactions: %s", why)
        told = None
        if self._may_record(moment):
            try:
                told = BackgroundTask(self._refuse, Pressed.read(body), why, "somebody who is not Slack")
            except Malformed:
                told = None
        return JSONResponse({"error": why}, status_code=401, background=told)

    def _may_record(self, moment: float) -> bool:
        """Whether one more of what anyone can send may be written down: a ledger is not filled from outside."""
        if len(self._forgeries) == _FORGERIES and moment - self._forgeries[0] < 60:  # noqa: PLR2004 - a minute
            return False
        self._forgeries.append(moment)
        return True

    async def _refuse(self, pressed: Pressed, why: str, who: str = "") -> None:
        try:
            await self._in_turn(partial(self._presses.refuse, pressed, why, who))
        except TminusError as e:
            _logger.warning("a refusal is not recorded: %s", type(e).__name__)
        if not who:
            await self._reply(pressed.response_url, f"This does not count: {why}")

    async def _take(self, pressed: Pressed, signature: str) -> None:
        try:
            if not await self._in_turn(partial(self._presses.first_time, signature)):
                self.counts["replayed"] += 1
                await self._refuse(pressed, _REPLAYED)
                return
            for action in pressed.actions:
                await self._reply(pressed.response_url, await self._decided(pressed.user.id, action))
        except LedgerError as e:
            await self._reply(pressed.response_url, self._lost(e, _UNRECORDED))
        finally:
            self._waiting -= 1

    async def _decided(self, member: str, action: Action) -> str:
        """What whoever pressed is told."""
        try:
            said = await self._in_turn(partial(self._presses.decide, member, action))
        except Refused as e:
            self.counts["refused"] += 1
            return f"This does not count: {e}"
        except LedgerError as e:
            return self._lost(e, _UNRECORDED)
        except TminusError as e:
            return self._lost(e, "This was NOT recorded: its launch cannot be read here.")
        self.counts["accepted"] += 1
        return said

    def _lost(self, error: TminusError, told: str) -> str:
        self.counts["failed"] += 1
        _logger.error("a press was not recorded: %s", error)
        return told

    async def _in_turn(self, work: Callable[[], _T]) -> _T:
        return await anyio.to_thread.run_sync(work, limiter=self._one_at_a_time)

    async def _reply(self, url: str, said: str) -> None:
        if not url or not is_slacks(url, self._api):
            return
        told = {"response_type": "ephemeral", "replace_original": False, "text": escaped(said)}
        async with httpx.AsyncClient(timeout=5, trust_env=False, verify=self._trust) as client:
            try:
                answer = await client.post(url, json=told)
            except httpx.HTTPError as e:
                _logger.warning("the answer to a button could not be given: %s", type(e).__name__)
                return
        if answer.is_error:
            _logger.warning("the answer to a button was not taken: %s", answer.status_code)
