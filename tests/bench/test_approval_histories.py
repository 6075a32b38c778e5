"""Histories of the bench of approvals: what is drawn, and that tminus agrees with the reference, also with kills."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bench import approvals
from bench.approval_histories import drawn
from bench.approval_history import (
    History,
    Looked,
    Raced,
    Sent,
)
from bench.approvals_clock import set_clock
from bench.approvals_histories import Job, Ledger, chunk
from bench.approvals_kill import Counts, play
from bench.approvals_launch import Keys, chain_of
from bench.approvals_sabotage import MECHANISMS, Mechanism
from tests.bench.approval_story import PEOPLE, QUESTION, VERSIONS, Story
from tests.sampling import few
from tminus import asking
from tminus import events as ev
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore

PARTS = Job("test", 0, 300)


class TestHistories:
    """Generated ones."""

    def test_each_is_a_function_of_its_seed(self) -> None:
        """So one that goes wrong can be played again."""
        assert drawn("a") == drawn("a") != drawn("b")

    def test_everything_that_goes_wrong_is_drawn(self) -> None:
        """Each kind of disturbance in at least one of fifty."""
        histories = [drawn(f"all/{number}") for number in range(400)]
        found = [name for history in histories for name in set(disturbances(history))]
        assert {name for name in found if found.count(name) >= len(histories) // 50} == {
            *("replay", "forged", "unsigned", "stale", "before the request", "after the deadline", "wrong person"),
            *("stranger", "race", "changed", "restart", "end", "by a deputy", "by the starter", "by an author"),
            *("recycle", "hold", "resume", "to another question"),
        }

    @pytest.mark.parametrize(
        "job", few([PARTS, Job("test/http", 0, 100, over_http=True)], PARTS), ids=["parts", "http"]
    )
    def test_tminus_agrees_with_the_reference(self, job: Job) -> None:
        """In every outcome, and in every sentence that says what is waited for."""
        found = chunk(job)
        assert found.outcomes == [], "\n".join(map(str, found.outcomes[:1]))
        assert found.sentences == [], "\n".join(map(str, found.sentences[:1]))
        assert all(found.ends[result] for result in ("met", "rejected", "expired", "waiting"))

    @pytest.mark.parametrize("mechanism", MECHANISMS)
    def test_with_a_mechanism_switched_off_outcomes_are_wrong(self, mechanism: Mechanism) -> None:
        """The negative controls."""
        assert chunk(Job(f"test/{mechanism}", 0, 150, sabotaged=mechanism)).outcomes

    def test_a_sabotage_is_told_by_the_exit_code(self, capsys: pytest.CaptureFixture[str]) -> None:
        """And shows the shortest history that came out wrong."""
        assert approvals.main(["--sabotage", "digest", "--histories", "200", "--http", "0"]) == 1
        shown = capsys.readouterr()
        assert '"figure": "wrong_outcomes"' in shown.out
        assert '"holds": false' in shown.out
        assert "A wrong outcome: the history drawn by" in shown.err

    def test_a_question_ends_by_what_the_flow_ends_it_by(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The bench's conductor has no rule of its own for it."""
        monkeypatch.setattr(asking, "end_of", lambda *_: None)
        assert chunk(Job("test", 0, 20)).outcomes

    def test_over_http_two_cross(self, tmp_path: Path) -> None:
        """Whoever presses second has read before the first one wrote, and writes after it."""
        story, loop, path = Story(), asyncio.new_event_loop(), tmp_path / "ledger.sqlite"
        race = Raced(1, story.sent("both", via="command line"), story.sent("ops"))
        history = History(PEOPLE, "starter", QUESTION, VERSIONS, (*story.events, race, Looked(1)))
        with set_clock() as clock, closing(Ledger(path, Keys(tmp_path), clock, loop)) as ledger:
            ledger.lived(history)
        loop.close()
        with closing(SqliteStore(path)) as store:
            events = Logbook(store, chain_of(QUESTION, 0)).refresh().events
        assert [one.person for one in events if isinstance(one, ev.Answered)] == ["both", "ops"]

    @pytest.mark.long
    def test_kills_change_nothing(self) -> None:
        """The gateway and the conductor are killed in the midst of one."""
        counts = Counts()
        play("test/0", counts)
        assert counts.kills > 0
        assert (counts.wrong, counts.lost, counts.doubled) == (0, 0, 0)


def disturbances(history: History) -> Iterator[str]:
    """What goes wrong in one, by name."""
    asked, seen = False, set[int]()
    for event in history.events:
        one = event.first if isinstance(event, Raced) else event
        yield {"Raced": "race", "Found": "changed", "Restarted": "restart", "Over": "end"}.get(
            type(event).__name__, "race"
        )
        asked |= isinstance(one, Looked)
        if isinstance(one, Sent):
            yield from _with_it(history, one, asked=asked, again=one.request.id in seen)
            seen.add(one.request.id)


def _with_it(history: History, sent: Sent, *, asked: bool, again: bool) -> Iterator[str]:
    one, question = sent.request, history.question
    roles = {person.id: person.roles for person in history.people}
    wanted = {role for seat in question.seats for role in seat.split(" or ")}
    deputies = {stand_in.person for person in history.people for stand_in in person.deputies}
    names = {
        "replay": again,
        "forged": one.proof == "forged",
        "unsigned": one.proof == "none",
        "stale": abs(sent.at - one.made) > 300,
        "before the request": not asked,
        "after the deadline": sent.at > question.open_for,
        "stranger": one.who not in roles,
        "wrong person": one.who in roles and not roles[one.who] & wanted,
        "by a deputy": one.who in deputies,
        "by the starter": one.who == history.starter,
        "by an author": one.who in question.authors,
        "to another question": one.seen == -1,
        one.does: one.does in {"recycle", "hold", "resume"},
    }
    yield from (name for name, so in names.items() if so)
