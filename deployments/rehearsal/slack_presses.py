"""A press on a button, sent to the app as Slack sends it: a signed form over HTTP.

Slack's scheme (docs.slack.dev/authentication/verifying-requests-from-slack): the hex HMAC-SHA256, keyed with the app's
signing secret, of `v0:<timestamp>:<body>`, written `v0=<hex>`.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.slack_board import Question

ANSWER_WITHIN = 3.0  # seconds; Slack shows the person a warning after that
_DIALOGS = frozenset({"tminus.reject", "tminus.waive"})  # buttons that ask for a reason
_REASON = "so it is rehearsed"
_LOOK = 0.05  # seconds between two looks whether a dialog has opened


class NotPressed(Exception):
    """The press did not reach the app; `again` says whether a person would try once more."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


def signature(secret: SecretStr, timestamp: str, body: bytes) -> str:
    """The X-Slack-Signature of a request."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.get_secret_value().encode(), base, hashlib.sha256).hexdigest()


def signed(secret: SecretStr, payload: JsonObject, timestamp: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of the request that carries an interaction payload."""
    return signed_form(secret, {"payload": json.dumps(payload)}, timestamp)


def signed_form(secret: SecretStr, fields: Mapping[str, str], timestamp: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of the request that carries a form, such as a slash command's."""
    body = urlencode(fields).encode()
    return body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(secret, timestamp, body),
    }


class Presses:
    """Presses buttons: the stand-in composes the payload, as Slack does, and the gateway gets it signed."""

    def __init__(self, client: httpx.AsyncClient, slack: str, gateway: str, secret: SecretStr) -> None:
        self._client = client
        self._slack = slack
        self._gateway = gateway
        self._secret = secret

    async def press(self, slack_id: str, question: Question, action_id: str) -> int:
        """Press once, and hand in the dialog where the button opens one; returns the gateway's HTTP status.

        Raises NotPressed where it was not heard.
        """
        before = await self._dialogs(slack_id) if action_id in _DIALOGS else []
        press: JsonObject = {
            "user": slack_id,
            "channel": question.channel,
            "message_ts": question.ts,
            "block_id": question.block_id,
            "action_id": action_id,
        }
        status = await self._sent("interactions", press)
        if action_id in _DIALOGS:
            handed_in: JsonObject = {"user": slack_id, "view": await self._new_dialog(slack_id, before)}
            return await self._sent("submissions", {**handed_in, "values": {"reason": _REASON}})
        return status

    async def _sent(self, what: str, asked: JsonObject) -> int:
        try:
            composed = await self._client.post(f"{self._slack}/_control/{what}", json=asked)
        except httpx.HTTPError as error:
            raise NotPressed(f"the Slack stand-in did not answer: {error!r}", again=True) from error
        if composed.is_error:
            raise NotPressed(f"Slack stand-in: {composed.text}", again=False)
        body, headers = signed(self._secret, composed.json(), str(int(time.time())))
        try:
            response = await self._client.post(
                f"{self._gateway}/slack/interactions", content=body, headers=headers, timeout=ANSWER_WITHIN
            )
        except httpx.HTTPError as error:
            raise NotPressed(f"the gateway did not answer: {error!r}", again=True) from error
        if response.is_server_error:
            raise NotPressed(f"the gateway answered {response.status_code}", again=True)
        return response.status_code

    async def _new_dialog(self, slack_id: str, before: list[str]) -> str:
        """The dialog that opens for this person; raises NotPressed where none does."""
        until = time.monotonic() + ANSWER_WITHIN
        while time.monotonic() < until:
            if new := [view for view in await self._dialogs(slack_id) if view not in before]:
                return new[-1]
            await asyncio.sleep(_LOOK)
        raise NotPressed("no dialog opened", again=True)

    async def _dialogs(self, slack_id: str) -> list[str]:
        try:
            answer = await self._client.get(f"{self._slack}/_control/views", params={"user": slack_id})
            return [str(view["id"]) for view in answer.raise_for_status().json()]
        except httpx.HTTPError as error:
            raise NotPressed(f"the Slack stand-in did not answer: {error!r}", again=True) from error
