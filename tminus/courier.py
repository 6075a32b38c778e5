"""Carries letters from the outbox to Slack and PagerDuty, from a thread of its own, for as long as it is open."""

import logging
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from threading import Event as Flag
from threading import Lock, Thread
from typing import Protocol, Self

from tminus.bounded_threads import NoPlace, Places, begun
from tminus.environment import Environment
from tminus.errors import LedgerError, TminusError
from tminus.foreign_text import printable
from tminus.ledger.store import Store
from tminus.outbox import CLAIM, Outbox, Waiting

_logger = logging.getLogger(__name__)
_LOOK = 0.1  # seconds between two looks into the outbox
_PAUSE = 2.0  # seconds before a channel that could not be opened is opened again
_LAST_ROUND = 1.5  # seconds that what is due may take once the courier is told to end
_END = 2.0  # seconds after which it has ended
_WITHIN = CLAIM - 1.0  # seconds that a delivery may take in all, its letter being its courier's own for a little longer
_PLACES = 4  # deliveries on one channel at a time, those that were given up and have not ended among them
_LASTS = 60.0  # seconds after which it is said that none of those ends
_AGAIN = 1.0  # seconds before the outbox is used again that could not be
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
        refused: it answered, and would not have this letter; that says little of others.
    """

    def __init__(self, message: str, after: float = 0.0, *, refused: bool = False) -> None:
        super().__init__(message)
        self.after = after
        self.refused = refused


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


_give_up = ContextVar("give_up", default=float("inf"))


def still_wanted() -> None:
    """Before each request of a delivery: raises Unavailable where it was given up, since others go on from there."""
    if time.monotonic() > _give_up.get():
        raise Unavailable("it was given up")


class InTime:
    """A channel that comes back in time, whatever the other side does.

    A timeout of a socket counts for each piece of an answer alone, and an answer may come in many. What is given up
    keeps its place until it ends, ten minutes at most, and begins no further request. For one thread.

    Args:
        channel: the way out.
        name: the channel's.
    """

    def __init__(self, channel: Channel, name: str) -> None:
        self._channel = channel
        self._name = name
        self._places = Places(_PLACES)

    def free(self) -> bool:
        """Whether a letter can be taken there now; one that cannot need not be claimed, and no try is spent on it."""
        return self._places.free()

    def trouble(self) -> str:
        """That nothing can be taken there for a minute or more; "" otherwise."""
        if (lasts := self._places.full_for) < _LASTS:
            return ""
        return f"nothing is carried to {self._name} for {lasts:.0f} s: {_PLACES} requests do not end"

    def deliver(self, letter: Waiting, outbox: Outbox, late: str) -> str:
        """As the channel does; raises Unavailable where it takes too long."""
        until = time.monotonic() + _WITHIN

        def deliver() -> str:
            _give_up.set(until)
            return self._channel.deliver(letter, outbox, late)

        if not self._places.free():
            raise Unavailable(f"{self._name}: {_PLACES} earlier requests are still being answered")
        try:
            delivery = begun(deliver, f"{self._name} is told")
        except NoPlace as e:
            raise Unavailable(f"{self._name}: {e}") from e
        self._places.take(delivery.done)
        try:
            return delivery.result(_WITHIN)
        except TimeoutError:
            raise Unavailable(f"{self._name}: no whole answer within {_WITHIN:g} s") from None

    def close(self) -> None:
        """Ends its connections."""
        self._channel.close()


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
        environment: which channels there are, and whose letters it carries: those of another that shares the ledger
            are for other channels, with other secrets.
    """

    def __init__(self, store: Store, environment: Environment) -> None:
        self._store = store
        self._environment = environment
        self._stop = Flag()
        self._until = float("inf")
        self._ways: dict[str, InTime] = {}
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
        """Where nobody carries to any more though it was not told to end, or nothing for long; "" where all is well."""
        if self._stop.is_set():
            return ""
        dead = [name for name, thread in self._carriers.items() if not thread.is_alive()]
        said = [f"nothing is carried to {' and '.join(dead)} any more"] if dead else []
        return "; ".join(said + [stuck for way in tuple(self._ways.values()) if (stuck := way.trouble())])

    def metrics(self) -> Iterator[str]:
        """Whether each channel is served, in Prometheus' text format."""
        yield "# TYPE tminus_courier_alive gauge"
        for name, thread in self._carriers.items():
            yield f'tminus_courier_alive{{channel="{name}"}} {int(thread.is_alive())}'

    def _carry(self, name: str) -> None:
        try:
            channel = self._opened(name)
            if channel is not None:
                way = self._ways[name] = InTime(channel, name)
                self._carry_on(name, way)
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

    def _carry_on(self, name: str, channel: InTime) -> None:
        outbox, stopping = Outbox(self._store, environment=self._environment.environment), False
        while not stopping:
            stopping = self._stop.wait(_LOOK)
            try:
                deliver_due(outbox, name, channel, lambda: time.monotonic() < self._until and channel.free())
            except LedgerError as e:  # whatever it refuses today, it may take tomorrow
                _logger.warning("%s: the outbox cannot be used: %s", name, e)
                self._stop.wait(_AGAIN)


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
        outbox.failed(letter, str(e), e.after, refused=e.refused)
        return False
    except Undeliverable as e:
        _logger.warning("%s letter %s of %s is dead: %s", letter.channel, letter.key, letter.chain, printable(str(e)))
        outbox.dead(letter, str(e))
        return False
    except Superseded:
        outbox.superseded(letter)
        return False
    except LedgerError:
        raise
    except Exception as e:  # noqa: BLE001 - a courier must survive whatever a foreign answer does to a client
        # Without its words and its traceback, which may hold a secret.
        _logger.error("%s letter %s of %s: %s", letter.channel, letter.key, letter.chain, _unforeseen(e))  # noqa: TRY400
        outbox.failed(letter, f"{letter.channel}: {type(e).__name__}", refused=True)
        return False
    outbox.sent(letter, receipt)
    return True


def _unforeseen(error: Exception) -> str:
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    return f"{type(error).__name__}, which nobody foresaw, at {frame.f_code.co_filename}:{line}"
