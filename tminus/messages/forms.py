"""The two kinds of letters, as the outbox keeps them."""

from typing import Literal

import rfc8785
from pydantic import BaseModel, JsonValue

from tminus.ledger.store import Letter

Block = dict[str, JsonValue]


class SlackLetter(BaseModel, frozen=True):
    """A message in the launch's channel.

    Attributes:
        living: whether a later letter with the same key changes this message instead of posting another.
        thread: the key of the message in whose thread it stands.
        request: the question it carries, for those who read messages by machine.
    """

    text: str
    blocks: list[Block] = []
    living: bool = False
    thread: str | None = None
    request: str | None = None

    def letter(self, key: str) -> Letter:
        """As the outbox keeps it."""
        return Letter("slack", key, rfc8785.dumps(self.model_dump(mode="json")).decode())


class PagerDutyLetter(BaseModel, frozen=True):
    """An event for PagerDuty, or an incident by its REST API; `key` of the letter is its dedup key.

    Attributes:
        by_rest: whether the incident is made, and resolved, by the REST API where the courier's environment has it.
        policy: the escalation policy's id that is paged then; the service's own where there is none.
        users: the PagerDuty ids of the people who are paged then, instead of a policy.
    """

    op: Literal["trigger", "resolve", "change"]
    summary: str
    severity: Literal["critical", "error", "warning", "info"] = "critical"
    source: str = "tminus"
    details: dict[str, str] = {}
    link: str | None = None
    by_rest: bool = False
    policy: str = ""
    users: tuple[str, ...] = ()

    def letter(self, key: str) -> Letter:
        """As the outbox keeps it; the details stay in the order in which they are read."""
        return Letter("pagerduty", key, self.model_dump_json())
