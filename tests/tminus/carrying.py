"""Letters put into the outbox, made older, carried, and read where they arrived."""

from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.tminus.staged_launch import CHANNEL, LAUNCH, Stage
from tminus import events as ev
from tminus.courier import deliver_due
from tminus.ledger.store import Entry, Letter
from tminus.messages.forms import SlackLetter
from tminus.outbox import Outbox
from tminus.pagerduty_channel import PagerDutyChannel
from tminus.slack_channel import SlackChannel

DOWN, UP = Fault(mode="down"), Fault(mode="none")


def at_once(stage: Stage) -> None:
    """Lets what waits for a next try be due now."""
    stage.store.run("UPDATE outbox SET due = 0", {})
    stage.store.run("UPDATE environment_pause SET paused_until = 0", {})


def grow_old(stage: Stage, seconds: float) -> None:
    """Makes every letter older."""
    stage.store.run("UPDATE outbox SET made = made - :seconds", {"seconds": seconds})


def carry(stage: Stage, channel: SlackChannel | PagerDutyChannel, name: str = "slack") -> int:
    """Sends what is due."""
    return deliver_due(Outbox(stage.store, environment=stage.frozen.environment.environment), name, channel)


def send(stage: Stage, *letters: Letter) -> None:
    """Puts letters behind those that wait."""
    stage.store.append(Entry(LAUNCH, ev.write(ev.PhaseEnded(phase="T-4h")), letters=letters))


def note(text: str) -> Letter:
    """A note in the board's thread."""
    return SlackLetter(text=text, thread="board").letter(f"note-{text}")


def living(text: str) -> Letter:
    """A version of the living message."""
    return SlackLetter(text=text, blocks=[{"type": "divider"}], living=True).letter("board")


def shown(slack: SlackStandIn, *, thread: bool) -> list[str]:
    """The texts in the channel, or in its threads."""
    return [one.text for one in slack.workspace.lasting(CHANNEL) if (one.thread_ts is not None) == thread]
