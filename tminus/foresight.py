"""A launch as it will be once something more has happened: what people are told of an event is told from there."""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace

from tminus import events as ev
from tminus.record import Record


def record_after(record: Record, *events: ev.Event) -> Record:
    """The record with these events too; `record` stays as it is.

    To be called by whoever adds to the record, as `Logbook` does.
    """
    if not events:
        return record
    found = _copied(record)
    for event in events:
        found.take(event)
    return found


def before_each(record: Record, events: Sequence[ev.Event]) -> Iterator[Record]:
    """The record as it is before each of these events; each is to be looked at before the next is asked for."""
    yield record
    if len(events) > 1:
        found = _copied(record)  # once: a journal that is merged may hold thousands
        for event in events[:-1]:
            found.take(event)
            yield found


def _copied(record: Record) -> Record:
    found = copy(record)
    vars(found).update({name: [*value] for name, value in vars(record).items() if isinstance(value, list)})
    found.steps = {step: replace(state, history=[*state.history]) for step, state in record.steps.items()}
    found.asks = {
        name: replace(ask, answers=[*ask.answers], reminders=[*ask.reminders]) for name, ask in record.asks.items()
    }
    return found
