"""The door for what Slack sends by HTTP: bounded, verified, acknowledged at once, then handed on."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tminus.bounded_body import BodyRefused, bounded_body
from tminus.drills.orders import DrillOrders
from tminus.ledger.store import Store
from tminus.runbook import Spec
from tminus.signing_secrets import SigningSecrets
from tminus.slack_answers import SlackAnswers
from tminus.slack_intake import REPLAYED, SlackIntake, Taken
from tminus.slack_payload import Commanded, Malformed, Sent, is_ssl_check, read_interaction
from tminus.slack_signature import SlackSignatures, said_by, signature_of

_FORGERIES = 10  # a minute that are written into ledgers; the others are counted only
_READERS: Mapping[str, Callable[[bytes], Sent]] = {
    "/slack/interactions": read_interaction,
    "/slack/commands": Commanded.read,
}


class SlackDoor:
    """Verifies, acknowledges, and has the rest done behind the acknowledgement.

    Slack waits three seconds for an acknowledgement; it is given before the ledger is asked anything, so a slow
    ledger makes an answer late and no press lost.

    Args:
        store: the ledger.
        kinds: the vocabulary, to read books.
        signing: Slack's secret, for its signatures.
        api: where the environment's Slack is; answers go there or to Slack itself, nowhere else.
        token: finds the app's token, for dialogs.
        drills: stops drills; None where the environment has none.

    Attributes:
        intake: what does the rest.
    """

    def __init__(
        self,
        store: Store,
        kinds: Mapping[str, type[Spec]],
        signing: SigningSecrets,
        api: str = "https://slack.com/api/",
        token: Callable[[], SecretStr] | None = None,
        drills: DrillOrders | None = None,
    ) -> None:
        self.intake = SlackIntake(store, kinds, SlackAnswers(api, token), drills)
        self._signing = signing
        self._signatures = SlackSignatures(signing)
        self._forgeries: deque[float] = deque(maxlen=_FORGERIES)

    @property
    def counts(self) -> dict[str, int]:
        """How many requests came to what."""
        return self.intake.counts

    def routes(self) -> list[Route]:
        """Where Slack knocks."""
        return [Route(path, self._bounded, methods=["POST"]) for path in _READERS]

    def trouble(self) -> str:
        """As the intake says, or the signing secret."""
        return self.intake.trouble() or self._signing.trouble()

    def metrics(self) -> Iterator[str]:
        """As the intake says, and which stage of the secret signed how much."""
        yield from self.intake.metrics()
        yield from self._signing.metrics("slack")

    async def finish(self) -> None:
        """As the intake does."""
        await self.intake.finish()

    async def _bounded(self, request: Request) -> Response:
        """Takes no more than a press may be long, for no longer than it may take."""
        try:
            body = await bounded_body(request)
        except BodyRefused as e:
            if e.oversized:
                self.intake.count("oversized")
            return JSONResponse({"error": str(e)}, status_code=e.status)
        moment, reader = time.time(), _READERS[request.url.path]
        if why := await self._signing.verified(partial(self._signatures.why_forged, request.headers, body, moment)):
            return self._forged(reader, body, why, moment)
        return self._acknowledged(request, body, moment, reader)

    def _acknowledged(self, request: Request, body: bytes, moment: float, reader: Callable[[bytes], Sent]) -> Response:
        """The acknowledgement of what is verified, with what is to be done behind it."""
        if is_ssl_check(body):
            return Response()
        if staged := self._signatures.signer(request.headers, body):
            self._signing.used(staged)
        try:
            sent = reader(body)
        except Malformed as e:
            self.intake.count("malformed")
            return JSONResponse({"error": str(e)}, status_code=400)
        if not self.intake.admit():
            return JSONResponse({"error": "too many requests wait for the ledger"}, status_code=503)
        signature = signature_of(request.headers)
        if not self._signatures.first_time(signature, moment):
            self.intake.release()
            return self._replayed(sent, moment)
        self.intake.begin(Taken(sent, signature, at=said_by(request.headers, moment)))
        said = self.intake.at_once(sent)
        return Response() if said is None else JSONResponse(said)

    def _replayed(self, sent: Sent, moment: float) -> Response:
        self.intake.count("replayed")
        if self._may_record(moment):
            self.intake.begin_refusal(sent, REPLAYED)
        return JSONResponse({"error": REPLAYED}, status_code=401)

    def _forged(self, reader: Callable[[bytes], Sent], body: bytes, why: str, moment: float) -> Response:
        """Refused without believing a word of it; the launch it names gets a line, a few a minute."""
        self.intake.count("forged")
        if self._may_record(moment):
            with suppress(Malformed):
                self.intake.begin_refusal(reader(body), why, "somebody who is not Slack")
        return JSONResponse({"error": why}, status_code=401)

    def _may_record(self, moment: float) -> bool:
        """Whether one more of what anyone can send may be written down: a ledger is not filled from outside."""
        if len(self._forgeries) == _FORGERIES and moment - self._forgeries[0] < 60:  # noqa: PLR2004 - a minute
            return False
        self._forgeries.append(moment)
        return True
