"""Verifying a chain: by itself, against what else the store says of it, and against heads anchored outside."""

from collections.abc import Sequence
from dataclasses import dataclass

from tminus.environment import Environment
from tminus.errors import LedgerError, LedgerUnreachable
from tminus.ledger.chain import Head, faults, misfits
from tminus.ledger.directory import listed_heads
from tminus.ledger.store import Store


@dataclass(frozen=True)
class Verification:
    """What was found.

    Attributes:
        events: how many events there are.
        head: where the chain ends; None where there is none.
        faults: what is wrong, in words.
        anchors: how many heads from outside it was held against.
        unanchored: how many events come after the last of them: their loss could not be noticed.
    """

    events: int
    head: Head | None
    faults: tuple[str, ...]
    anchors: int
    unanchored: int

    @property
    def known(self) -> bool:
        """Whether there is, or was, such a chain."""
        return self.head is not None or bool(self.faults)


def verify(store: Store, chain: str, anchors: Sequence[Head] = ()) -> Verification:
    """Looks at every event of a chain.

    The store's own note of the head and the directory are held against it too: they are in the same
    database, so they catch a careless hand but no careful one; only `anchors` do. Raises LedgerUnreachable.
    """
    noted = store.head(chain)  # before the events: what is appended meanwhile only makes the chain longer
    found: list[str] = []
    try:
        directory = listed_heads(store, chain)
    except LedgerUnreachable:
        raise
    except (LedgerError, ValueError) as e:
        directory = []
        found.append(str(e))
    events = store.read(chain)
    found += faults(events, anchors)
    found += misfits(events, [noted] if noted else [], "is the end by the store's own note")
    found += misfits(events, directory, "is in the directory")
    later = store.head(chain)
    if events and (later is None or later.seq < events[-1].seq):
        end = later.seq if later else 0
        found.append(f"the tail was put in: by the store's own note the chain ends at {end}, not at {events[-1].seq}")
    last = max((head.seq for head in anchors), default=0)
    head = Head(chain, events[-1].seq, events[-1].hash) if events else None
    return Verification(len(events), head, tuple(found), len(anchors), max(0, len(events) - last))


def other_witness(own: Environment, given: Environment) -> str:
    """How the witnesses that a launch's own record names differ from those it should have; "" where they do not.

    A record that was computed anew in full fits together whatever it says, also of where its heads are to be found.
    """
    ours, theirs = _witnesses(own), _witnesses(given)
    if ours == theirs:
        return ""
    return f"by the record itself its heads are in {ours}, and by the environment file in {theirs}"


def _witnesses(environment: Environment) -> str:
    places: dict[str, str] = {name: name for name in environment.anchors}
    bucket = environment.buckets.get("anchors")
    if "s3" in places and bucket is not None:
        host = f" at {bucket.endpoint}" if bucket.endpoint else f" in {bucket.region}"
        places["s3"] = f"s3://{bucket.bucket}/{bucket.prefix}{host}"
    if "slack" in places and environment.slack is not None:
        places["slack"] = f"slack {environment.slack.channel}"
    return " and ".join(places[name] for name in sorted(places)) or "no place"
