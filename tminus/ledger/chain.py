"""How events are chained, and how a chain is verified."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

VERSION = "tminus/1"
GENESIS = "0" * 64


@dataclass(frozen=True)
class Stored:
    """One event as the store keeps it. `body` is the exact text that was hashed."""

    chain: str
    seq: int
    body: str
    hash: str


@dataclass(frozen=True)
class Head:
    """Where a chain ends: the number of its last event, and that event's hash."""

    chain: str
    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.chain}#{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """Reads what `str` wrote; raises ValueError."""
        chain, _, rest = text.strip().rpartition("#")
        seq, _, digest = rest.partition(":")
        if not chain or len(digest) != len(GENESIS):
            raise ValueError(f"{text!r} is no head; one looks like LAUNCH#12:<64 hex digits>")
        return cls(chain, int(seq), digest)


def link(chain: str, seq: int, previous: str, body: str) -> str:
    """The hash of an event: it covers the chain's name, its place, the hash before it, and its text."""
    return sha256("\n".join((VERSION, chain, str(seq), previous, body)).encode()).hexdigest()


def faults(events: Sequence[Stored], heads: Iterable[Head] = ()) -> list[str]:
    """What is wrong with a chain, in words; nothing when it is whole.

    Args:
        events: one chain's events, as stored.
        heads: heads of the same chain that were anchored outside. Without one at the end, events
            cut off the tail cannot be noticed: a chain cannot see its own missing end.
    """
    found: list[str] = []
    previous = GENESIS
    for place, event in enumerate(events, start=1):
        if event.seq != place:
            found.append(f"event {place} is missing or out of order: number {event.seq} stands in its place")
            break
        if event.hash != link(event.chain, event.seq, previous, event.body):
            found.append(f"event {event.seq} was changed: its hash does not fit its text and the event before it")
            break
        previous = event.hash
    by_seq = {event.seq: event.hash for event in events}
    for head in heads:
        if head.seq > len(events):
            found.append(f"the tail is cut: event {head.seq} was anchored outside, and the chain ends at {len(events)}")
        elif by_seq.get(head.seq) != head.hash:
            found.append(f"event {head.seq} is not the one that was anchored outside")
    return found
