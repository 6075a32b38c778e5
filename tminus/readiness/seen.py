"""The latest evidence for each line, from the sweeps in the ledger."""

from tminus import events as ev
from tminus.ledger.store import Store
from tminus.outcome import Outcome
from tminus.readiness.book import Checklist
from tminus.readiness.standing import Standing
from tminus.record_parts import read_event


def last_seen(
    store: Store, standing: Standing, checklist: Checklist, environment: str = ""
) -> dict[str, tuple[Outcome, ...]]:
    """Ref → outcomes, the latest of each, back to the last sweep that went over everything to its end.

    What a sweep saw counts also where it died before its end. What was seen while the book asked for something else of
    a line says nothing of it now. With an `environment`, the digest of a file, only sweeps by that file count.
    Raises LedgerError.
    """
    whole = {ended.sweep for ended in standing.sweeps if not ended.sections}
    asked = {line.ref: line.digest for line in checklist.lines()}
    found: dict[str, tuple[Outcome, ...]] = {}
    for begun in reversed(standing.begun):
        if environment and begun.digests.get("environment") != environment:
            continue
        for stored in store.read(begun.sweep):
            event = read_event(stored)
            if isinstance(event, ev.LinesSeen):
                for line in event.lines:
                    if line.digest == asked.get(line.ref):
                        found.setdefault(line.ref, line.outcomes)
        if begun.sweep in whole:
            break
    return found
