"""How events are chained, and how a chain is verified."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

VERSION = "tminus/1"
GENESIS = "0" * 64
_DIGEST = re.compile(r"[0-9a-f]{64}")


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
        if not chain or not seq.isdecimal() or not _DIGEST.fullmatch(digest):
            raise ValueError(f"{text!r} is no head; one looks like LAUNCH#12:<64 hex digits>")
        return cls(chain, int(seq), digest)


def link(chain: str, seq: int, previous: str, body: str) -> str:
    """The hash of an event: it covers the chain's name, its place, the hash before it, and its text."""
    return sha256("\n".join((VERSION, chain, str(seq), previous, body)).encode()).hexdigest()


def faults(events: Sequence[Stored], heads: Iterable[Head] = ()) -> list[str]:
    """What is wrong with a chain, in words; nothing when it is whole.

    What it finds without a head from outside: an event whose text, number or hash was changed, that
    was taken out, put in, moved, or taken from another chain. What it cannot find without one: events
    cut off the end, and a forgery that computed every later hash anew. Both are found from the first
    head on that was anchored before, since no text can be made to fit a hash that is already known.

    Args:
        events: one chain's events, as stored, in the order of their numbers.
        heads: heads of the same chain that were anchored outside.
    """
    why = _first_break(events)
    return [*([why] if why else []), *misfits(events, heads, "was anchored outside")]


def misfits(events: Sequence[Stored], heads: Iterable[Head], said: str) -> list[str]:
    """Which heads are not in a chain; `said` is where each stands written: "event 7 was anchored outside"."""
    found: list[str] = []
    chain, last = (events[-1].chain, events[-1].seq) if events else ("", 0)
    by_seq = {0: GENESIS, **{event.seq: event.hash for event in events}}
    for head in heads:
        if chain and head.chain != chain:
            found.append(f"the head {head} is of another chain than {chain}")
        elif head.seq > last:
            found.append(f"the tail is cut: event {head.seq} {said}, and the chain ends at {last}")
        elif by_seq.get(head.seq) != head.hash:
            found.append(f"event {head.seq} is not the one that {said}")
    return found


def _first_break(events: Sequence[Stored]) -> str | None:
    """Where the chain stops fitting; what comes after hangs in the air."""
    previous = GENESIS
    for place, event in enumerate(events, start=1):
        if event.seq != place:
            return f"event {place} is missing or out of order: number {event.seq} stands in its place"
        if event.chain != events[0].chain:
            return f"event {event.seq} is of another chain: {event.chain}"
        if event.hash != link(event.chain, event.seq, previous, event.body):
            return f"event {event.seq} was changed: its hash does not fit its text and the event before it"
        previous = event.hash
    return None
