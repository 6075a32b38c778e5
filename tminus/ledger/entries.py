"""What goes into a store and comes out of it: events to append, the letters that tell of them, the lease."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Row = tuple[object, ...]
Parameters = Mapping[str, str | int | float | None]


@dataclass(frozen=True)
class Letter:
    """A message to send, kept in the same transaction as its event.

    Attributes:
        channel: which courier carries it (`slack`, `pagerduty`).
        key: what makes a second sending harmless, or findable.
        body: canonical JSON for that courier.
        environment: whose couriers carry it; every environment's where none is named.
    """

    channel: str
    key: str
    body: str
    environment: str = ""


@dataclass(frozen=True)
class Entry:
    """One event to append.

    Attributes:
        token: the lease's token where only the conductor may write this.
        after: the number of the last event this rests on, where nothing may have come in between.
        wakes: whether those who wait for people must be woken at once.
    """

    chain: str
    body: str
    token: int | None = None
    letters: Sequence[Letter] = field(default=())
    wakes: bool = False
    after: int | None = None


@dataclass(frozen=True)
class Lease:
    """Who conducts a chain, as the store knows it; `left` is in seconds by the store's own clock."""

    token: int
    holder: str | None
    left: float


class Transaction(Protocol):
    """What a store's SQL runs in."""

    def run(self, sql: str, parameters: Parameters) -> list[Row]:
        """Runs one statement with `:name` parameters; returns its rows."""


class Changes(Protocol):
    """Wakes those who wait for what others append."""

    def wait(self, seconds: float) -> bool:
        """Blocks until something may have been appended (True) or `seconds` have passed (False).

        What was appended since this was made, or since the last call, counts. Raises LedgerUnreachable.
        """

    def close(self) -> None:
        """Stops watching."""
