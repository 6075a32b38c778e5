"""The living message of a launch: how it stands, and the buttons that end it or let it go on."""

from tminus import events as ev
from tminus.digests import failure_digest
from tminus.frozen import Frozen
from tminus.ledger.store import Letter
from tminus.messages.block_kit import button, buttons, confirmed, context, escaped, header, sections
from tminus.messages.forms import Block, SlackLetter
from tminus.messages.slack_dialog import WAIVE
from tminus.offers import could_order
from tminus.outline import outline_of
from tminus.record import Record

BOARD = "board"
ROLLBACK = "tminus.rollback"
SCRUB = "tminus.scrub"
_WAIVERS = 5  # steps that can be waived from here at once


def board(frozen: Frozen, record: Record, said: str) -> Letter:
    """The message that says so; `record` is the launch as it is then."""
    title = frozen.created.title
    blocks = [header(title), *sections(said), *_waivers(frozen, record), *_way_out(frozen, record)]
    blocks += [context(_progress(frozen, record)), context(_provenance(frozen))]
    return SlackLetter(text=escaped(f"{title}: {said}"), blocks=blocks, living=True).letter(BOARD)


def _waivers(frozen: Frozen, record: Record) -> list[Block]:
    """A button for each step that holds the launch, where a waiver of it would count; of this failure alone."""
    launch = frozen.created.launch
    steps = dict.fromkeys(hold.step for hold in record.holding if isinstance(hold, ev.Held) and hold.step)
    may = [step for step in steps if could_order(frozen, record, "waive", step, via="slack")][:_WAIVERS]
    values = {step: f"{launch}|{step}|{failure_digest(record.step(step))}" for step in may}
    return [
        buttons(f"{launch}:waive:{step}", [button(f"Waive {step} …", WAIVE, value)]) for step, value in values.items()
    ]


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


def _progress(frozen: Frozen, record: Record) -> str:
    """How far it is: the phase, and how many of the steps came to their end."""
    steps = [step.id for step in outline_of(frozen).steps()]
    settled = sum(1 for step in steps if (state := record.steps.get(step)) and state.settled)
    phase = next(reversed(record.phases_started), "not begun")
    return f"{phase} · {settled} of {len(steps)} steps passed or are waived"


def _provenance(frozen: Frozen) -> str:
    digests = frozen.created.digests
    return f"{frozen.created.launch} · release {digests['release'][7:19]} · book {digests['runbook'][7:19]}"
