"""What Slack and PagerDuty see of a drill: one thread, whoever goes on with it, and what was broken and undone when."""

from contextlib import closing
from pathlib import Path

import pytest

from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.tminus.carrying import shown
from tests.tminus.drills.told_drills import Told, one_drill
from tests.tminus.staged_launch import CHANNEL
from tminus import events as ev
from tminus.courier import CHANNELS
from tminus.outbox import Outbox

Sections = dict[str, object]


@pytest.fixture
def sections(slack_settings: Sections, pagerduty_settings: Sections) -> Sections:
    """Both stand-ins."""
    return {"slack": slack_settings, "pagerduty": pagerduty_settings}


async def test_one_drill_is_one_thread(tmp_path: Path, sections: Sections, slack: SlackStandIn) -> None:
    """The message says what begins, and at last how it ended; all that happened stands in its thread, in order."""
    told = Told.begin(tmp_path, sections)
    with closing(told.store):
        began, *rest = one_drill()
        await told.diary.write(began)
        told.carry()
        assert shown(slack, thread=False) == [
            "house: the drill failover begins in staging: victim a (asker: the monthly one)"
        ]
        for event in rest:
            await told.diary.write(event)
            told.carry()
    assert shown(slack, thread=False) == [":white_check_mark: house: the drill d0 is over"]
    assert shown(slack, thread=True) == ["inject: a was killed", "undo: a follows b", "house: the drill d0 is over"]
    root, *replies = slack.workspace.lasting(CHANNEL)
    assert {one.thread_ts for one in replies} == {root.ts}


async def test_what_went_wrong_is_told_in_its_thread(
    tmp_path: Path, sections: Sections, slack: SlackStandIn, pagerduty: PagerDutyStandIn
) -> None:
    """Who stopped it, what could not be done, and once more when somebody undid it; the page ends then."""
    told = Told.begin(tmp_path, sections)
    began, began_inject, *_ = one_drill()
    with closing(told.store):
        await told.diary.write(began)
        await told.diary.write(ev.DrillBrokeOff(drill="d0", stage="inject", why="the client did not begin"))
        await told.diary.write(began_inject)
        await told.diary.write(
            ev.DrillStopped(drill="d0", why="ops <!channel> stopped all drills"),
            ev.DrillBrokeOff(drill="d0", stage="undo", why="undo: the command failed"),
        )
        await told.diary.write(ev.DrillEnded(drill="d0", how="not undone", sentence="failover: a person is needed"))
        told.carry()
        assert [one.status for one in pagerduty.account.incidents] == ["triggered"]
        assert shown(slack, thread=False) == [":no_entry: house: the drill failover: a person is needed"]
        await told.diary.write(ev.DrillEnded(drill="d0", how="undone", sentence="failover: all is as before"))
        told.carry()
    assert shown(slack, thread=True) == [
        "the client did not begin. Nothing was broken.",
        "ops &lt;!channel&gt; stopped all drills. What was broken is undone now.",
        "undo: the command failed. Nothing more is done by itself.",
        "house: the drill failover: a person is needed",
        "house: the drill failover: all is as before",
    ]
    assert [one.status for one in pagerduty.account.incidents] == ["resolved"]


async def test_killed_while_it_is_told_nothing_is_posted_twice(
    tmp_path: Path, sections: Sections, slack: SlackStandIn
) -> None:
    """A courier that died after Slack took a message, and a drill that another process goes on with: one thread."""
    told = Told.begin(tmp_path, sections)
    with closing(told.store):
        began, *rest = one_drill()
        await told.diary.write(began)
        told.carry()
        told.store.run("UPDATE outbox SET state = 'due', claimed_until = 0, receipt = NULL", {})
        told.carry()
        assert Outbox(told.store).unsent() == []
        assert len(shown(slack, thread=False)) == 1
        slack.faults.set(Fault(mode="down"))
        for event in rest[:2]:
            await told.diary.write(event)
        told.carry()
        slack.faults.set(Fault(mode="none"))
        told.carry_at_once()
    again = Told.begin(tmp_path, sections)
    with closing(again.store):
        for event in rest[2:]:
            await again.diary.write(event)
        again.carry_at_once()
    assert len(shown(slack, thread=False)) == 1
    assert [one.partition(" (This is late")[0] for one in shown(slack, thread=True)] == [
        "inject: a was killed",
        "undo: a follows b",
        "house: the drill d0 is over",
    ]


async def test_two_drills_are_two_threads(tmp_path: Path, sections: Sections, slack: SlackStandIn) -> None:
    """The second's sentences stand under its own message."""
    told = Told.begin(tmp_path, sections)
    with closing(told.store):
        for name in ("d0", "d1"):
            for event in one_drill():
                await told.diary.write(event.model_copy(update={"drill": name}))
        told.carry()
    lasting = list(slack.workspace.lasting(CHANNEL))
    roots = [one.ts for one in lasting if one.thread_ts is None]
    assert len(roots) == 2
    assert [[one.thread_ts for one in lasting].count(root) for root in roots] == [3, 3]


async def test_pagerduty_has_a_change_event_for_what_is_broken_and_for_what_is_undone(
    tmp_path: Path, sections: Sections, pagerduty: PagerDutyStandIn
) -> None:
    """The first before it is: whoever is called looks for what changed just now. Neither wakes anybody."""
    told = Told.begin(tmp_path, sections)
    with closing(told.store):
        began, inject, *rest = one_drill()
        await told.diary.write(began)
        told.carry()
        assert pagerduty.account.change_events == []
        await told.diary.write(inject)
        told.carry()
        assert len(pagerduty.account.change_events) == 1
        for event in rest:
            await told.diary.write(event)
        told.carry()
    assert [one["payload"]["summary"] for one in pagerduty.account.change_events] == [
        "house in staging: the drill failover breaks something now, on purpose: victim a",
        "house in staging: the drill failover has undone what it broke: a follows b",
    ]
    assert pagerduty.account.incidents == []


async def test_without_slack_and_pagerduty_nothing_waits_to_be_sent(tmp_path: Path) -> None:
    """Letters for a channel that is not there would wait for ever."""
    told = Told.begin(tmp_path, {})
    with closing(told.store):
        await told.diary.write(*one_drill())
        assert Outbox(told.store).unsent() == []


async def test_another_environments_couriers_leave_its_letters_alone(tmp_path: Path, sections: Sections) -> None:
    """Several environments may share a ledger, and each has its own Slack."""
    told = Told.begin(tmp_path, sections)
    with closing(told.store):
        await told.diary.write(*one_drill())
        assert Outbox(told.store, environment="production").claim(CHANNELS) == []
        assert {one.environment for one in Outbox(told.store, environment="staging").claim(CHANNELS)} == {"staging"}
