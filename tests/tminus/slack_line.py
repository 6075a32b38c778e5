"""A gateway that listens to a Slack stand-in by Socket Mode."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

from pydantic import JsonValue, SecretStr

from tests.tminus.launch_story import KINDS
from tests.tminus.slack_room import Room
from tests.tminus.staged_launch import CHANNEL, slack_id
from tminus.ledger.store import Store
from tminus.slack_answers import SlackAnswers
from tminus.slack_intake import SlackIntake
from tminus.slack_socket import SlackSocket

APP_TOKEN = "xapp-canary-77aa0c1d"


@dataclass
class Line:
    """A gateway that listens by Socket Mode."""

    room: Room
    intake: SlackIntake
    socket: SlackSocket

    def deliver(self, person: str, action: str = "approve", **more: JsonValue) -> str:
        """Slack sends a press; returns the envelope's id."""
        message, block = self.room._button(f"tminus.{action}")
        press = {"user": slack_id(person), "channel": CHANNEL, "message_ts": message}
        press |= {"block_id": block, "action_id": f"tminus.{action}"}
        return self.send({"press": press, **more})

    def send(self, delivery: dict[str, JsonValue]) -> str:
        """Slack sends this; returns the envelope's id."""
        answer = self.room.client.post(f"{self.room.slack_url}/_control/deliveries", json=delivery)
        return str(answer.raise_for_status().json()["envelope_id"])

    def befall(self, what: str, **more: JsonValue) -> None:
        """Something happens to the connections."""
        asked = {"do": what, **more}
        self.room.client.post(f"{self.room.slack_url}/_control/socket", json=asked).raise_for_status()

    def acknowledged(self, envelope: str) -> bool:
        """Whether Slack got its acknowledgement."""
        return envelope in self.room.slack.sockets.acknowledged

    def done(self) -> int:
        """How many presses came to something."""
        return sum(self.intake.counts[name] for name in ("accepted", "refused", "failed"))


@contextmanager
def listening(room: Room, store: Store | None = None) -> Iterator[Line]:
    """A gateway, for as long as the block lasts."""
    api = f"{room.slack_url}/api/"
    intake = SlackIntake(store or room.stage.store, KINDS, SlackAnswers(api, lambda: room.slack.token))
    part = SlackSocket(intake, SecretStr(APP_TOKEN), api)
    loop = asyncio.new_event_loop()
    task = loop.create_task(part.keep_open())

    def run() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()

    thread = Thread(target=run)
    thread.start()
    try:
        yield Line(room, intake, part)
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(30)
        assert not thread.is_alive()
