"""What is said of a question that nobody answers: whom it waits for, and what happens if that stays so."""

from tminus import asking
from tminus.frozen import Frozen
from tminus.outline import outline_of
from tminus.record import AskState, Record
from tminus.roll_call import called_in
from tminus.spoken import time_said


def title_of(frozen: Frozen, ask: AskState) -> str:
    """What the book calls the question's step."""
    step = outline_of(frozen).step(ask.opened.step)
    return step.title if step else ask.opened.step


def waits_for(frozen: Frozen, ask: AskState) -> str:
    """Which seats are empty, and who could fill them; of a roll-call whose seats are filled, which gates lack whom."""
    waits = asking.judge(ask, frozen.people).waits
    if waits or (found := called_in(frozen, ask)) is None or not found.lacking:
        return waits
    could = " or ".join(asking.name_of(frozen.people, person) for person in found.silent)
    lacking = "; ".join(f"{gate} {lacks}" for gate, lacks in found.lacking.items())
    return f"waits for {could or 'nobody who could be asked'}: {lacking}"


def if_nobody_answers(record: Record, ask: AskState) -> str:
    """What the deadline brings: before a change an approval is a no-go; everything else holds."""
    at = time_said(ask.opened.deadline)
    if ask.opened.kind == "sign_off":
        return f"At {at} it expires, and the launch is held without it."
    if ask.opened.gates:
        return f"At {at} it ends, and nothing is held: the silent are named."
    if ask.opened.kind == "approval" and not record.change_began:
        return f"No-go at {at}: the launch ends, and nothing was changed. A hold does not stop that."
    return f"Held at {at}, and it pages again; nothing is rolled back by itself."
