"""Nobody is told to type what would be refused: every command and button that is offered counts in that state."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.tminus import told_launches, told_stories
from tests.tminus.staged_launch import Stage
from tests.tminus.told_letters import SILENT
from tminus import asking
from tminus import events as ev
from tminus.digests import failure_digest
from tminus.foresight import record_after
from tminus.frozen import Frozen
from tminus.headline import awaited, headline
from tminus.ledger.chain import Stored
from tminus.messages import pagerduty, slack
from tminus.ordering import why_order_refused
from tminus.record import Record
from tminus.report.drawing_up import draw_up

_ANSWERS = ("approve", "reject", "acknowledge", "attest")
_ORDERS = ("hold", "resume", "scrub", "recycle", "rollback", "retry", "waive")
_TYPED = re.compile(rf"tminus ({'|'.join((*_ANSWERS, *_ORDERS))}) ([\w.-]+)(?: --ask ([\w-]+)| ((?!-)(?!or )[a-z-]+))?")


def refusals(frozen: Frozen, record: Record, text: str, moment: ev.Time) -> Iterator[str]:
    """Every command in a text that nobody could give, with the reason for the last who might."""
    for verb, launch, ask, step in _TYPED.findall(text):
        assert launch == frozen.created.launch
        if verb in _ANSWERS:
            asks = [ask] if ask else [one.opened.ask for one in record.open_asks()]
            whys = [why_not_answered(frozen, record, verb, one, moment) for one in asks]
        else:
            whys = [why_not_ordered(frozen, record, verb, step)]
        if None not in whys:
            yield f"{verb} {ask or step}: {whys}"


def why_not_answered(frozen: Frozen, record: Record, verb: str, ask: str, moment: ev.Time) -> str | None:
    """None where somebody could answer so."""
    digest = record.asks[ask].opened.decision_digest
    plain = {"ask": ask, "answer": verb, "digest": digest, "via": "command line"}
    given = [ev.Answered.model_validate({**plain, "person": person.id}) for person in frozen.people.people]
    whys = [asking.why_refused(one, record, frozen.people, moment) for one in given]
    return None if None in whys else str(whys[-1])


def why_not_ordered(frozen: Frozen, record: Record, verb: str, step: str) -> str | None:
    """None where somebody could order it, about the failure that stands."""
    plain = {"order": verb, "step": step, "via": "command line", "reason": "-"}
    plain |= {"digest": failure_digest(record.step(step))} if verb == "waive" else {}
    given = [ev.Ordered.model_validate({**plain, "person": person.id}) for person in frozen.people.people]
    given = [one.model_copy(update={"until": one.at + timedelta(days=1)}) for one in given]
    whys = [why_order_refused(one, record, frozen, one.at) for one in given]
    return None if None in whys else str(whys[-1])


def letters(frozen: Frozen, event: ev.Event, record: Record) -> str:
    """All that Slack and PagerDuty are told of an event, the commands in it as they are typed."""
    told = [*slack.letters(frozen, event, record), *pagerduty.letters(frozen, event, record)]
    return "\n".join(json.dumps(json.loads(letter.body), ensure_ascii=False) for letter in told)


def buttons(frozen: Frozen, event: ev.Event, record: Record) -> Iterator[str]:
    """The commands that the buttons of an event's messages stand for; Hold stays for the time after a hold."""
    text = "\n".join(letter.body for letter in slack.letters(frozen, event, record))
    after = record_after(record, event)
    for action, value in re.findall(r'"action_id":"tminus\.(\w+)".*?"value":"([^"]+)"', text):
        launch, _, rest = value.partition("|")
        asked = f" --ask {rest.partition('|')[0]}" if action in _ANSWERS else ""
        step, _, digest = rest.partition("|")
        if action == "waive":
            assert digest == failure_digest(after.step(step)), "the button is about another failure"
        about = f" {step}" if action == "waive" else asked
        if action != "hold":
            yield f"tminus {action} {launch}{about}"


def offered_in_vain(frozen: Frozen, chain: Sequence[Stored]) -> Iterator[str]:
    """Goes through a launch event by event, and looks at all that people could read after each."""
    record = Record()
    for one in chain:
        event = ev.read(one.body)
        after = record_after(record, event)
        told = [letters(frozen, event, record), *buttons(frozen, event, record)]
        record.add([one])
        told.append(headline(frozen, record).sentence)
        told += [way.how for way in awaited(frozen, record, event.at)]
        told.append(draw_up(frozen, record, event.at).model_dump_json(exclude={"refusals", "orders", "holds"}))
        assert (after.held, after.change_began) == (record.held, record.change_began)
        for why in refusals(frozen, record, "\n".join(told), event.at):
            yield f"after {event.type} #{one.seq}: {why}"


@pytest.mark.parametrize("story", told_stories.STORIES, ids=lambda story: story.__name__)
def test_a_staged_launch_offers_nothing_in_vain(tmp_path: Path, story: Callable[[Stage], None]) -> None:
    """In every message, page, headline and report, after every event."""
    stage = Stage.set(tmp_path, **SILENT)
    story(stage)
    chain = stage.store.read(stage.book.launch)
    assert list(offered_in_vain(stage.frozen, chain)) == []


@pytest.mark.parametrize("name", told_launches.STORIES)
def test_a_told_launch_offers_nothing_in_vain(tmp_path: Path, name: str) -> None:
    """The same for the launches that the views are tested on."""
    story = told_launches.STORIES[name](tmp_path)
    chain = story.store.read(story.frozen.created.launch)
    assert list(offered_in_vain(story.frozen, chain)) == []
    story.store.close()


def test_a_command_that_would_be_refused_is_found(tmp_path: Path) -> None:
    """What this module looks with is not blind: a scrub after an unproven way back, a waiver that the book forbids."""
    stage = Stage.set(tmp_path, **SILENT)
    told_stories.deployed(stage)
    stage.book.write(ev.RollbackBegan(why="a breach", by="tminus"), ev.RollbackEnded(proven=False, said="4 of 6"))
    launch, record = stage.book.launch, stage.book.record
    found = list(
        refusals(stage.frozen, record, f"tminus scrub {launch} or tminus waive {launch} switch", record.events[-1].at)
    )
    assert len(found) == 2
