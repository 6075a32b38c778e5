"""Carries letters from the outbox to Slack and PagerDuty, from a thread of its own, for as long as it is open."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from threading import Event as Flag
from threading import Lock, Thread
from typing import Protocol, Self

from tminus.environment import Environment
from tminus.errors import LedgerUnreachable, TminusError
from tminus.ledger.store import Store
from tminus.outbox import Outbox, Waiting

_logger = logging.getLogger(__name__)
_LOOK = 0.1  # seconds between two looks into the outbox
_PAUSE = 2.0  # seconds before a channel that could not be opened is opened again
_LAST_ROUND = 1.5  # seconds that what is due may take once the courier is told to end
_END = 2.0  # seconds after which it has ended
LATE = 5.0  # seconds after its event from which a message says that it is late
CHANNELS = ("slack", "pagerduty")


class Undeliverable(TminusError):
    """The other side says that the letter is wrong: sending it again would not help."""


class Superseded(TminusError):
    """A newer letter says all that this one does: it need not be sent."""


class Unavailable(TminusError):
    """The other side did not take it this time.

    Args:
        message: what it said.
        after: seconds that it asked to be left alone.
    """

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class Channel(Protocol):
    """One way out."""

    def deliver(self, letter: Waiting, outbox: Outbox, late: str) -> str:
        """Sends one letter and returns its receipt.

        Args:
            letter: what to send.
            outbox: where earlier receipts are.
            late: words that say how late it is; empty where it is not.

        Raises Unavailable, Undeliverable, Superseded.
        """

    def close(self) -> None:
        """Ends its connections."""


def open_channel(name: str, environment: Environment) -> Channel | None:
    """One channel, if this environment has it; its client is loaded only now.

    Raises MissingSecret, UsageError where the authority to trust cannot be read.
    """
    if name == "slack" and environment.slack is not None:
        from tminus.slack_channel import SlackChannel

        return SlackChannel(environment.slack)
    if name == "pagerduty" and environment.pagerduty is not None:
        from tminus.pagerduty_channel import PagerDutyChannel

        return PagerDutyChannel(environment.pagerduty)
    return None


def open_channels(environment: Environment) -> Mapping[str, Channel]:
    """All channels that this environment has."""
    opened = {name: open_channel(name, environment) for name in CHANNELS}
    return {name: channel for name, channel in opened.items() if channel is not None}


class Courier:
    """Sends what is due, channel by channel; one that is down, or has no secret, holds up no other.

    Told to end, it tries once more to send what is due, and has ended two seconds later at the latest:
    what a slow channel then still waits for is sent by the next courier.

    Args:
        store: a store of its own, which it closes.
        environment: which channels there are.
    """

    def __init__(self, store: Store, environment: Environment) -> None:
        self._store = store
        self._environment = environment
        self._stop = Flag()
        self._until = float("inf")
        names = [name for name in CHANNELS if getattr(environment, name) is not None]
        self._left = len(names)
        self._leaving = Lock()
        self._carriers = {
            name: Thread(target=self._carry, args=(name,), name=f"courier {name}", daemon=True) for name in names
        }

    def __enter__(self) -> Self:
        for thread in self._carriers.values():
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        ending = time.monotonic()
        self._until = ending + _LAST_ROUND
        self._stop.set()
        for thread in self._carriers.values():
            thread.join(timeout=max(ending + _END - time.monotonic(), 0.0))
        if not self._carriers:
            self._store.close()

    def trouble(self) -> str:
        """Which channels nobody carries to any more, though it was not told to end; "" where all are served."""
        dead = [name for name, thread in self._carriers.items() if not thread.is_alive()]
        return f"nothing is carried to {' and '.join(dead)} any more" if dead and not self._stop.is_set() else ""

    def metrics(self) -> Iterator[str]:
        """Whether each channel is served, in Prometheus' text format."""
        yield "# TYPE tminus_courier_alive gauge"
        for name, thread in self._carriers.items():
            yield f'tminus_courier_alive{{channel="{name}"}} {int(thread.is_alive())}'

    def _carry(self, name: str) -> None:
        try:
            channel = self._opened(name)
            if channel is not None:
                self._carry_on(name, channel)
                channel.close()
        finally:
            self._leave()

    def _leave(self) -> None:
        """The last one out closes the store, so that it is never closed under one who still uses it."""
        with self._leaving:
            self._left -= 1
            if self._left == 0:
                self._store.close()

    def _opened(self, name: str) -> Channel | None:
        said = ""
        while True:
            try:
                return open_channel(name, self._environment)
            except TminusError as e:
                if str(e) != said:
                    said = str(e)
                    _logger.error("%s: nothing can be sent yet: %s", name, said)  # noqa: TRY400 - the reason says it
            if self._stop.wait(_PAUSE):
                return None

    def _carry_on(self, name: str, channel: Channel) -> None:
        outbox, stopping = Outbox(self._store), False
        while not stopping:
            stopping = self._stop.wait(_LOOK)
            try:
                deliver_due(outbox, name, channel, lambda: time.monotonic() < self._until)
            except LedgerUnreachable as e:
                _logger.warning("%s: the outbox cannot be read: %s", name, e)
                self._stop.wait(1.0)


def deliver_due(outbox: Outbox, name: str, channel: Channel, go_on: Callable[[], bool] = lambda: True) -> int:
    """Sends everything that is due on one channel now; returns how many arrived.

    Args:
        outbox: the letters.
        name: the channel's.
        channel: the way out.
        go_on: asked before each letter; where it says no, the rest is left for later.
    """
    arrived = 0
    while go_on() and (letters := outbox.claim((name,))):
        arrived += sum(_deliver(outbox, channel, letter) for letter in letters)
    return arrived


def _deliver(outbox: Outbox, channel: Channel, letter: Waiting) -> bool:
    late = f"This is late by {letter.age:.0f} s: it could not be sent when it happened." if letter.age > LATE else ""
    try:
        receipt = channel.deliver(letter, outbox, late)
    except Unavailable as e:
        outbox.failed(letter, str(e), e.after)
        return False
    except Undeliverable as e:
        _logger.warning("%s letter %s of %s is dead: %s", letter.channel, letter.key, letter.chain, e)
        outbox.dead(letter, str(e))
        return False
    except Superseded:
        outbox.superseded(letter)
        return False
    outbox.sent(letter, receipt)
    return True
