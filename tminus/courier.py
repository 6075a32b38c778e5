"""Carries letters from the outbox to Slack and PagerDuty, from a thread of its own, for as long as it is open."""

import logging
from collections.abc import Mapping
from threading import Event as Flag
from threading import Thread
from typing import Protocol, Self

from tminus.environment import Environment
from tminus.errors import LedgerUnreachable, MissingSecret, TminusError
from tminus.ledger.store import Store
from tminus.outbox import Outbox, Waiting

_logger = logging.getLogger(__name__)
_LOOK = 0.1  # seconds between two looks into the outbox
LATE = 5.0  # seconds after its event from which a message says that it is late


class Undeliverable(TminusError):
    """The other side says that the letter is wrong: sending it again would not help."""


class Unavailable(TminusError):
    """The other side did not take it this time."""


class Channel(Protocol):
    """One way out."""

    def deliver(self, letter: Waiting, outbox: Outbox, late: str) -> str:
        """Sends one letter and returns its receipt.

        Args:
            letter: what to send.
            outbox: where earlier receipts are.
            late: words that say how late it is; empty where it is not.

        Raises Unavailable, Undeliverable.
        """


def open_channels(environment: Environment) -> Mapping[str, Channel]:
    """The channels this environment has; their clients are loaded only now."""
    channels: dict[str, Channel] = {}
    if environment.slack is not None:
        from tminus.slack_channel import SlackChannel

        channels["slack"] = SlackChannel(environment.slack)
    if environment.pagerduty is not None:
        from tminus.pagerduty_channel import PagerDutyChannel

        channels["pagerduty"] = PagerDutyChannel(environment.pagerduty)
    return channels


class Courier:
    """Sends what is due, channel by channel; one that is down holds up no other.

    Args:
        store: a store of its own.
        environment: which channels there are.
    """

    def __init__(self, store: Store, environment: Environment) -> None:
        self._store = store
        self._environment = environment
        self._stop = Flag()
        names = [name for name in ("slack", "pagerduty") if getattr(environment, name) is not None]
        self._threads = [
            Thread(target=self._carry, args=(name,), name=f"courier {name}", daemon=True) for name in names
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=2)
        self._store.close()

    def _carry(self, name: str) -> None:
        try:
            channel = open_channels(self._environment)[name]
        except MissingSecret as e:
            _logger.error("%s: nothing can be sent: %s", name, e)  # noqa: TRY400 - the reason is the message
            return
        outbox = Outbox(self._store)
        while not self._stop.wait(_LOOK):
            try:
                deliver_due(outbox, name, channel)
            except LedgerUnreachable as e:
                _logger.warning("%s: the outbox cannot be read: %s", name, e)
                self._stop.wait(1.0)


def deliver_due(outbox: Outbox, name: str, channel: Channel) -> int:
    """Sends everything that is due on one channel now; returns how many arrived."""
    arrived = 0
    while letters := outbox.claim((name,)):
        for letter in letters:
            arrived += _deliver(outbox, channel, letter)
    return arrived


def _deliver(outbox: Outbox, channel: Channel, letter: Waiting) -> bool:
    late = f"This is late by {letter.age:.0f} s: it could not be sent when it happened." if letter.age > LATE else ""
    try:
        receipt = channel.deliver(letter, outbox, late)
    except Unavailable as e:
        outbox.failed(letter, str(e))
        return False
    except Undeliverable as e:
        _logger.warning("%s letter %s of %s is dead: %s", letter.channel, letter.key, letter.chain, e)
        outbox.dead(letter, str(e))
        return False
    outbox.sent(letter, receipt)
    return True
