"""What people see in Slack: messages with buttons, read from the Slack stand-in."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, JsonValue

from deployments.rehearsal.call_record import JsonObject

LONG_POLL = 20.0  # seconds that the stand-in may hold a request open
REQUEST_EVENT = "tminus_request"


@dataclass(frozen=True)
class Question:
    """The buttons of one role in one message; `buttons` are values by action id."""

    channel: str
    ts: str
    request: str
    role: str
    block_id: str
    buttons: dict[str, str]


class Shown(BaseModel):
    """A message as the stand-in shows it."""

    channel: str
    ts: str
    blocks: list[JsonObject] = []
    metadata: JsonObject | None = None
    deleted: bool = False

    def questions(self) -> Iterator[Question]:
        """What the message asks: an actions block for each role, named `<request id>:<role>`."""
        if self.deleted or self.metadata is None or self.metadata.get("event_type") != REQUEST_EVENT:
            return
        for block in self.blocks:
            block_id, elements = block.get("block_id"), block.get("elements")
            if block.get("type") != "actions" or not isinstance(block_id, str) or not isinstance(elements, list):
                continue
            request, colon, role = block_id.rpartition(":")
            if colon:
                yield Question(self.channel, self.ts, request, role, block_id, dict(_buttons(elements)))


class Board(BaseModel):
    """What changed since the last look, and the stand-in's fault."""

    revision: int
    fault: str
    messages: list[Shown]


async def look(client: httpx.AsyncClient, slack: str, since: int) -> Board:
    """Wait until something changes, 20 s at most; raises httpx.HTTPError where the stand-in does not answer."""
    response = await client.get(
        f"{slack}/_control/messages", params={"since": since, "wait": LONG_POLL}, timeout=LONG_POLL + 10
    )
    return Board.model_validate_json(response.raise_for_status().content)


def _buttons(elements: list[JsonValue]) -> Iterator[tuple[str, str]]:
    for element in elements:
        if isinstance(element, dict) and element.get("type") == "button":
            action, value = element.get("action_id"), element.get("value")
            if isinstance(action, str) and isinstance(value, str):
                yield action, value
