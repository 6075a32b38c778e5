"""The words in Slack that call people to a question, in its own thread: nobody answers it, or their yes is lost."""

from collections.abc import Iterable, Mapping

from tminus import events as ev
from tminus.asking import how_to_answer, name_of, seats_of, standing
from tminus.foresight import record_after
from tminus.frozen import Frozen
from tminus.ledger.store import Letter
from tminus.messages.block_kit import escaped
from tminus.messages.forms import SlackLetter
from tminus.messages.overdue import if_nobody_answers, title_of, waits_for
from tminus.paging import paged_said
from tminus.record import AskState, Record

_SAID = 2000  # characters of what changed; the message above has all of it


def reminders(frozen: Frozen, reminded: ev.Reminded, record: Record) -> list[Letter]:
    """The note; `record` is the launch before it. Nothing where the launch knows no such question."""
    ask = record.asks.get(reminded.ask)
    if ask is None:
        return []
    said = f"{title_of(frozen, ask)}: {waits_for(frozen, ask)}. {if_nobody_answers(record, ask)}"
    how = how_to_answer(frozen.created.launch, ask.opened)
    text = f"{_called(frozen, reminded.people)}{escaped(said)} The buttons are above; or type `{how}`."
    letter = SlackLetter(text=f"{text} {_paged(frozen, reminded)}".strip(), thread=f"ask-{reminded.ask}")
    return [letter.letter(f"reminder-{reminded.ask}-{reminded.how}-{record.seq + 1}")]


def asked_anew(frozen: Frozen, opened: ev.AskOpened, record: Record) -> list[Letter]:
    """The note to those whose yes does not count any more, or not in every seat, since something changed.

    The message itself is only edited, which notifies nobody. `record` is the launch before it.
    """
    before = record.asks.get(opened.ask)
    if before is None or before.voided or before.ended is not None:
        return []
    after = record_after(record, opened).asks[opened.ask]
    still = _yes(frozen, after)
    lost = {person: had - still.get(person, frozenset()) for person, had in _yes(frozen, before).items()}
    lost = {person: seats for person, seats in lost.items() if seats}
    if not lost:
        return []
    what = "; ".join(opened.changed) or "something that it rests on"
    whose = ", ".join(f"{name_of(frozen.people, one)} ({', '.join(sorted(seats))})" for one, seats in lost.items())
    said = f"{title_of(frozen, after)}: the yes of {whose} does not count any more, since this changed: {what}."
    how = how_to_answer(frozen.created.launch, opened)
    text = f"{_called(frozen, lost)}{escaped(_cut(said))} Look at it, and answer again above; or type `{how}`."
    return [SlackLetter(text=text, thread=f"ask-{opened.ask}").letter(f"anew-{opened.ask}-{record.seq + 1}")]


def _yes(frozen: Frozen, ask: AskState) -> Mapping[str, frozenset[str]]:
    """Person → the seats in which their yes counts."""
    yes = (one for one in standing(ask, frozen.people) if one.answer != "reject")
    return {one.person: seats_of(one, ask, frozen.people) for one in yes}


def _cut(text: str) -> str:
    return text if len(text) <= _SAID else f"{text[: _SAID - 1]}…"


def _called(frozen: Frozen, identities: Iterable[str]) -> str:
    """A mention, so that Slack tells them; by name alone who has no Slack id."""
    people = [one for person in identities if (one := frozen.people.by_id(person)) is not None]
    return "".join(f"<@{one.slack}> " if one.slack else f"{escaped(one.name)}: " for one in people)


def _paged(frozen: Frozen, reminded: ev.Reminded) -> str:
    said = paged_said(frozen, reminded)
    return f"{said[0].upper()}{escaped(said[1:])}." if said else ""
