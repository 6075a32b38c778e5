"""What a launch's events add up to: questions, the way back in the right order, and what is read and shown of them."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tminus.ledger.recorded import AT, LAUNCH, MET, answered, asked, ended, intent, order, record_of, stored
from tminus import events as ev
from tminus.errors import LedgerError
from tminus.ledger.chain import Stored
from tminus.outcome import Outcome
from tminus.record import Record

PASS, FAIL = Outcome.passed("as expected"), Outcome.failed("not as expected")


class TestAsks:
    """Questions and answers."""

    def test_a_persons_last_answer_to_what_is_asked_now_counts(self) -> None:
        """Answers bind to a digest; among a person's answers to it the last one counts."""
        no = answered().model_copy(update={"answer": "reject"})
        record = record_of(asked(), answered(), no, answered("old", "cto-1"))
        assert [answer.answer for answer in record.asks["go"].counting()] == ["reject"]

    def test_what_comes_after_the_end_changes_nothing(self) -> None:
        """An answer, or an end, after the end is on record and does not count."""
        late = ev.AskEnded(ask="go", result="expired", reason="too late")
        record = record_of(asked(), answered(), MET, answered(person="cto-1"), late)
        assert [answer.person for answer in record.asks["go"].answers] == ["ceo-1"]
        assert record.asks["go"].ended == MET
        assert len(record.events) == 5

    def test_answers_to_nothing_are_no_crash(self) -> None:
        """An answer to a question that was never asked is only on record."""
        assert record_of(answered(), MET).asks == {}


class TestWayBack:
    """What is taken back, how, and in which order."""

    def test_the_first_undo_is_never_replaced(self) -> None:
        """A later attempt's way back would lead to where the first attempt left things; only the first one counts."""
        record = record_of(intent("s", "blue"), ended("s", FAIL), intent("s", "green"))
        assert record.step("s").undo is not None
        assert record.step("s").undo.undo == {"to": "blue"}  # type: ignore[union-attr]
        assert record.step("s").intended.undo == {"to": "green"}  # type: ignore[union-attr]

    def test_without_a_way_back_nothing_began(self) -> None:
        """An action that needs no undo is no change; one that was begun and not ended is in doubt."""
        record = record_of(intent("backup", None))
        assert not record.change_began
        assert record.step("backup").in_doubt
        assert record.to_undo() == []

    @settings(deadline=None)
    @given(
        steps=st.lists(st.integers(0, 5), max_size=12),
        clocks=st.lists(st.integers(-7200, 7200), min_size=12, max_size=12),
        undone=st.sets(st.integers(0, 5)),
    )
    def test_it_is_gone_in_reverse_whatever_the_clocks_say(
        self, steps: list[int], clocks: list[int], undone: set[int]
    ) -> None:
        """What was first intended last is taken back first, also where two machines' clocks disagree; what was taken
        back is not taken back again.
        """  # fmt: skip
        events: list[ev.Event] = [
            intent(f"s{step}", at=AT + timedelta(seconds=clock)) for step, clock in zip(steps, clocks, strict=False)
        ]
        events += [ev.UndoEnded(step=f"s{step}", outcome=PASS) for step in undone]
        order_of_first = list(dict.fromkeys(steps))
        expected = [f"s{step}" for step in reversed(order_of_first) if step not in undone]
        assert [state.step for state in record_of(*events).to_undo()] == expected

    def test_an_undo_that_did_not_succeed_is_still_wanted(self) -> None:
        """Failed, or not known: it is to be looked at again."""
        record = record_of(intent("s"), ev.UndoIntended(step="s", token=1), ev.UndoEnded(step="s", outcome=FAIL))
        assert [state.step for state in record.to_undo()] == ["s"]
        assert record.step("s").undo_begun

    def test_a_scrub_goes_back_only_after_a_change(self) -> None:
        """Before anything was changed there is nothing to go back from; a change that begins just afterwards is."""
        assert not record_of(order("scrub")).must_roll_back
        assert record_of(intent("s"), order("scrub")).must_roll_back
        assert record_of(order("scrub"), intent("s")).must_roll_back

    @pytest.mark.parametrize("proven", [True, False])
    def test_no_way_forward_opens_again(self, proven: bool) -> None:
        """From the first word about going back until the end is written down, the way is back, also for a successor."""
        events: list[ev.Event] = [
            intent("s"),
            ev.RollbackBegan(why="breach", by="tminus"),
            ev.UndoIntended(step="s", token=1),
            ev.UndoEnded(step="s", outcome=PASS),
            ev.RollbackEnded(proven=proven, said="the old version serves"),
        ]
        assert all(record_of(*events[:many]).must_roll_back for many in range(2, 6))
        assert not record_of(*events, ev.LaunchClosed(result="rolled back", sentence=".")).must_roll_back


class TestOnce:
    """What happens once."""

    def test_the_first_counts(self) -> None:
        """A launch is created once, closed once, and its rollback begins once."""
        first, second = (ev.LaunchClosed(result="launched", sentence=text) for text in ("first", "second"))
        began, again = (ev.RollbackBegan(why=why, by="tminus") for why in ("first", "second"))
        record = record_of(first, second, began, again)
        assert record.closed == first
        assert record.rollback == began

    def test_an_event_that_cannot_be_read_is_named(self) -> None:
        """Nobody acts on a record that cannot be read."""
        with pytest.raises(LedgerError, match=f"event 7 of {LAUNCH} cannot be read; `tminus ledger verify {LAUNCH}`"):
            Record.of([Stored(LAUNCH, 7, '{"type":"nonsense"}', "")])


def test_reading_while_another_thread_adds_never_breaks() -> None:
    """What a reader looks through never changes its size under it, and no event gets lost for its sake."""
    record, found = Record(), list[BaseException]()
    steps = list(stored(*(ev.StepStarted(step=f"s{number}", attempt=1) for number in range(1500))))

    def guarded(doing: Callable[[], None]) -> None:
        try:
            doing()
        except RuntimeError as e:
            found.append(e)

    def look() -> None:
        for number in range(1500):
            record.step(f"s{number}")
            assert not any(state.wants_undo for state in record.steps.values())

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [Thread(target=guarded, args=(doing,)) for doing in (lambda: record.add(steps), look, look)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not found
    assert all(record.step(f"s{number}").attempt == 1 for number in range(1500))


@settings(deadline=None)
@given(at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.timezones(), allow_imaginary=False))  # noqa: DTZ001 - with zones
def test_a_moment_is_written_in_utc_whatever_zone_it_was_said_in(at: datetime) -> None:
    """The text of an event names the same moment as the event, with fixed digits, so that it hashes always the same."""
    body = ev.write(ev.PhaseScheduled(phase="T-0", due=at, run="", token=0, at=AT))
    again = ev.read(body)
    assert isinstance(again, ev.PhaseScheduled)
    assert again.due.timestamp() == at.timestamp()
    assert ev.write(again) == body
    assert at.astimezone(UTC).strftime('"due":"%Y-%m-%dT%H:%M:%S.%fZ"') in body


def test_a_moment_said_elsewhere_is_shown_in_utc() -> None:
    """What is shown as UTC is UTC."""
    event = ev.PhaseScheduled(phase="T-0", due=AT.astimezone(timezone(timedelta(hours=2))), run="", token=0)
    assert f"{event.due:%H:%M}" == "02:31"
