"""What a launch's events add up to: holds and what lets go of them, waivers, and recycles."""

from datetime import timedelta

import pytest

from tests.tminus.ledger.recorded import AT, LAUNCH, MET, answered, asked, ended, intent, order, record_of
from tminus import events as ev
from tminus.ledger.chain import Stored
from tminus.outcome import Outcome, Verdict

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
