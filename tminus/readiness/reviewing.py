"""A system's recurring lines as the ledger knows them, and telling people what is due."""

from datetime import datetime

from tminus import events as ev
from tminus.chain_names import readiness_chain
from tminus.errors import UsageError
from tminus.ledger.store import Entry, Store
from tminus.readiness.due import Recurring, last_stated, recurring
from tminus.readiness.history import last_held
from tminus.readiness.opened import Opened
from tminus.readiness.reminding import letters, reviews_told
from tminus.record_parts import read_event


def recurring_sections(opened: Opened) -> tuple[str, ...]:
    """The sections that recur, by name; raises UsageError where there are none."""
    found = tuple(section.section for _, section in opened.checklist.sections() if section.every is not None)
    if not found:
        raise UsageError(
            f"nothing of {opened.checklist.system} recurs: no section says `every: week`, `month` or `quarter`"
        )
    return found


def reviewed(opened: Opened, store: Store, at: datetime) -> list[Recurring]:
    """Every recurring line and when it is due, by what the ledger holds. Raises LedgerError."""
    judged = [one for one in opened.judged_last(store) if one.section.every is not None]
    standing = opened.standing(store)
    judges = {one.line.ref: opened.checklist.judged_by(one.line) for one in judged}
    seen = last_held(store, standing, {judge.ref: judge.digest for judge in judges.values() if judge.checks})
    held = {ref: seen[judge.ref] for ref, judge in judges.items() if judge.ref in seen}
    stated = last_stated(opened.checklist, judged, standing)
    return recurring(opened.checklist, judged, {**stated, **held}, told_before(opened, store), at)


def told_before(opened: Opened, store: Store) -> list[ev.ReviewsTold]:
    """What people were told so far, the earliest first. Raises LedgerError."""
    chain = _chain(opened)
    events = (read_event(one) for one in store.read(chain)) if store.head(chain) else ()
    return [event for event in events if isinstance(event, ev.ReviewsTold)]


def tell(opened: Opened, store: Store, lines: list[Recurring], at: datetime) -> ev.ReviewsTold:
    """Writes down what is told, and the letters that tell it, in one transaction. Raises LedgerError."""
    chain = _chain(opened)
    if store.head(chain) is None:
        store.open_chain(chain)
    told = reviews_told(lines, told_before(opened, store), at)
    out = letters(opened.environment, chain, opened.checklist.system, told, lines)
    store.append(Entry(chain, ev.write(told), letters=out))
    return told


def _chain(opened: Opened) -> str:
    return readiness_chain(opened.checklist.system, opened.environment.environment)
