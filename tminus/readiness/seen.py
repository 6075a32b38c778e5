"""The latest evidence for each line, from the sweeps in the ledger."""

from tminus import events as ev
from tminus.ledger.store import Store
from tminus.outcome import Outcome
from tminus.readiness.standing import Standing
from tminus.record_parts import read_event

_SWEEPS = 40  # the latest ones looked through: a whole sweep ends the search, and parts of one are rarely more


def last_seen(store: Store, standing: Standing) -> dict[str, tuple[Outcome, ...]]:
    """Ref → outcomes, the latest of each, back to the last sweep over everything. Raises LedgerError."""
    found: dict[str, tuple[Outcome, ...]] = {}
    for ended in standing.sweeps[: -_SWEEPS - 1 : -1]:
        for stored in store.read(ended.sweep):
            event = read_event(stored)
            if isinstance(event, ev.LinesSeen):
                for line in event.lines:
                    found.setdefault(line.ref, line.outcomes)
        if not ended.sections:
            break
    return found
