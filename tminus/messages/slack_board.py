"""The living message of a launch: how it stands, and the buttons that end it."""

from tminus.frozen import Frozen
from tminus.ledger.store import Letter
from tminus.messages.block_kit import button, buttons, confirmed, context, escaped, header, sections
from tminus.messages.forms import Block, SlackLetter
from tminus.offers import could_order
from tminus.record import Record

BOARD = "board"
ROLLBACK = "tminus.rollback"
SCRUB = "tminus.scrub"


def board(frozen: Frozen, record: Record, said: str) -> Letter:
    """The message that says so; `record` is the launch as it is then."""
    title = frozen.created.title
    blocks = [header(title), *sections(said), *_way_out(frozen, record), context(_provenance(frozen))]
    return SlackLetter(text=escaped(f"{title}: {said}"), blocks=blocks, living=True).letter(BOARD)


def _way_out(frozen: Frozen, record: Record) -> list[Block]:
    """The one order that leads out and would count: scrub before the first change, roll back from then on."""
    launch = frozen.created.launch
    if could_order(frozen, record, "rollback", via="slack"):
        text = "What was changed is taken back, and customers are served by the old version again."
        shown = button("Roll back", ROLLBACK, launch, "danger")
        return [buttons(f"{launch}:rollback", [confirmed(shown, "Roll back?", text, "Roll back")])]
    if not record.change_began and could_order(frozen, record, "scrub", via="slack"):
        text = "Nothing was changed yet, so the launch simply ends. It cannot be taken up again."
        shown = button("Scrub", SCRUB, launch)
        return [buttons(f"{launch}:scrub", [confirmed(shown, "Scrub this launch?", text, "Scrub")])]
    return []


def _provenance(frozen: Frozen) -> str:
    digests = frozen.created.digests
    return f"{frozen.created.launch} · release {digests['release'][7:19]} · book {digests['runbook'][7:19]}"
