"""Letters in a ledger, and time that passes for them."""

from collections.abc import Sequence

from tests.tminus.ledger.conftest import Ledger
from tminus.ledger.store import Entry, Letter, Store
from tminus.outbox import Waiting

CHAIN, OTHER = "tradesense-1", "tradesense-2"
LONG = 600.0  # seconds: a claim that does not run out within these tests


def post(store: Store, *keys: str, chain: str = CHAIN, channel: str = "slack") -> None:
    """One event with one letter, for each key."""
    if store.head(chain) is None:
        store.open_chain(chain)
    for key in keys:
        store.append(Entry(chain, "{}", letters=[Letter(channel, key, f'"{key}"')]))


def keys(letters: Sequence[Waiting]) -> list[str]:
    """Which ones they are."""
    return [letter.key for letter in letters]


def due_now(ledger: Ledger) -> None:
    """Lets every pause pass."""
    ledger.alter("UPDATE outbox SET due = 0")
    ledger.alter("UPDATE environment_pause SET paused_until = 0")


def passes(ledger: Ledger, seconds: float) -> None:
    """Lets so much of every pause pass."""
    ledger.alter("UPDATE outbox SET due = due - {seconds} WHERE due > 0", seconds=seconds)
    ledger.alter("UPDATE environment_pause SET paused_until = paused_until - {seconds}", seconds=seconds)


def written_in(store: Store, environment: str, *names: str, channel: str = "slack") -> None:
    """Letters of an environment, each of a launch of its own."""
    for name in names:
        store.open_chain(f"{environment}-{name}")
        store.append(Entry(f"{environment}-{name}", "{}", letters=[Letter(channel, name, "{}", environment)]))
