"""Whole launches as a conductor writes them, with the letters of each event: for tests of what people are told."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from tests.tminus.staged_launch import Stage
from tminus import events as ev
from tminus.clock import now
from tminus.outcome import Outcome


def phase(stage: Stage, name: str) -> None:
    """A conductor takes a phase up."""
    stage.book.write(ev.PhaseStarted(phase=name, holder="{}", token=1))


def order(stage: Stage, given: ev.Order, person: str = "devops", **more: object) -> None:
    """A person gives an order."""
    plain = {"order": given, "person": person, "via": "slack", "reason": "they said so"}
    stage.book.write(ev.Ordered.model_validate({**plain, **more}))


def held(stage: Stage, step: str = "services-healthy") -> None:
    """A blocking step did not pass."""
    stage.end_step(step, Outcome.failed("healthy 4 of 6, expected = all"))
    stage.book.write(ev.Held(why=f"{step} failed: healthy 4 of 6, expected = all; owner devops_lead", step=step))


def go(stage: Stage) -> None:
    """The go is given."""
    phase(stage, "T-15m")
    stage.ask()
    for person in ("engineering", "devops", "security"):
        stage.book.write(stage.said(person))
    stage.end_ask()


def deployed(stage: Stage) -> None:
    """Up to the switch."""
    phase(stage, "T-4h")
    go(stage)
    phase(stage, "T-0")
    stage.begin_change("roll-out")
    stage.begin_change()


def launched(stage: Stage) -> None:
    """All goes well; somebody who may not decides all the same, and is refused."""
    deployed(stage)
    stage.book.write(ev.AnswerRefused(who="product", what="approve go-no-go", why="not asked", via="slack"))
    stage.book.write(ev.HeadAnchored(seq=3, hash="a" * 64, where="slack"))
    phase(stage, "T+4h")
    stage.close()


def rolled_back(stage: Stage) -> None:
    """A breach, the way back, and its proof."""
    deployed(stage)
    stage.book.write(ev.RollbackBegan(why="error rate 21.8 %, more than 0.1 %", by="tminus"))
    stage.book.write(ev.RollbackEnded(proven=True, said="the old version serves again"))
    stage.close("rolled back", "ROLLED BACK tradesense 2.0.0: error rate 21.8 %")


def unproven(stage: Stage) -> None:
    """The way back is not proven, and nobody comes."""
    deployed(stage)
    stage.book.write(ev.RollbackBegan(why="error rate 21.8 %", by="tminus"))
    stage.book.write(ev.RollbackEnded(proven=False, said="4 of 6 answer"))
    stage.book.write(ev.Held(why="4 of 6 answer"))
    stage.close("held", "HELD tradesense 2.0.0: 4 of 6 answer")


def unproven_and_taken_over(stage: Stage) -> None:
    """The way back is not proven, and a person takes it from there."""
    deployed(stage)
    stage.book.write(ev.RollbackBegan(why="error rate 21.8 %", by="tminus"))
    stage.book.write(ev.RollbackEnded(proven=False, said="4 of 6 answer"))
    stage.book.write(ev.Held(why="4 of 6 answer"))
    order(stage, "resume")
    stage.close("rolled back", "ROLLED BACK tradesense 2.0.0: a person took it from there")


def no_go(stage: Stage) -> None:
    """One says no."""
    phase(stage, "T-15m")
    stage.ask()
    stage.book.write(stage.said("devops", "reject"))
    stage.end_ask("rejected", "DevOps lead, first shift said no: not today")
    stage.close("no-go", "NO-GO tradesense 2.0.0: not today")


def blocked(stage: Stage) -> None:
    """A check fails before T-0, and nobody waives it in time."""
    phase(stage, "T-4h")
    held(stage)
    stage.close("no-go", "NO-GO tradesense 2.0.0: services-healthy failed")


def resumed(stage: Stage) -> None:
    """Held again and again, and each time somebody lets it go on in another way."""
    phase(stage, "T-4h")
    held(stage)
    order(stage, "retry", step="services-healthy")
    held(stage)
    order(stage, "resume")
    held(stage)
    order(stage, "recycle")
    held(stage)
    order(stage, "waive", step="services-healthy", until=now() + timedelta(days=1))
    order(stage, "hold")
    order(stage, "resume")
    launched(stage)


def held_by_a_person(stage: Stage) -> None:
    """A person holds it after the change, and nobody resumes it."""
    deployed(stage)
    order(stage, "hold")
    stage.close("held", "HELD tradesense 2.0.0: held by the DevOps lead")


def asked_after_the_change(stage: Stage, result: str, reason: str) -> None:
    """An approval that is asked for once something was changed does not end with a yes."""
    deployed(stage)
    stage.ask()
    stage.end_ask(result, reason)


def no_after_the_change(stage: Stage) -> None:
    """One says no when customers have met the new version: it goes back."""
    asked_after_the_change(stage, "rejected", "DevOps lead, first shift said no: take it back")
    stage.book.write(ev.RollbackBegan(why="DevOps lead, first shift said no: take it back", by="devops"))
    stage.book.write(ev.RollbackEnded(proven=True, said="the old version serves again"))
    stage.close("rolled back", "ROLLED BACK tradesense 2.0.0: a no")


def silence_after_the_change(stage: Stage) -> None:
    """Nobody answers when customers have met the new version: it holds, and at the end is left held."""
    asked_after_the_change(stage, "expired", "at the deadline it still waits for the security lead")
    stage.end_step("go-no-go", Outcome.failed("expired"))
    stage.book.write(ev.Held(why="go-no-go fail: expired", step="go-no-go"))
    stage.close("held", "HELD tradesense 2.0.0: nobody answered")


def cancelled_in_prefect(stage: Stage) -> None:
    """Somebody stopped the run in Prefect, before the change and after it; a person goes on, and then ends it."""
    phase(stage, "T-4h")
    stage.book.write(ev.Held(why="T-4h was cancelled in Prefect, so nobody conducts", by_hand=True))
    order(stage, "resume")
    deployed(stage)
    stage.book.write(ev.Held(why="T-0 was cancelled in Prefect, so nobody conducts", by_hand=True))
    order(stage, "rollback")
    stage.book.write(ev.RollbackBegan(why="they said so", by="devops"))
    stage.book.write(ev.RollbackEnded(proven=True, said="the old version serves again"))
    stage.close("rolled back", "ROLLED BACK tradesense 2.0.0: they said so")


def scrubbed(stage: Stage) -> None:
    """Ended before anything was changed, while it was held."""
    phase(stage, "T-4h")
    held(stage)
    order(stage, "scrub")
    stage.close("scrubbed", "SCRUBBED tradesense 2.0.0")


# Story → the incidents that are still open after it, by what they are about.
STORIES: Mapping[Callable[[Stage], None], frozenset[str]] = {
    launched: frozenset(),
    rolled_back: frozenset(),
    unproven: frozenset({"held", "rollback"}),
    unproven_and_taken_over: frozenset(),
    no_go: frozenset(),
    blocked: frozenset(),
    resumed: frozenset(),
    held_by_a_person: frozenset({"held"}),
    no_after_the_change: frozenset(),
    silence_after_the_change: frozenset({"gate", "held"}),
    cancelled_in_prefect: frozenset(),
    scrubbed: frozenset(),
}
