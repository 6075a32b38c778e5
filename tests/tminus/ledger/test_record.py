"""What a launch's events add up to: holds, retries, waivers, recycles, and the way back in the right order."""

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
from tminus.outcome import Outcome, Verdict
from tminus.record import Record

PASS, FAIL = Outcome.passed("as expected"), Outcome.failed("not as expected")


class TestHolds:
    """What holds a launch, and what lets it go on."""

    @pytest.mark.parametrize("word", [order("retry", "s"), order("waive", "s"), order("resume")])
    def test_a_word_about_the_step_lets_go(self, word: ev.Ordered) -> None:
        """A hold for a step ends when somebody retries it, waives it, or resumes."""
        record = record_of(ended("s", FAIL), ev.Held(why="s failed", step="s"))
        assert record.held is not None
        record.add([Stored(LAUNCH, 3, ev.write(word), "")])
        assert record.held is None
        assert len(record.holds) == 1

    def test_a_word_about_another_step_lets_nothing_go(self) -> None:
        """A hold for one step stays while another is retried or waived."""
        record = record_of(ev.Held(why="s failed", step="s"), order("retry", "other"), order("waive", "other"))
        assert isinstance(record.held, ev.Held)

    @pytest.mark.parametrize("person_first", [True, False])
    @pytest.mark.parametrize("word", [order("retry", "s"), order("waive", "s")])
    def test_what_a_person_holds_stays_held(self, person_first: bool, word: ev.Ordered) -> None:
        """A word about a step never lets go of a person's own hold, whichever of the two holds came first."""
        holds = [order("hold"), ev.Held(why="s failed", step="s")]
        record = record_of(ended("s", FAIL), *(holds if person_first else reversed(holds)), word)
        assert isinstance(record.held, ev.Ordered)
        assert record_of(*record.events, order("resume")).held is None

    def test_resume_tries_every_step_again_that_held(self) -> None:
        """Resume answers all holds at once: each step that held is tried again, once, also under a person's hold."""
        record = record_of(
            ended("a", FAIL),
            ended("b", FAIL),
            ev.Held(why="a failed", step="a"),
            ev.Held(why="b failed", step="b"),
            ev.Held(why="a failed", step="a"),
            order("hold"),
            order("resume"),
        )
        assert record.retries == {"a": 1, "b": 1}
        assert (record.step("a").outcome, record.step("b").outcome) == (None, None)

    def test_a_settled_step_is_not_tried_again(self) -> None:
        """What passed stays passed, whoever asks for another try."""
        record = record_of(ended("s", PASS), ev.Held(why="something", step="s"), order("retry", "s"), order("resume"))
        assert record.step("s").settled
        assert record.retries == {}


class TestWaivers:
    """What a waiver accepts, and for how long."""

    def test_a_waiver_survives_another_look(self) -> None:
        """An attempt that was under way when the waiver came, and a look after a recycle, do not undo it."""
        waiver = order("waive", "s", AT + timedelta(days=1))
        for between in ((), (order("recycle"),)):
            record = record_of(ended("s", FAIL), waiver, *between, ended("s", FAIL, AT + timedelta(hours=1)))
            assert record.step("s").settled
            assert record.step("s").history[-1].outcome.verdict is Verdict.FAIL

    def test_a_waiver_holds_until_its_date(self) -> None:
        """After its date what fails has failed."""
        record = record_of(
            ended("s", FAIL), order("waive", "s", AT + timedelta(hours=1)), ended("s", FAIL, AT + timedelta(hours=2))
        )
        assert not record.step("s").settled

    def test_a_pass_is_a_pass_whatever_was_waived(self) -> None:
        """A step that passes after all has passed, and one that passed just before stays so."""
        for events in (
            (ended("s", FAIL), order("waive", "s"), ended("s", PASS)),
            (ended("s", PASS), order("waive", "s")),
        ):
            outcome = record_of(*events).step("s").outcome
            assert outcome is not None
            assert outcome.verdict is Verdict.PASS

    def test_a_waiver_says_by_whom_and_why(self) -> None:
        """What it stands in for is kept as evidence."""
        outcome = record_of(ended("s", FAIL), order("waive", "s")).step("s").outcome
        assert outcome is not None
        assert outcome.summary == "waived by devops-1: because"


class TestRecycle:
    """Taking the countdown back."""

    def test_before_a_change_all_evidence_is_void(self) -> None:
        """Every observation is to be made again, and tminus holds nothing any more."""
        record = record_of(ended("a", PASS), ended("b", FAIL), ev.Held(why="b", step="b"), order("recycle"))
        assert (record.step("a").outcome, record.step("b").outcome, record.held) == (None, None, None)
        assert len(record.step("a").history) == 1

    def test_what_people_hold_stays_held(self) -> None:
        """Nobody lets go of another's hold without seeing it; only a resume does that."""
        theirs = order("hold")
        record = record_of(ended("b", FAIL), theirs, ev.Held(why="b", step="b"), order("recycle"))
        assert list(record.holding) == [theirs]
        assert record.recycles == 1

    def test_what_was_pressed_in_prefect_stays_held(self) -> None:
        """It is a person's hold, though tminus writes it down; a resume lets go of it, and nothing else."""
        pressed = ev.Held(why="T-4h was cancelled in Prefect", by_hand=True)
        held = (ended("b", FAIL), pressed, ev.Held(why="b", step="b"))
        for words in ((order("recycle"),), (order("retry", "b"), order("recycle"))):
            assert list(record_of(*held, *words).holding) == [pressed]
        assert record_of(*held, order("recycle"), order("resume")).held is None

    def test_what_ends_harmlessly_by_itself_is_no_change(self) -> None:
        """So it keeps nobody from a recycle, and a scrub is no way back; its latest plan counts."""
        first, second = (
            intent("quiet", to).model_copy(update={"harmless_if_left": True}) for to in ("first", "second")
        )
        record = record_of(first, ended("quiet", PASS), order("recycle"), order("scrub"))
        assert (record.recycles, record.change_began, record.must_roll_back) == (1, False, False)
        assert [state.step for state in record.to_undo()] == ["quiet"]
        again = record_of(first, ev.UndoEnded(step="quiet", outcome=PASS), second)
        assert again.step("quiet").undo == second
        assert again.step("quiet").wants_undo
        assert record_of(first, intent("switch")).change_began

    def test_after_a_change_it_voids_nothing(self) -> None:
        """An order given just as the change began comes too late: neither evidence nor hold is touched."""
        hold = ev.Held(why="wait")
        record = record_of(ended("a", PASS), hold, intent("switch"), order("recycle"))
        assert record.step("a").settled
        assert record.held == hold

    def test_a_decision_that_rested_on_it_is_asked_again(self) -> None:
        """A go that was given is no go any more; asked again, everybody is, since they saw what is void now."""
        record = record_of(asked(), answered(), MET, ended("go", PASS), order("recycle"))
        assert record.ask_for("go") is None
        assert record.step("go").outcome is None
        again = record_of(*record.events, asked())
        assert again.ask_for("go") is not None
        assert again.asks["go"].counting() == []
        assert again.open_asks()
        assert len(record_of(*again.events, answered()).asks["go"].counting()) == 1

    def test_a_question_that_is_open_is_asked_anew(self) -> None:
        """What it was about is observed again, so an answer from before does not count any more."""
        record = record_of(asked(), answered(), order("recycle"))
        assert record.ask_for("go") is None
        again = record_of(asked(), answered(), order("recycle"), asked())
        assert again.ask_for("go") is again.asks["go"]
        assert again.asks["go"].counting() == []


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
