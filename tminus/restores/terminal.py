"""Where a restore stands, line by line."""

from datetime import datetime

from tminus import events as ev
from tminus.asking import how_to_answer, judge
from tminus.chain_names import taken_back
from tminus.ledger.store import Store
from tminus.record_parts import read_event
from tminus.restores.standing import Restoring


def lines(store: Store, chain: str, at: datetime) -> list[str]:
    """What was asked, by whom it was decided, what each stage came to, and the end. Raises LedgerError."""
    if of := taken_back(chain):
        return [f"{of} is taken back", *_stages([read_event(one) for one in store.read(chain)])]
    restoring = Restoring.read(store, chain)
    ask, judged = restoring.ask, judge(restoring.ask, restoring.frozen.people, at)
    answered = f"{ask.ended.result}: {ask.ended.reason}" if ask.ended else judged.waits
    how = [] if ask.ended else [how_to_answer(chain, ask.opened)]
    return [*ask.opened.text.splitlines(), f"approval: {answered}", *how, *_stages(restoring.record.events)]


def _stages(events: list[ev.Event]) -> list[str]:
    found = []
    for event in events:
        match event:
            case ev.StepEnded():
                found.append(f"{event.at:%H:%M:%S} {event.step}: {event.outcome.verdict}: {event.outcome.summary}")
            case ev.StepIntended():
                found.append(f"{event.at:%H:%M:%S} {event.step} was about to be done: {event.does}")
                found += [f"         {event.undo_summary}"] if event.undo_summary else []
            case ev.RestoreOrdered():
                found.append(f"{event.at:%H:%M:%S} {event.person}: {event.order}: {event.reason}")
            case ev.RestoreEnded():
                found.append(f"{event.at:%H:%M:%S} {'done' if event.done else 'not done'}: {event.sentence}")
            case _:
                pass
    return found
