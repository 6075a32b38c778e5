"""A gateway with both doors, knocked at as Slack and PagerDuty knock, with any secret."""

import itertools
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
from pydantic import SecretStr

from deployments.rehearsal import pagerduty_webhooks
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.slack_presses import signed, signed_form
from tests.tminus.launch_story import KINDS
from tminus.gateway import Gateway
from tminus.ledger.sqlite import SqliteStore
from tminus.pagerduty_door import PagerDutyDoor
from tminus.signing_secrets import SigningSecrets
from tminus.slack_door import SlackDoor

CHECK = {"ssl_check": "1", "token": "unused"}


class Knocking:
    """Knocks at a gateway's doors."""

    def __init__(self, door: str) -> None:
        self.door = door
        self._presses = itertools.count()

    def ping(self, secret: str) -> int:
        """What PagerDuty's door answers to a ping that is signed so."""
        body, headers = pagerduty_webhooks.signed(pagerduty_webhooks.ping(), SecretStr(secret))
        return httpx.post(f"{self.door}/pagerduty/webhooks", content=body, headers=headers, trust_env=False).status_code

    def check(self, secret: str) -> int:
        """What Slack's door answers to a look at its TLS that is signed so."""
        return self._form(CHECK, secret)

    def press(self, secret: str) -> int:
        """What Slack's door answers to a press that is signed so; whose it is does not matter here."""
        action = {"action_id": "tminus.hold", "value": f"nowhere|go-no-go|{next(self._presses)}|d"}
        payload = {"type": "block_actions", "user": {"id": "U0SOMEBODY"}, "actions": [action]}
        body, headers = signed(SecretStr(secret), payload, str(int(time.time())))
        return self._post("/slack/interactions", body, headers)

    def metric(self, name: str) -> float:
        """What its metrics say under that name; 0 where they say nothing."""
        lines = httpx.get(f"{self.door}/metrics", trust_env=False).text.splitlines()
        return next((float(one.split()[-1]) for one in lines if one.startswith(name)), 0)

    def _form(self, fields: Mapping[str, str], secret: str) -> int:
        body, headers = signed_form(SecretStr(secret), fields, str(int(time.time())))
        return self._post("/slack/commands", body, headers)

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        return httpx.post(f"{self.door}{path}", content=body, headers=dict(headers), trust_env=False).status_code


@contextmanager
def knocked_at(folder: Path, reference: str) -> Iterator[Knocking]:
    """A gateway that verifies both vendors' requests with one reference, for as long as the block lasts."""
    store = SqliteStore(folder / "ledger.sqlite")
    slack = SlackDoor(store, KINDS, SigningSecrets([reference]), "http://127.0.0.1:1/api/")
    duty = PagerDutyDoor(store, KINDS, SigningSecrets([reference]))
    with served(Gateway(store, [slack, duty], [*slack.routes(), *duty.routes()]).app()) as door:
        yield Knocking(door)
    store.close()
