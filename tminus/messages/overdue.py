"""What is said of a question that nobody answers: whom it waits for, and what happens if that stays so."""

from tminus import asking
from tminus.frozen import Frozen
from tminus.outline import outline_of
from tminus.record import AskState, Record
from tminus.spoken import time_said


def title_of(frozen: Frozen, ask: AskState) -> str:
    """What the book calls the question's step."""
    step = outline_of(frozen).step(ask.opened.step)
    return step.title if step else ask.opened.step


def waits_for(frozen: Frozen, ask: AskState) -> str:
    """Which seats are empty, and who could fill them."""
    return asking.judge(ask, frozen.people).waits


def if_nobody_answers(record: Record, ask: AskState) -> str:
    """What the deadline brings: before a change an approval is a no-go; everything else holds."""
    at = time_said(ask.opened.deadline)
    if ask.opened.kind == "sign_off":
        return f"At {at} it expires, and the launch is held without it."
    if ask.opened.kind == "approval" and not record.change_began:
        return f"No-go at {at}: the launch ends, and nothing was changed."
    return f"Held at {at}, and it pages again; nothing is rolled back by itself."
