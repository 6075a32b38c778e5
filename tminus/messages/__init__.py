"""What people are told: pure functions from an event to the letters that carry it."""

from collections.abc import Sequence
from dataclasses import replace

from tminus import events as ev
from tminus.frozen import Frozen
from tminus.ledger.logbook import Tell
from tminus.ledger.store import Letter
from tminus.messages import pagerduty, slack
from tminus.record import Record


def telling(frozen: Frozen) -> Tell:
    """Composes letters for the channels that the launch's environment has, and for its couriers."""
    environment = frozen.environment

    def tell(event: ev.Event, record: Record) -> Sequence[Letter]:
        letters: list[Letter] = []
        if environment.slack is not None:
            letters.extend(slack.letters(frozen, event, record))
        if environment.pagerduty is not None:
            letters.extend(pagerduty.letters(frozen, event, record))
        return [replace(letter, environment=environment.environment) for letter in letters]

    return tell
