"""The bench of approvals: its reference, what it draws, and that tminus agrees with it, also with kills in between."""

import ast
import asyncio
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

import bench
from bench import approvals
from bench.approval_histories import drawn
from bench.approval_history import (
    Account,
    Answer,
    Event,
    Found,
    History,
    Looked,
    Order,
    Question,
    Raced,
    Request,
    Sent,
    Someone,
    StandIn,
    Via,
)
from bench.approval_model import accounts
from bench.approval_quorum import can_be_met, filled
from bench.approvals_clicks import clicks
from bench.approvals_clock import set_clock
from bench.approvals_figure import percentile
from bench.approvals_histories import Job, Ledger, chunk
from bench.approvals_kill import Counts, play
from bench.approvals_launch import Keys, chain_of
from bench.approvals_sabotage import MECHANISMS, Mechanism
from tminus import asking
from tminus import events as ev
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore

_PEOPLE = (
    Someone("both", frozenset({"dev", "ops"})),
    Someone("ops", frozenset({"ops"}), (StandIn("other", 9.5, 20.5),)),
    Someone("starter", frozenset({"dev"})),
    Someone("product", frozenset({"product"})),
    Someone("other", frozenset({"qa"})),
)
_QUESTION = Question(
    "approval", {"dev": 1, "ops": 1}, ("product",), 100.5, frozenset(), {"tests": "dev", "hosts": "ops"}
)
_VERSIONS = ({"tests": "pass", "hosts": "pass"}, {"tests": "fail", "hosts": "pass"})


class Story:
    """One event after another, and what the reference makes of them."""

    def __init__(self) -> None:
        self.events: list[Event] = [Looked(0)]

    def sent(
        self, who: str, does: Answer | Order = "approve", *, at: int = 1, via: Via = "slack", seen: int = 0
    ) -> Sent:
        """A request, which is not yet in the story."""
        return Sent(at, Request(len(self.events), who, does, via, seen, at, "right"), 0)

    def then(self, *events: Event) -> "Story":
        """Goes on with them, and a look."""
        self.events += [*events, Looked(events[-1].at)]
        return self

    def yes(self, who: str, *, at: int = 1, seen: int = 0) -> "Story":
        """Goes on with a yes."""
        return self.then(self.sent(who, at=at, seen=seen))

    def told(self) -> list[Account]:
        """Everything that may rightly come of it."""
        return list(accounts(History(_PEOPLE, "starter", _QUESTION, _VERSIONS, tuple(self.events))))

    @property
    def result(self) -> str:
        """How it ends, where there is one way."""
        (told,) = self.told()
        return told.ends[-1].result if told.ends else "waiting"


class TestReference:
    """The reference itself, on stories whose end anybody can tell."""

    def test_it_knows_nothing_of_tminus(self) -> None:
        """Neither does what draws histories: a mistake of tminus' cannot be in both."""
        modules = sorted(Path(bench.__file__ or "").parent.glob("approval_*.py"))
        assert len(modules) == 4
        assert {name for module in modules for name in imported(module) if name.split(".")[0] != "bench"} == {
            *("collections.abc", "copy", "dataclasses", "itertools", "random", "typing")
        }
        ours = {name for module in modules for name in imported(module) if name.startswith("bench")}
        assert ours == {"bench.approval_history", "bench.approval_quorum"}

    def test_somebody_with_two_roles_sits_where_they_are_needed(self) -> None:
        """Whoever answers first, both seats are filled by two people."""
        assert Story().yes("both").yes("ops").result == "met"
        assert Story().yes("ops").yes("both").result == "met"
        assert Story().yes("both").result == "waiting"

    @pytest.mark.parametrize("who", ["ops", "product", "starter", "both"])
    def test_one_no_ends_it(self, who: str) -> None:
        """Of anybody who is asked or may veto, the starter too."""
        story = Story().yes("both") if who != "both" else Story()
        assert story.then(story.sent(who, "reject")).result == "rejected"

    def test_what_does_not_count(self) -> None:
        """The starter's yes, a stranger's, a wrong role's, a late one, one to what was never shown."""
        for story in (Story().yes("starter"), Story().yes("stranger"), Story().yes("product"), Story().yes("other")):
            assert not any(story.told()[0].told.values())
        assert Story().yes("both").yes("ops", at=101).result == "expired"
        assert Story().yes("both", seen=-1).yes("ops").result == "waiting"

    def test_a_deputy_counts_in_their_period(self) -> None:
        """And not before it, nor after."""
        assert Story().yes("both").yes("other", at=10).result == "met"
        assert Story().yes("both").yes("other", at=9).result == "waiting"
        assert Story().yes("both").yes("other", at=21).result == "waiting"

    def test_a_change_voids_only_whom_it_concerns(self) -> None:
        """The tests are the developers'; who sits for operations stays."""
        story = Story().yes("ops").then(Found(2, 1))
        assert story.yes("both", at=3).result == "waiting"
        assert story.yes("both", at=3, seen=1).result == "met"

    def test_a_no_needs_not_be_to_the_question_as_it_is_now(self) -> None:
        """One that was shown before is enough; what was never shown, or was before a recycle, is not."""
        changed = Story().then(Found(2, 1))
        assert changed.then(changed.sent("both", "reject", at=3)).result == "rejected"
        ahead = Story()
        assert ahead.then(ahead.sent("both", "reject", seen=1)).result == "waiting"
        story = Story()
        story.then(story.sent("ops", "recycle"), Found(2, 1))
        assert story.then(story.sent("both", "reject", at=3)).result == "waiting"

    def test_after_a_recycle_everybody_answers_anew(self) -> None:
        """Also where nothing changed; and what was sent before is not sent again."""
        story = Story()
        press = story.sent("ops")
        story.then(press).then(story.sent("both", "recycle", at=2, via="command line"))
        assert story.then(Sent(3, press.request, 1)).yes("both", at=4).result == "waiting"
        assert story.yes("ops", at=5).result == "met"

    def test_of_two_at_once_either_may_be_first(self) -> None:
        """A yes and a no of one person: the no stands either way."""
        story = Story()
        story.then(
            Raced(1, story.sent("both", "reject"), Sent(1, Request(9, "both", "approve", "slack", 0, 1, "right"), 0))
        )
        assert [told.ends[-1].result for told in story.told()] == ["rejected", "rejected"]

    @pytest.mark.parametrize(
        ("may", "most"), [({}, 0), ({"a": "x"}, 1), ({"a": "xy", "b": "x"}, 2), ({"a": "x", "b": "x"}, 1)]
    )
    def test_every_assignment_is_tried(self, may: Mapping[str, str], most: int) -> None:
        """Two seats, and whoever may sit in them."""
        people = {person: frozenset(seats) for person, seats in may.items()}
        assert filled(["x", "y"], people) == most
        assert can_be_met(["x", "y"], people) == (most == 2)


def imported(module: Path) -> Iterator[str]:
    """The modules that one imports."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


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
        "job", [Job("test", 0, 1900), Job("test/http", 0, 100, over_http=True)], ids=["parts", "http"]
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
        history = History(_PEOPLE, "starter", _QUESTION, _VERSIONS, (*story.events, race, Looked(1)))
        with set_clock() as clock, closing(Ledger(path, Keys(tmp_path), clock, loop)) as ledger:
            ledger.lived(history)
        loop.close()
        with closing(SqliteStore(path)) as store:
            events = Logbook(store, chain_of(_QUESTION, 0)).refresh().events
        assert [one.person for one in events if isinstance(one, ev.Answered)] == ["both", "ops"]

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


class TestClicks:
    """The load on two gateways."""

    def test_the_same_bytes_come_to_both_in_one_moment(self) -> None:
        """No other click has an answer that another has, but a person's second one."""
        digests = {(f"launch-{number}", "gate"): f"sha256:{number}" for number in range(40)}
        planned = clicks(digests, 600, SecretStr("s"), "1", 1)
        first = {one.means: one for one in planned if not one.again}
        both = [one for one in planned if one.again == "same bytes"]
        assert len(first) + sum(bool(one.again) for one in planned) == len(planned)
        assert 30 < len(both) < 90
        for one in both:
            other = first[one.means]
            assert (one.slot, one.body, one.headers) == (other.slot, other.body, other.headers)
            assert one.gateway != other.gateway
        assert 595 <= len(planned) <= 601

    def test_a_percentile_is_a_value_that_was_measured(self) -> None:
        """By nearest rank: few values make it the largest."""
        assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
        assert percentile([float(value) for value in range(1000)], 0.999) == 999.0
