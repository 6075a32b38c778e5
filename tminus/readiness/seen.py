"""The latest evidence for each line, from the sweeps in the ledger."""

from collections.abc import Iterator

from tminus.ledger.store import Store
from tminus.outcome import Outcome
from tminus.readiness.book import Checklist
from tminus.readiness.history import lines_seen
from tminus.readiness.standing import Standing

_NOT_THIS = Outcome.unknown("not looked at for this release")


def last_seen(
    store: Store, standing: Standing, checklist: Checklist, environment: str = "", release: str = ""
) -> dict[str, tuple[Outcome, ...]]:
    """Ref → outcomes, the latest of each, back to the last sweep that went over everything to its end.

    What a sweep saw counts also where it died before its end. What was seen while the book asked for something else of
    a line says nothing of it now. With an `environment`, the digest of a file, only sweeps by that file count. With a
    `release`, the digest of its file, what was read of another release, or of none, is unknown. Raises LedgerError.
    """
    asked = {line.ref: line.digest for line in checklist.lines()}
    found: dict[str, tuple[Outcome, ...]] = {}
    elsewhere: dict[str, tuple[Outcome, ...]] = {}
    for sweep, this in _sweeps(standing, environment, release):
        for line, at in lines_seen(store, sweep):
            if line.digest != asked.get(line.ref):
                continue
            if line.of_release and not this:
                elsewhere.setdefault(line.ref, (_NOT_THIS.model_copy(update={"at": at}),))
            else:
                found.setdefault(line.ref, line.outcomes)
    return {**elsewhere, **found}


def _sweeps(standing: Standing, environment: str, release: str) -> Iterator[tuple[str, bool]]:
    """Sweeps that may hold what was seen last, the latest first, each with whether it was about this release."""
    whole = {ended.sweep for ended in standing.sweeps if not ended.sections}
    went_over = False  # everything, but for this release
    for begun in reversed(standing.begun):
        if environment and begun.digests.get("environment") != environment:
            continue
        this = not release or begun.digests.get("release") == release
        if this or not went_over:
            yield begun.sweep, this
        if begun.sweep in whole:
            if this:
                return
            went_over = True
