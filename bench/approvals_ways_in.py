"""How a request gets in: through the door over HTTP, or through the door's own parts, or on a command line."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

import httpx
from pydantic import SecretStr
from starlette.applications import Starlette

from bench.approval_histories import GATEWAYS
from bench.approval_history import ORDERS, Request
from bench.approvals_clock import BEGINNING
from bench.approvals_launch import ASK, Keys, slack_id
from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.slack_presses import signed
from tminus import events as ev
from tminus import inbox
from tminus.errors import Refused
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.presses import Presses
from tminus.signing_secrets import SigningSecrets
from tminus.slack_door import SlackDoor
from tminus.slack_signature import SlackSignatures, signature_of

SECRET, _ANOTHER = SecretStr("bench-signing-secret"), SecretStr("not-slacks-secret")


def answered(one: Request, person: str, digest: str) -> ev.Answered | ev.Ordered:
    """The event that a request asks for; what a command line sends bears its own moment."""
    made = BEGINNING + timedelta(seconds=one.made, microseconds=one.id)
    at = {"at": made} if one.via == "command line" else {}
    if one.does in ORDERS:
        return ev.Ordered.model_validate({"order": one.does, "person": person, "via": one.via, "reason": "b", **at})
    said = {"ask": ASK, "answer": one.does, "digest": digest, "reason": "b"}
    return ev.Answered.model_validate({**said, "person": person, "via": one.via, **at})


def press(one: Request, chain: str, digest: str, response_url: str = "") -> tuple[bytes, dict[str, str]]:
    """Body and headers of the request that Slack, or somebody else, sends for a pressed button."""
    value = chain if one.does in ORDERS else f"{chain}|{ASK}|role|{digest}"
    payload: JsonObject = {
        "type": "block_actions",
        "trigger_id": str(one.id),
        "user": {"id": slack_id(one.who)},
        "actions": [{"action_id": f"tminus.{one.does}", "value": value}],
        "response_url": response_url,
    }
    secret = SECRET if one.proof == "right" else _ANOTHER
    moment = (BEGINNING + timedelta(seconds=one.made)).timestamp()
    body, headers = signed(secret, payload, str(int(moment)))
    left_out = "x-slack-signature" if one.proof == "none" else ""
    return body, {name.lower(): value for name, value in headers.items() if name.lower() != left_out}


class Gateway(Protocol):
    """What lets a press in."""

    def take(self, one: Request, book: Logbook, frozen: Frozen, digest: str) -> bool:
        """Whether whoever pressed is told that it was recorded."""


class Gateways:
    """The gateways that run; they outlive a history, and each may be restarted.

    Args:
        make: starts one.
    """

    def __init__(self, make: Callable[[], Gateway]) -> None:
        self._make = make
        self.running = [make() for _ in range(GATEWAYS)]

    def restart(self, number: int) -> None:
        """Another takes its place."""
        self.running[number] = self._make()


class Parts:
    """The door without HTTP: signature, window, both replay stores, then the inbox.

    Args:
        store: the ledger.
        moment: the hour, in seconds since 1970.
    """

    def __init__(self, store: Store, moment: Callable[[], float]) -> None:
        self._signatures = SlackSignatures(SigningSecrets.of(SECRET))
        self._presses = Presses(store, {})
        self._moment = moment

    def take(self, one: Request, book: Logbook, frozen: Frozen, digest: str) -> bool:
        """As the door does it, one after another."""
        body, headers = press(one, frozen.created.launch, digest)
        moment, signature = self._moment(), signature_of(headers)
        if self._signatures.why_forged(headers, body, moment) is not None:
            return False
        if not self._signatures.first_time(signature, moment) or not self._presses.first_time(signature):
            return False
        person = frozen.people.by_slack(slack_id(one.who))
        return person is not None and let_in(book, frozen, answered(one, person.id, digest))


class Door:
    """The real door behind its own ASGI application, asked over HTTP within this process.

    A no comes by a dialog that asks for its reason; here the parts take it, as they take what comes in the midst of
    another press: that is asked of this loop already.

    Args:
        store: the ledger.
        loop: where it runs.
        moment: the hour, in seconds since 1970.
    """

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop, moment: Callable[[], float]) -> None:
        self._door = SlackDoor(store, {}, SigningSecrets.of(SECRET))
        self._parts = Parts(store, moment)
        self._loop = loop
        app = Starlette(routes=self._door.routes())
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")

    def take(self, one: Request, book: Logbook, frozen: Frozen, digest: str) -> bool:
        """Posts it, and looks whether the door counts it as accepted."""
        if one.does == "reject" or self._loop.is_running():
            return self._parts.take(one, book, frozen, digest)
        body, headers = press(one, frozen.created.launch, digest)
        before = self._door.counts["accepted"]
        self._loop.run_until_complete(self._pressed(body, headers))
        return self._door.counts["accepted"] > before

    async def _pressed(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Until what was acknowledged is also done."""
        await self._client.post("/slack/interactions", content=body, headers=headers)
        await self._door.finish()


def let_in(book: Logbook, frozen: Frozen, given: ev.Answered | ev.Ordered) -> bool:
    """Whether the inbox takes it."""
    try:
        if isinstance(given, ev.Answered):
            inbox.answer(book, frozen, given)
        else:
            inbox.order(book, frozen, given)
    except Refused:
        return False
    return True


def on_command_line(one: Request, keys: Keys, frozen: Frozen, digest: str) -> ev.Answered | ev.Ordered:
    """What a command line sends: signed by its author, by somebody else, or by nobody."""
    given = answered(one, one.who, digest)
    if one.proof == "none":
        return given
    key = keys.of(one.who if one.proof == "right" else f"not-{one.who}")
    return given.model_copy(update={"signature": key.sign(frozen.created.launch, given)})
