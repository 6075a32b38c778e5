"""The latest evidence for each line, from the sweeps in the ledger."""

from tminus import events as ev
from tminus.ledger.store import Store
from tminus.outcome import Outcome
from tminus.readiness.book import Checklist
from tminus.readiness.standing import Standing
from tminus.record_parts import read_event

_SWEEPS = 40  # the latest ones looked through: a whole sweep ends the search, and parts of one are rarely more


def last_seen(store: Store, standing: Standing, checklist: Checklist) -> dict[str, tuple[Outcome, ...]]:
    """Ref → outcomes, the latest of each, back to the last sweep over everything.

    What was seen while the book asked for something else of a line says nothing of it now. Raises LedgerError.
    """
    asked = {line.ref: line.digest for line in checklist.lines()}
    found: dict[str, tuple[Outcome, ...]] = {}
    for ended in standing.sweeps[: -_SWEEPS - 1 : -1]:
        for stored in store.read(ended.sweep):
            event = read_event(stored)
            if isinstance(event, ev.LinesSeen):
                for line in event.lines:
                    if line.digest == asked.get(line.ref):
                        found.setdefault(line.ref, line.outcomes)
        if not ended.sections:
            break
    return found
