"""A launch's channel in a Slack stand-in, a gateway behind real HTTP, and people who press its buttons."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from pydantic import JsonValue, SecretStr

from deployments.rehearsal.in_thread import served
from deployments.rehearsal.slack_presses import signed, signed_form
from deployments.rehearsal.slack_stand_in import SlackStandIn
from deployments.rehearsal.slack_views import OpenView
from tests.tminus.launch_story import KINDS
from tests.tminus.staged_launch import CHANNEL, Stage, slack_id
from tminus.courier import deliver_due, open_channel
from tminus.drills.orders import DrillOrders
from tminus.gateway import Gateway
from tminus.ledger.store import Store
from tminus.outbox import Outbox
from tminus.signing_secrets import SigningSecrets
from tminus.slack_door import SlackDoor


def eventually(check: Callable[[], bool]) -> None:
    """Waits until it is so."""
    until = time.monotonic() + 30
    while not check():
        assert time.monotonic() < until, "it did not come to be so within 30 s"
        time.sleep(0.01)


@dataclass
class Room:
    """Everything a press goes through.

    Attributes:
        door: the gateway's address.
    """

    stage: Stage
    slack: SlackStandIn
    slack_url: str
    presses: SlackDoor
    door: str
    secret: SecretStr
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30, trust_env=False))

    def show(self) -> None:
        """What is due appears in the channel."""
        channel = open_channel("slack", self.stage.frozen.environment)
        assert channel is not None
        deliver_due(Outbox(self.stage.store), "slack", channel)

    def payload(self, person: str, action: str, *, value: str | None = None) -> dict[str, JsonValue]:
        """What Slack would send for a press on the newest message that shows this button.

        Args:
            person: of the crew; a Slack id is taken as it is.
            action: the button's name without `tminus.`.
            value: instead of the one that the button carries.
        """
        message, block = self._button(f"tminus.{action}")
        press = {
            "user": self.member(person),
            "channel": CHANNEL,
            "message_ts": message,
            "block_id": block,
            "action_id": f"tminus.{action}",
        }
        composed = self.client.post(f"{self.slack_url}/_control/interactions", json=press)
        composed.raise_for_status()
        found: dict[str, JsonValue] = composed.json()
        actions = found["actions"]
        assert isinstance(actions, list)
        if value is not None and isinstance(actions[0], dict):
            actions[0]["value"] = value
        return found

    def _button(self, action: str) -> tuple[str, str]:
        for message in reversed(list(self.slack.workspace.lasting(CHANNEL))):
            for block in message.blocks:
                elements = block.get("elements")
                if block["type"] == "actions" and f'"{action}"' in json.dumps(elements):
                    return message.ts, str(block["block_id"])
        raise AssertionError(f"no message shows {action}")

    def send(self, payload: dict[str, JsonValue], *, at: float | None = None) -> httpx.Response:
        """Posts a payload as Slack does, signed."""
        body, headers = signed(self.secret, payload, str(int(time.time() if at is None else at)))
        return self.client.post(f"{self.door}/slack/interactions", content=body, headers=headers)

    def dialog(self, person: str, action: str, *, value: str | None = None) -> OpenView:
        """Presses a button that asks back, and returns the dialog that opens for this person."""
        before = self.slack.views.shown_to(self.member(person))
        assert self.send(self.payload(person, action, value=value)).status_code == 200
        eventually(lambda: len(self.slack.views.shown_to(self.member(person))) > len(before))
        return self.slack.views.shown_to(self.member(person))[-1]

    def submission(self, person: str, view: OpenView, **values: str) -> dict[str, JsonValue]:
        """What Slack would send for a dialog with this in its fields."""
        handed_in = {"user": self.member(person), "view": view.id, "values": values}
        composed = self.client.post(f"{self.slack_url}/_control/submissions", json=handed_in)
        composed.raise_for_status()
        found: dict[str, JsonValue] = composed.json()
        return found

    def hand_in(self, person: str, view: OpenView, **values: str) -> str:
        """Hands a dialog in, is acknowledged, and returns what the person is told."""
        before = len(self.told(person))
        answer = self.send(self.submission(person, view, **values))
        assert (answer.status_code, answer.content) == (200, b"")
        eventually(lambda: len(self.told(person)) > before)
        return self.told(person)[-1]

    def type(self, person: str, text: str) -> str:
        """Types `/tminus` and this, is acknowledged, and returns what the person is told."""
        before = len(self.told(person))
        typed = {"user": self.member(person), "channel": CHANNEL, "text": text}
        form = self.client.post(f"{self.slack_url}/_control/commands", json=typed).raise_for_status().json()
        body, headers = signed_form(self.secret, form, str(int(time.time())))
        answer = self.client.post(f"{self.door}/slack/commands", content=body, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        eventually(lambda: len(self.told(person)) > before)
        return self.told(person)[-1]

    def member(self, person: str) -> str:
        """How Slack knows somebody; a Slack id is taken as it is."""
        return person if person.startswith("U0") else slack_id(person)

    def press(self, person: str, action: str, *, value: str | None = None) -> str:
        """Presses, is acknowledged, and returns what the person is told."""
        before = len(self.told(person))
        answer = self.send(self.payload(person, action, value=value))
        assert answer.status_code == 200
        eventually(lambda: len(self.told(person)) > before)
        return self.told(person)[-1]

    def told(self, person: str) -> list[str]:
        """Everything that this person alone was told."""
        to = self.member(person)
        return [one.text for one in self.slack.workspace.changed_since(0) if one.ephemeral_to == to]

    def count(self, result: str) -> int:
        """What the gateway counts."""
        return self.presses.counts[result]


@contextmanager
def room(
    stage: Stage,
    slack: SlackStandIn,
    slack_url: str,
    secret: str,
    store: Store | None = None,
    drills: DrillOrders | None = None,
) -> Iterator[Room]:
    """A room, for as long as the block lasts; `store` is the gateway's own, and `drills` stops drills."""
    ledger, signing = store or stage.store, SigningSecrets.of(SecretStr(secret))
    presses = SlackDoor(ledger, KINDS, signing, f"{slack_url}/api/", lambda: slack.token, drills)
    with served(Gateway(ledger, [presses], presses.routes()).app()) as door:
        found = Room(stage, slack, slack_url, presses, door, SecretStr(secret))
        found.show()
        yield found
        found.client.close()
