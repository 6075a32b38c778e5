"""PagerDuty's REST API is slow, or answers byte by byte: notes are decided in time all the same, and in any number."""

import threading
from collections.abc import Iterator

import pytest

from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.in_thread import Door
from tests.tminus.carrying import DOWN, UP
from tests.tminus.dripping import drips_until
from tests.tminus.pagerduty_room import Room
from tests.tminus.slack_room import eventually
from tests.tminus.staged_launch import LAUNCH, Stage
from tminus import events as ev
from tminus import pagerduty_asked


@pytest.fixture
def dripping(pagerduty_door: Door, notes: Room, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Its answers come byte by byte, without an end, until this is set: no timeout of a socket ever passes."""
    monkeypatch.setattr(pagerduty_asked, "_KEY_WITHIN", 0.4)
    monkeypatch.setattr(pagerduty_asked, "_ANSWER_WITHIN", 0.4)
    over = threading.Event()

    right, pagerduty_door.behind = pagerduty_door.behind, drips_until(over)
    yield over
    over.set()
    pagerduty_door.behind = right


def counted(notes: Room, name: str) -> int:
    """What is read at /metrics under this name."""
    (line,) = [one for one in notes.notes.metrics() if one.startswith(f"{name} ")]
    return int(line.partition(" ")[2])


def test_a_hold_holds_while_an_answer_drips(notes: Room, stage: Stage, dripping: threading.Event) -> None:
    """PagerDuty does not say whose incident it is: the only launch under way is held, what was not done is counted."""
    assert notes.send(notes.event("devops", "hold it")).status_code == 202
    eventually(lambda: stage.book.refresh().held is not None)
    notes.quiet()
    assert not dripping.is_set()
    assert counted(notes, "tminus_pagerduty_unknown_incidents_total") == 1
    assert counted(notes, "tminus_pagerduty_unanswered_total") == 1


def test_one_that_waits_for_pagerduty_holds_up_no_other(
    notes: Room, stage: Stage, dripping: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More notes than PagerDuty is asked about at a time: all are decided, while every request still drips."""
    monkeypatch.setattr(pagerduty_asked, "_KEY_WITHIN", 2.0)
    named = notes.event("devops", f"hold {LAUNCH}")
    data = named["data"]
    assert isinstance(data, dict)
    assert isinstance(data["incident"], dict)
    data["incident"]["incident_key"] = f"{LAUNCH}:held"
    for _ in range(12):
        assert notes.send(notes.event("security", "hold it")).status_code == 202
    assert notes.send(named).status_code == 202
    eventually(lambda: stage.book.refresh().held is not None)
    held = stage.book.record.held
    assert isinstance(held, ev.Ordered)
    assert held.person == "devops"  # whose incident was known
    eventually(lambda: notes.count("accepted") + notes.count("refused") == 13)
    assert not dripping.is_set()
    assert len([one for one in threading.enumerate() if one.name == "pagerduty is asked"]) <= 8


def test_whose_incident_it_is_is_asked_again(notes: Room, stage: Stage) -> None:
    """A single failure does not make a no one that must name its launch."""
    notes.account.faults.set(Fault(mode="down", times=1))
    assert "says no to go-no-go" in notes.write("devops", "no-go, the queue grows")
    assert stage.refusals() == []
    assert counted(notes, "tminus_pagerduty_unknown_incidents_total") == 0


def test_an_answer_is_given_again_until_it_is_taken(notes: Room, stage: Stage) -> None:
    """Once, on its incident."""
    event = notes.event("devops", "hold it")
    data = event["data"]
    assert isinstance(data, dict)
    assert isinstance(data["incident"], dict)
    data["incident"]["incident_key"] = f"{LAUNCH}:held"
    notes.account.faults.set(DOWN)
    assert notes.send(event).status_code == 202
    eventually(lambda: stage.book.refresh().held is not None)
    eventually(lambda: counted(notes, "tminus_pagerduty_answering") == 1)
    notes.account.faults.set(UP)
    notes.quiet()
    assert len(notes.answers()) == 1
    assert counted(notes, "tminus_pagerduty_unanswered_total") == 0


def test_only_so_many_answers_wait(
    notes: Room, dripping: threading.Event, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """None of them keeps a note out; one more is counted and said at once."""
    monkeypatch.setattr(pagerduty_asked, "_ANSWER_WITHIN", 30.0)
    monkeypatch.setattr(pagerduty_asked, "_MOST_ANSWERS", 2)
    for _ in range(5):
        assert notes.send(notes.event("devops", "hold it")).status_code == 202
    eventually(lambda: counted(notes, "tminus_pagerduty_unanswered_total") == 3)
    assert counted(notes, "tminus_pagerduty_waiting") == 0
    assert counted(notes, "tminus_pagerduty_answering") == 2
    assert "the answer to a note could not be given: too many wait" in caplog.text
