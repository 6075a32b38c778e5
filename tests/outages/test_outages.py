"""Slack and PagerDuty misbehave while a launch goes on: it waits for neither, and once they are back they know it all.

A launch writes its story, some sixty letters and more, while a courier carries them to stand-ins that are in trouble
for the whole of it or for its middle. Then they recover, and what arrived is counted there: Slack's posts by the
numbers of their letters, PagerDuty's incidents by their dedup keys. Pauses are far shorter than they are outside.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest

from deployments.rehearsal.in_thread import Door
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.outages.trouble import TROUBLES, Mode, Trouble
from tests.sampling import few
from tests.tminus.carrying import note
from tests.tminus.slack_room import eventually
from tests.tminus.staged_launch import CHANNEL, LAUNCH, Stage
from tests.tminus.told_stories import held, order, resumed, rolled_back
from tminus import events as ev
from tminus.courier import Courier
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry
from tminus.messages.forms import PagerDutyLetter, SlackLetter
from tminus.outbox import Outbox

PATIENCE = 1.5  # seconds that a courier waits for an answer; a write that waited for one would take as long
LOST_ANSWERS: tuple[Mode, ...] = ("error", "garbage", "hang", "cut")


@dataclass
class Outage:
    """A launch, the stand-ins in trouble, and the times that the launch's own writes took."""

    stage: Stage
    slack: SlackStandIn
    pagerduty: PagerDutyStandIn
    doors: tuple[Trouble, Trouble]
    ledger: Path
    writes: list[float] = field(default_factory=list)
    turns: dict[int, Callable[[], None]] = field(default_factory=dict)

    def set(self, mode: Mode, *, after: bool = False) -> None:
        """Both misbehave from now on, or are well."""
        for door in self.doors:
            door.set(mode, after=after)

    def tell(self) -> None:
        """The whole story, with a little time between two events; what is to happen at an event happens before it."""
        write = self.stage.book.write

        def timed(*events: ev.Event, after: int | None = None) -> None:
            self.turns.get(len(self.writes), lambda: None)()
            began = time.monotonic()
            write(*events, after=after)
            self.writes.append(time.monotonic() - began)
            time.sleep(0.005)

        self.stage.book.write = timed  # type: ignore[method-assign]
        for _ in range(3):
            held(self.stage)
            order(self.stage, "resume")
        resumed(self.stage)
        for number in range(10):
            entry = Entry(LAUNCH, ev.write(ev.PhaseEnded(phase="T+4h")), letters=[note(f"afterwards {number}")])
            self.stage.store.append(entry)

    def carried(self) -> None:
        """Waits until nothing is left to be sent, dead or alive."""
        outbox = Outbox(self.stage.store)
        eventually(lambda: not outbox.unsent())


@pytest.fixture
def outage(
    tmp_path: Path,
    slack: SlackStandIn,
    pagerduty: PagerDutyStandIn,
    slack_door: Door,
    pagerduty_door: Door,
    slack_settings: dict[str, object],
    pagerduty_settings: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
) -> Outage:
    """Everything is well so far, and time is short."""
    monkeypatch.setattr("tminus.outbox._LONGEST", 0.15)
    monkeypatch.setattr("tminus.outbox._MOST_ASKED", 0.3)
    monkeypatch.setattr("tminus.courier._LOOK", 0.01)
    monkeypatch.setattr("tminus.slack_channel._TIMEOUT", PATIENCE)
    monkeypatch.setattr("tminus.pagerduty_channel._TIMEOUT", PATIENCE)
    slack_door.behind, pagerduty_door.behind = doors = Trouble(slack.app()), Trouble(pagerduty.app())
    stage = Stage.set(tmp_path, slack=slack_settings, pagerduty=pagerduty_settings)  # type: ignore[arg-type]  # sections
    return Outage(stage, slack, pagerduty, doors, tmp_path / "ledger.sqlite")


def play(outage: Outage, mode: Mode, *, part: bool, after: bool = False) -> None:
    """The story under trouble, and what came after it."""

    def over() -> None:
        eventually(lambda: all(door.met[mode] >= (1 if part else 3) for door in outage.doors))
        outage.set("none")

    if part:
        outage.turns = {8: lambda: outage.set(mode, after=after), 24: over}
    else:
        outage.set(mode, after=after)
    with Courier(SqliteStore(outage.ledger), outage.stage.frozen.environment):
        outage.tell()
        if not part:
            over()
        outage.carried()


def letters(outage: Outage, channel: str) -> list[tuple[int, str, str, str]]:
    """Number, key, body and state of all letters, in order."""
    rows = outage.stage.store.look(
        "SELECT id, key, body, state FROM outbox WHERE channel = :channel ORDER BY id", {"channel": channel}
    )
    return [(int(str(number)), str(key), str(body), str(state)) for number, key, body, state in rows]


def judge_slack(outage: Outage) -> None:
    """Every note stands there once and in order; every living message once, and as it was last written."""
    posts = list(outage.slack.workspace.lasting(CHANNEL))
    numbers = [int(str(json.loads(json.dumps(one.metadata))["event_payload"]["letter"])) for one in posts]
    assert [number for number, count in Counter(numbers).items() if count > 1] == [], "posted twice"
    newest: dict[str, SlackLetter] = {}
    notes: list[int] = []
    for number, key, body, state in letters(outage, "slack"):
        what = SlackLetter.model_validate_json(body)
        if what.living:
            newest[key] = what
        else:
            assert state == "sent"
            notes.append(number)
    assert [number for number in numbers if number in notes] == notes, "lost, or out of order"
    living = [one for one, number in zip(posts, numbers, strict=True) if number not in notes]
    shown = [one.text.partition(" (This is late by")[0] for one in living]
    assert sorted(shown) == sorted(what.text for what in newest.values())


def judge_pagerduty(outage: Outage, *, once: bool) -> None:
    """As many incidents a key as it was broken anew, each as it was last said to be; every change event is there."""
    incidents: dict[str, list[str]] = defaultdict(list)
    changes: list[str] = []
    for _, key, body, state in letters(outage, "pagerduty"):
        assert state == "sent"
        what = PagerDutyLetter.model_validate_json(body)
        if what.op == "change":
            changes.append(what.summary)
        elif what.op == "trigger" and incidents[key][-1:] != ["triggered"]:
            incidents[key].append("triggered")
        elif what.op == "resolve" and incidents[key]:
            incidents[key][-1] = "resolved"
    there: dict[str, list[str]] = defaultdict(list)
    for one in outage.pagerduty.account.incidents:
        there[one.key].append(one.status)
    assert there == {key: states for key, states in incidents.items() if states}
    events = json.loads(json.dumps(outage.pagerduty.account.change_events))
    told = [one["payload"]["summary"].partition(" (This is late by")[0] for one in events]
    if once:
        assert told == changes
    assert dict.fromkeys(told) == dict.fromkeys(changes)


@pytest.mark.parametrize("part", [False, True], ids=["for the whole launch", "for a part of it"])
@pytest.mark.parametrize("mode", few(TROUBLES, *TROUBLES[::3]))
def test_nothing_is_lost_and_nothing_is_there_twice(outage: Outage, mode: Mode, part: bool) -> None:
    """Down, 429 with Retry-After, 500, garbage, other JSON than theirs, 403, silence, and connections that break."""
    play(outage, mode, part=part)
    assert len(letters(outage, "slack")) + len(letters(outage, "pagerduty")) >= 60
    judge_slack(outage)
    judge_pagerduty(outage, once=True)
    assert median(outage.writes) < PATIENCE, "the launch waited"


@pytest.mark.parametrize("mode", few(LOST_ANSWERS, LOST_ANSWERS[0]))
def test_where_only_the_answers_are_lost_nothing_harmful_is_there_twice(outage: Outage, mode: Mode) -> None:
    """Everything arrives at once, and nobody hears that it did: found again at Slack, one incident at PagerDuty.

    A change event has no key there, so it may be shown twice; it wakes nobody.
    """
    play(outage, mode, part=True, after=True)
    judge_slack(outage)
    judge_pagerduty(outage, once=False)
    assert median(outage.writes) < PATIENCE


def test_one_that_asks_for_a_year_is_asked_again_in_minutes(outage: Outage) -> None:
    """A wrong Retry-After ends no launch's messages."""
    outage.doors[0].retry_after = 31_536_000
    play(outage, "limited", part=True)
    judge_slack(outage)


def test_a_trouble_that_is_none_of_theirs_is_seen(outage: Outage) -> None:
    """The judgement itself: a post too many, one too few, and an incident too many each make it fail."""
    play(outage, "down", part=True)
    judge_slack(outage)
    judge_pagerduty(outage, once=True)
    posts = outage.slack.workspace._messages
    posts.append(posts[-1])
    with pytest.raises(AssertionError, match="posted twice"):
        judge_slack(outage)
    del posts[-2:]
    with pytest.raises(AssertionError, match="lost"):
        judge_slack(outage)
    outage.pagerduty.account.incidents.append(outage.pagerduty.account.incidents[0])
    with pytest.raises(AssertionError):
        judge_pagerduty(outage, once=True)


def test_a_rolled_back_launch_is_told_whole_too(outage: Outage) -> None:
    """With the way back in the middle of the outage."""
    outage.set("error")
    with Courier(SqliteStore(outage.ledger), outage.stage.frozen.environment):
        book: Logbook = outage.stage.book
        rolled_back(outage.stage)
        assert book.record.closed is not None
        outage.set("none")
        outage.carried()
    judge_slack(outage)
    judge_pagerduty(outage, once=True)
