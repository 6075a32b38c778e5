"""What goes straight back to whoever pressed or typed something in Slack: answers that they alone see, and dialogs."""

import asyncio
import json
import logging
import re
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException

import anyio
import httpx
from pydantic import SecretStr
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from tminus.bounded_threads import BoundedThreads, NoPlace
from tminus.errors import MissingSecret
from tminus.messages.block_kit import escaped
from tminus.messages.forms import Block
from tminus.slack_payload import is_slacks

_logger = logging.getLogger(__name__)
_WITHIN = 5.0  # seconds that an answer may take in all
_AT_ONCE = 16  # answers that are under way at one moment
_MOST_WAITING = 500  # answers that wait for a slow Slack; more are not given
_OPENS = 3  # seconds that a press may open a dialog
_PATIENCE = 2.0  # seconds that it may wait for others
_DIALOGS = 8  # that are opened at one moment
_WORD = re.compile(r"^[a-z_]{1,60}$")
# The last four are what the client raises where the answer is garbage.
_FAILURES = (
    SlackClientError,
    OSError,
    HTTPException,
    MissingSecret,
    ValueError,
    AttributeError,
    TypeError,
    RecursionError,
)


@dataclass(frozen=True)
class Told:
    """What somebody is told; with blocks, those are shown and the text is what a notification says."""

    text: str
    blocks: Sequence[Block] = field(default_factory=tuple)


class SlackAnswers:
    """Answers where Slack says, and nowhere else. An answer that cannot be given is lost: the ledger has what counts.

    Args:
        api: where the environment's Slack is; answers go there or to Slack itself.
        token: finds the app's token; without it nothing but response URLs can be answered.

    Attributes:
        waiting: how many answers are under way, or wait for those.
        lost: how many were not given.
    """

    def __init__(self, api: str, token: Callable[[], SecretStr] | None = None) -> None:
        self._api = api
        self._token = token
        self._client: WebClient | None = None
        self._answering = anyio.CapacityLimiter(_AT_ONCE)
        self._whispering = BoundedThreads(_AT_ONCE, "slack is told")
        self._opening = BoundedThreads(_DIALOGS, "slack opens a dialog")
        self._trust = ssl.create_default_context()
        self.waiting = 0
        self.lost = 0

    async def reply(self, url: str, told: Told) -> None:
        """Answers at the response URL that came with a press or a command; at no other server's."""
        if not url or not is_slacks(url, self._api):
            return
        body: Block = {"response_type": "ephemeral", "replace_original": False, "text": escaped(told.text)}
        if told.blocks:
            body["blocks"] = [*told.blocks]
        async with self._place() as free:
            if free:
                await self._post(url, body)

    async def whisper(self, channel: str, member: str, told: Told) -> None:
        """Tells one member something in a channel, where there is no response URL."""
        async with self._place() as free:
            if free and channel:
                whisper = partial(self._whisper, channel, member, escaped(told.text))
                try:
                    await self._whispering.run(whisper, _WITHIN, patience=_WITHIN)
                except TimeoutError as e:
                    self._not_given(type(e).__name__)

    async def open_dialog(self, trigger: str, view: Block) -> str:
        """Opens a dialog for whoever's press the trigger came with; returns why it could not, "" where it could."""
        try:
            return await self._opening.run(partial(self._open, trigger, view), _OPENS, patience=_PATIENCE)
        except NoPlace:
            return "too many are opened just now"
        except TimeoutError:
            return "Slack did not answer"

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[bool]:
        """One of the few answers that are given at a time; False where too many wait already."""
        if self.waiting >= _MOST_WAITING:
            self._not_given("too many wait")
            yield False
            return
        self.waiting += 1
        try:
            async with self._answering:
                yield True
        finally:
            self.waiting -= 1

    async def _post(self, url: str, body: Block) -> None:
        try:
            # The client's own timeout begins anew with each piece of an answer.
            async with (
                asyncio.timeout(_WITHIN),
                httpx.AsyncClient(timeout=_WITHIN, trust_env=False, verify=self._trust) as client,
            ):
                answer = await client.post(url, json=body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as e:
            self._not_given(type(e).__name__)
            return
        if answer.is_error:
            self._not_given(str(answer.status_code))

    def _whisper(self, channel: str, member: str, text: str) -> None:
        try:
            self._web().chat_postEphemeral(channel=channel, user=member, text=text)
        except _FAILURES as e:
            self._not_given(_said(e))

    def _open(self, trigger: str, view: Block) -> str:
        try:
            # As a form, which is how Slack describes it; the client's own method sends what Slack merely takes as well.
            self._web().api_call("views.open", data={"trigger_id": trigger, "view": json.dumps(view)})
        except _FAILURES as e:
            _logger.warning("a dialog could not be opened: %s", _said(e))
            return f"Slack: {_said(e)}"
        return ""

    def _web(self) -> WebClient:
        if self._client is None:
            if self._token is None:
                raise MissingSecret("no token is known")
            token = self._token().get_secret_value()
            self._client = WebClient(token=token, base_url=self._api, timeout=_OPENS, retry_handlers=[])
        return self._client

    def _not_given(self, why: str) -> None:
        self.lost += 1
        _logger.warning("an answer to somebody in Slack could not be given: %s", why)


def word_of(error: SlackApiError) -> str:
    """Slack's word for what is wrong, or the status where it says none; whatever else it says is not repeated."""
    said = error.response.get("error") if isinstance(error.response.data, dict) else None
    return said if isinstance(said, str) and _WORD.match(said) else str(error.response.status_code)


def _said(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        return word_of(error)
    return str(error) if isinstance(error, MissingSecret) else type(error).__name__
