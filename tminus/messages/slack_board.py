"""The living message of a launch: how it stands, and the buttons that end it."""

from tminus import events as ev
from tminus.frozen import Frozen
from tminus.ledger.store import Letter
from tminus.messages.block_kit import button, buttons, confirmed, context, escaped, header, sections
from tminus.messages.forms import Block, SlackLetter
from tminus.record import Record

BOARD = "board"
ROLLBACK = "tminus.rollback"
SCRUB = "tminus.scrub"


def board(frozen: Frozen, event: ev.Event, record: Record, said: str) -> Letter:
    """The message after `event`; `record` is the launch before it."""
    title = frozen.created.title
    blocks = [header(title), *sections(said), *_way_out(frozen, event, record), context(_provenance(frozen))]
    return SlackLetter(text=escaped(f"{title}: {said}"), blocks=blocks, living=True).letter(BOARD)


def _way_out(frozen: Frozen, event: ev.Event, record: Record) -> list[Block]:
    """Scrub before the first change, roll back from then on; nothing once either is ordered, or the launch is over.

    A way back that stopped unproven can be ordered again.
    """
    if record.closed or isinstance(event, ev.RollbackBegan | ev.LaunchClosed):
        return []
    if isinstance(event, ev.Ordered) and event.order in {"scrub", "rollback"}:
        return []
    ended = event if isinstance(event, ev.RollbackEnded) else record.rolled_back
    stopped = ended is not None and not ended.proven
    if (record.rollback or record.rollback_ordered or record.scrubbed) and not stopped:
        return []
    launch = frozen.created.launch
    if record.change_began or (isinstance(event, ev.StepIntended) and event.undo is not None):
        text = "What was changed is taken back, and customers are served by the old version again."
        shown = button("Roll back", ROLLBACK, launch, "danger")
        return [buttons(f"{launch}:rollback", [confirmed(shown, "Roll back?", text, "Roll back")])]
    text = "Nothing was changed yet, so the launch simply ends. It cannot be taken up again."
    shown = button("Scrub", SCRUB, launch)
    return [buttons(f"{launch}:scrub", [confirmed(shown, "Scrub this launch?", text, "Scrub")])]


def _provenance(frozen: Frozen) -> str:
    digests = frozen.created.digests
    return f"{frozen.created.launch} · release {digests['release'][7:19]} · book {digests['runbook'][7:19]}"
