"""What people say is written down once and counts, or is refused with its reason written down and told."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest

from tests.tminus.staged_launch import Stage
from tminus import asking, inbox
from tminus import events as ev
from tminus.clock import now
from tminus.digests import failure_digest
from tminus.errors import Refused
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore
from tminus.messages import telling
from tminus.outcome import Outcome
from tminus.personal_key import verified
from tminus.record import AskState


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A launch that asks for its go."""
    stage = Stage.set(tmp_path)
    stage.ask()
    return stage


def ordered(order: ev.Order, person: str = "devops", **more: object) -> ev.Ordered:
    """An order by Slack."""
    return ev.Ordered.model_validate({"order": order, "person": person, "via": "slack", "reason": "because", **more})


def say(stage: Stage, given: ev.Answered | ev.Ordered) -> None:
    """Lets an answer or an order in."""
    if isinstance(given, ev.Answered):
        inbox.answer(stage.book, stage.frozen, given)
    else:
        inbox.order(stage.book, stage.frozen, given)


def failed(stage: Stage, step: str = "services-healthy") -> str:
    """The digest of how a step failed."""
    return failure_digest(stage.book.refresh().step(step))


def refused(stage: Stage, given: ev.Answered | ev.Ordered) -> str:
    """The reason, which must be the same in the ledger and for whoever spoke."""
    with pytest.raises(Refused) as why:
        say(stage, given)
    last = stage.refusals()[-1]
    assert last.why == str(why.value)
    assert last.who == given.person
    return str(why.value)


class TestAnswers:
    """Answers that count and answers that do not."""

    def test_answers_are_written_and_met_by_distinct_people(self, stage: Stage) -> None:
        """Three roles, three people, one of them in two roles."""
        for person in ("both", "devops", "engineering"):
            inbox.answer(stage.book, stage.frozen, stage.said(person))
        judged = asking.judge(stage.book.record.asks["go-no-go"], stage.frozen.people)
        assert judged.met
        assert stage.refusals() == []

    def test_a_refusal_changes_nothing_but_the_record(self, stage: Stage) -> None:
        """The ask stands as before; who, what, why and by which way are in the ledger."""
        assert "nobody approves their own" in refused(stage, stage.said("starter"))
        assert stage.book.record.asks["go-no-go"].answers == []
        (only,) = stage.refusals()
        assert (only.what, only.via) == ("approve go-no-go", "slack")

    def test_what_a_refusal_quotes_is_short(self, stage: Stage) -> None:
        """Nobody fills the ledger with what they made up."""
        refused(stage, stage.said("devops").model_copy(update={"ask": "x" * 100_000}))
        assert len(stage.refusals()[-1].what) <= 200

    def test_two_doors_at_once_seat_nobody_twice(self, tmp_path: Path, stage: Stage) -> None:
        """The same person through two processes' stores at the same moment: whatever is written, one seat."""
        together = Barrier(2)
        said = stage.said("both")

        def press() -> None:
            store = SqliteStore(tmp_path / "ledger.sqlite")
            book = Logbook(store, stage.book.launch, telling(stage.frozen))
            together.wait(10)
            try:
                inbox.answer(book, stage.frozen, said)
            except Refused:
                pass
            finally:
                store.close()

        threads = [Thread(target=press) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        ask: AskState = stage.book.refresh().asks["go-no-go"]
        assert len(ask.counting()) == 1
        assert sum(asking.judge(ask, stage.frozen.people).seating.missing.values()) == 2


class TestByCommandLine:
    """What comes from a shell counts by its signature, not by the shell."""

    def signed(self, stage: Stage, person: str = "devops", key: str = "", **changed: object) -> ev.Answered:
        """A signed answer; `changed` after it was signed."""
        said = stage.said(person).model_copy(update={"via": "command line"})
        signature = stage.key(key or person).sign(stage.book.launch, said)
        return said.model_copy(update={"signature": signature, **changed})

    def test_a_recorded_answer_verifies_for_ever(self, stage: Stage) -> None:
        """Read back from the ledger, its signature is the person's."""
        inbox.answer(stage.book, stage.frozen, self.signed(stage))
        record = Logbook(stage.store, stage.book.launch).refresh()
        (answer,) = record.asks["go-no-go"].answers
        person = stage.frozen.people.by_id("devops")
        assert person is not None
        assert verified(stage.book.launch, answer, person)

    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            (lambda test, stage: test.signed(stage, signature=""), "not signed with DevOps lead, first shift's key"),
            (lambda test, stage: test.signed(stage, reason="added"), "not signed with"),
            (lambda test, stage: test.signed(stage, key="security"), "not signed with"),
        ],
        ids=["unsigned", "tampered", "another's key"],
    )
    def test_what_is_not_signed_does_not_count(
        self, stage: Stage, make: "Callable[[TestByCommandLine, Stage], ev.Answered]", reason: str
    ) -> None:
        """No signature, one over something else, one by somebody else."""
        assert reason in refused(stage, make(self, stage))

    def test_an_old_decision_is_not_dug_out(self, stage: Stage) -> None:
        """Signed more than five minutes ago, though rightly signed."""
        said = stage.said("devops").model_copy(update={"via": "command line", "at": now() - inbox.FRESH * 2})
        signed = said.model_copy(update={"signature": stage.key("devops").sign(stage.book.launch, said)})
        assert "more than five minutes from now" in refused(stage, signed)

    def test_a_recorded_decision_is_not_given_again(self, stage: Stage) -> None:
        """A hold that was resumed does not come back because somebody sends its signed text once more."""
        hold = ordered("hold").model_copy(update={"via": "command line"})
        signed = hold.model_copy(update={"signature": stage.key("devops").sign(stage.book.launch, hold)})
        inbox.order(stage.book, stage.frozen, signed)
        inbox.order(stage.book, stage.frozen, ordered("resume"))
        assert refused(stage, signed) == "this very decision was recorded already"


class TestOrders:
    """Who may order what, and when."""

    def test_the_way_back_is_for_the_roles_that_the_book_names(self, stage: Stage) -> None:
        """Rolling back, and scrubbing once that means rolling back."""
        stage.begin_change()
        for order in ("rollback", "scrub"):
            why = refused(stage, ordered(order, "security"))
            may = "who is on duty as devops_lead or engineering_lead may: Engineering lead, DevOps lead, first shift"
            assert why == f"Security lead may not roll back; {may}"
        inbox.order(stage.book, stage.frozen, ordered("rollback", "devops"))
        assert stage.book.record.must_roll_back

    def test_the_way_back_is_for_those_on_duty(self, stage: Stage) -> None:
        """The right role does not do off duty."""
        stage.begin_change()
        for order in ("rollback", "scrub"):
            assert refused(stage, ordered(order, "both")).startswith("DevOps lead, second shift may not roll back")

    def test_before_a_change_anyone_may_scrub_and_nobody_roll_back(self, stage: Stage) -> None:
        """There is nothing to take back yet."""
        assert "scrub ends the launch" in refused(stage, ordered("rollback"))
        inbox.order(stage.book, stage.frozen, ordered("scrub", "security"))
        assert refused(stage, ordered("scrub")) == "it is being scrubbed already"

    def test_on_the_way_back_there_is_nothing_more_to_order(self, stage: Stage) -> None:
        """A hold says that the rollback goes on; the way back is ordered once, and not again once it was gone."""
        stage.begin_change()
        inbox.order(stage.book, stage.frozen, ordered("rollback"))
        assert "it goes on whatever is held" in refused(stage, ordered("hold"))
        assert refused(stage, ordered("scrub")) == "it is being rolled back already"
        assert "cannot be taken back" in refused(stage, ordered("recycle"))
        stage.book.write(ev.RollbackBegan(why="ordered", by="devops"), ev.RollbackEnded(proven=True, said="proven"))
        assert refused(stage, ordered("scrub")) == "it was rolled back already"
        assert refused(stage, ordered("rollback")) == "it was rolled back already"

    def test_a_hold_is_held_once_and_resumed_once(self, stage: Stage) -> None:
        """By one person: a second click says since when. Another person's hold is their own, and may be added."""
        inbox.order(stage.book, stage.frozen, ordered("hold", "security"))
        assert refused(stage, ordered("hold", "security")).startswith("Security lead holds it already, since ")
        inbox.order(stage.book, stage.frozen, ordered("hold", "devops"))
        assert len(stage.book.record.holding) == 2
        inbox.order(stage.book, stage.frozen, ordered("resume"))
        assert refused(stage, ordered("resume")) == "nothing is held"

    @pytest.mark.parametrize("word", ["retry", "waive"])
    def test_a_person_holds_though_tminus_does(self, stage: Stage, word: ev.Order) -> None:
        """What lets go of tminus' own hold lets go of theirs in no case."""
        stage.end_step("services-healthy", Outcome.failed("healthy 4 of 6"))
        stage.book.write(ev.Held(why="services-healthy failed", step="services-healthy"))
        inbox.order(stage.book, stage.frozen, ordered("hold", "security"))
        about = {"step": "services-healthy", "until": now() + timedelta(days=1), "digest": failed(stage)}
        inbox.order(stage.book, stage.frozen, ordered(word, **about))
        (standing,) = stage.book.record.holding
        assert isinstance(standing, ev.Ordered)
        assert standing.person == "security"

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"step": "nowhere"}, "the book has no step called 'nowhere'"),
            ({"step": "backup-completed"}, "backup-completed cannot be waived"),
            ({"person": "product"}, "Product manager may not waive services-healthy"),
            ({"until": datetime(2026, 1, 2, tzinfo=UTC)}, "this one would have ended at 2026-01-02 00:00:00 UTC"),
            ({"until": None}, "a waiver wants a date until which it holds"),
            ({"reason": ""}, "a waiver wants a reason, for the record"),
            ({"step": "no-known-vulnerability", "person": "security"}, "has not failed"),
        ],
        ids=["step", "not waivable", "role", "over", "no date", "reason", "not failed"],
    )
    def test_a_waiver_wants_a_role_a_reason_and_a_date(
        self, stage: Stage, changed: dict[str, object], reason: str
    ) -> None:
        """Each is refused for its own reason; unchanged it counts."""
        stage.end_step("services-healthy", Outcome.failed("healthy 4 of 6"))
        until = now() + timedelta(days=1)
        waiver = ordered("waive", step="services-healthy", until=until, digest=failed(stage))
        assert reason in refused(stage, waiver.model_copy(update=changed))
        inbox.order(stage.book, stage.frozen, waiver)
        assert stage.book.record.step("services-healthy").settled

    def test_only_what_failed_is_tried_again(self, stage: Stage) -> None:
        """Not what was never tried, and not what passed."""
        assert refused(stage, ordered("retry", step="services-healthy")) == "services-healthy has not failed"
        stage.end_step("services-healthy", Outcome.unknown("no answer"))
        inbox.order(stage.book, stage.frozen, ordered("retry", step="services-healthy"))
        stage.end_step("services-healthy", Outcome.passed("6 of 6"))
        assert refused(stage, ordered("retry", step="services-healthy")) == "services-healthy is settled"

    def test_strangers_the_end_and_unproven_notes(self, stage: Stage) -> None:
        """Nobody's order, an order by a PagerDuty note, and one after the end."""
        assert "is nobody in this launch" in refused(stage, ordered("hold", "stranger"))
        assert "only a hold counts" in refused(stage, ordered("scrub", via="pagerduty"))
        stage.close()
        end = stage.book.record.seq
        with pytest.raises(Refused, match="the launch is over: GO"):
            inbox.order(stage.book, stage.frozen, ordered("hold"))
        assert stage.book.refresh().seq == end
