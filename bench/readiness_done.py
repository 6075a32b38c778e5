"""What a sweep must have done for its times to mean anything: each check asked the site, and came to what is so."""

import json
from collections import Counter
from pathlib import Path

import httpx

from bench.readiness_books import STUCK, opened
from tminus import events as ev
from tminus.ledger.opening import open_ledger
from tminus.outcome import Verdict
from tminus.record_parts import read_event


class NotDone(Exception):
    """A sweep that left something out; says what, with the numbers."""


def events_of(books: Path, environment: Path) -> list[ev.Event]:
    """The chain of the last sweep, in order."""
    store = open_ledger(opened(books, environment).environment.ledger)
    chain = max(name for name in store.chains() if name.startswith("sweep."))
    events = [read_event(one) for one in store.read(chain)]
    store.close()
    return events


def answered_by(site: str) -> int:
    """How many requests the site has answered since it began, as it counts them itself."""
    found = json.loads(httpx.get(f"{site}/answered", timeout=10, trust_env=False).content)
    return int(found["answered"])


def raise_unless_done(events: list[ev.Event], checks: int, hanging: int, asked: int) -> None:
    """Raises NotDone where the sweep did not end, a check did not come to what is so, or asked nobody.

    Args:
        events: the sweep's.
        checks: how many of them the site answers; each must pass.
        hanging: how many wait for ever, and as many again block a thread; each must be unknown.
        asked: how many requests the site answered meanwhile.
    """
    if not isinstance(events[-1], ev.SweepEnded):
        raise NotDone(f"the sweep's last event is {type(events[-1]).__name__}: it did not come to its end")
    came: Counter[tuple[bool, Verdict]] = Counter()
    for event in events:
        if isinstance(event, ev.LinesSeen):
            stuck = event.section.rpartition("/")[2] in STUCK
            came.update((stuck, outcome.verdict) for line in event.lines for outcome in line.outcomes)
    wanted = Counter({(False, Verdict.PASS): checks, (True, Verdict.UNKNOWN): 2 * hanging})
    if came != wanted:
        found = ", ".join(
            f"{number} {'stuck' if stuck else 'other'} {verdict}" for (stuck, verdict), number in came.items()
        )
        raise NotDone(f"wanted {checks} checks that pass and {2 * hanging} stuck ones that are unknown; found {found}")
    if asked != checks:
        raise NotDone(f"{checks} checks passed, and the site answered {asked} requests")
