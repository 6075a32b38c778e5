"""What this machine's own journal knows of a launch, as a page of a ledger that does not answer."""

from collections.abc import Sequence

from tminus import events as ev
from tminus.errors import LedgerUnreachable
from tminus.journal import Journal
from tminus.ledger.chain import Head
from tminus.ledger.logbook import Logbook, tell_nobody
from tminus.record import Record


class SilentLogbook(Logbook):
    """A page of a ledger that does not answer: nothing can be read from it or written to it."""

    def __init__(self, launch: str, token: int) -> None:
        # There is no store to hand to the base class; what would ask for one is overridden below.
        self.launch, self.token, self.tell, self.record = launch, token, tell_nobody, Record()

    def refresh(self) -> Record:
        """As it is."""
        return self.record

    def write(self, *events: ev.Event, after: int | None = None) -> list[Head]:  # noqa: ARG002 - nothing is written, whatever it rests on
        """Raises LedgerUnreachable."""
        raise LedgerUnreachable(f"{len(events)} events are not written: the ledger does not answer")


def read_journal(journal: Journal, created: ev.LaunchCreated, told: Sequence[ev.Event] = ()) -> Logbook:
    """A launch as this machine knows it: every change with its way back, and what was undone of it.

    Args:
        journal: this machine's own.
        created: what the launch froze, as the journal has it.
        told: what the ledger still told, where it answered so far: a change may be another machine's.
    """
    # By the clock of this machine, which wrote both: an intent counts before what was undone of it.
    own = sorted([*journal.intents(), *journaled_undos(journal)], key=lambda one: one.at)
    ways = [one for one in told if isinstance(one, ev.StepIntended | ev.UndoIntended | ev.UndoEnded)]
    known = [*ways, *(one for one in own if one not in ways)]
    token = max((one.token for one in known if isinstance(one, ev.StepIntended)), default=0)
    book = SilentLogbook(created.launch, token)
    for event in (created, *known):
        book.record.take(event)
    return book


def journaled_undos(journal: Journal, written: Sequence[str] = ()) -> list[ev.UndoIntended | ev.UndoEnded]:
    """What was undone, and waits for the ledger to be told; `written` is what that has already."""
    found = (one.event for one in journal.unwritten(written))
    return [event for event in found if isinstance(event, ev.UndoIntended | ev.UndoEnded)]


def changes_lacking(record: Record, journal: Journal) -> list[str]:
    """The steps that changed something by the journal, of which the record knows nothing.

    Intents are written to the ledger first: one that a ledger read later has not, it lost, or has not got yet.
    """
    changing = (one.step for one in journal.intents() if one.undo is not None and not one.harmless_if_left)
    known = {state.step for state in record.steps.values() if state.undo is not None}
    return [step for step in dict.fromkeys(changing) if step not in known]
