"""The word in Slack about a question that nobody answers, in the question's own thread, to everyone who could."""

from tminus import events as ev
from tminus.asking import how_to_answer
from tminus.frozen import Frozen
from tminus.ledger.store import Letter
from tminus.messages.block_kit import escaped
from tminus.messages.forms import SlackLetter
from tminus.messages.overdue import if_nobody_answers, title_of, waits_for
from tminus.paging import paged_said
from tminus.record import Record


def reminders(frozen: Frozen, reminded: ev.Reminded, record: Record) -> list[Letter]:
    """The note; `record` is the launch before it. Nothing where the launch knows no such question."""
    ask = record.asks.get(reminded.ask)
    if ask is None:
        return []
    said = f"{title_of(frozen, ask)}: {waits_for(frozen, ask)}. {if_nobody_answers(record, ask)}"
    how = how_to_answer(frozen.created.launch, ask.opened)
    text = f"{_called(frozen, reminded)}{escaped(said)} The buttons are above; or type `{how}`."
    letter = SlackLetter(text=f"{text} {_paged(frozen, reminded)}".strip(), thread=f"ask-{reminded.ask}")
    return [letter.letter(f"reminder-{reminded.ask}-{reminded.how}-{record.seq + 1}")]


def _called(frozen: Frozen, reminded: ev.Reminded) -> str:
    """A mention, so that Slack tells them; by name alone who has no Slack id."""
    people = [one for person in reminded.people if (one := frozen.people.by_id(person)) is not None]
    return "".join(f"<@{one.slack}> " if one.slack else f"{escaped(one.name)}: " for one in people)


def _paged(frozen: Frozen, reminded: ev.Reminded) -> str:
    said = paged_said(frozen, reminded)
    return f"{said[0].upper()}{escaped(said[1:])}." if said else ""
