"""The flow `reviews`: it sweeps what recurs and nothing else, then tells, in one transaction with its event."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from flows.reviews import review, reviews
from tasks.check import Check
from tasks.estate import Estate
from tests.tminus.readiness.room import CHECK, book, source
from tminus import events as ev
from tminus.chain_names import readiness_chain
from tminus.clock import now
from tminus.environment import Environment, Impact
from tminus.errors import UsageError
from tminus.expectation import Measurement
from tminus.ledger.opening import open_ledger
from tminus.ledger.store import Store
from tminus.outcome import Observation
from tminus.readiness.due import DueState
from tminus.readiness.opened import Opened
from tminus.readiness.source import build_checklist
from tminus.record_parts import read_event
from tminus.release import no_release

CHAIN = readiness_chain("shop", "here")
WAYS_OUT = {
    "slack": {"channel": "C0", "token": "env:T", "signing_secret": "env:S", "api": "http://127.0.0.1:1/api/"},
    "pagerduty": {"routing_key": "env:R", "events": "https://127.0.0.1:1"},
}


class Counted(Check, frozen=True):
    """Counts what the world of the test has."""

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[dict[str, str]] = {"count": ""}
    there: ClassVar[int] = 1
    kind: Literal["made.counted"] = "made.counted"

    async def look(self, estate: Estate) -> Observation:
        """As many as there are."""
        return Observation(found=(Measurement.number("count", self.there),))


def opened(folder: Path, *, recurs: bool = True) -> Opened:
    """A section that may recur, beside one that does not."""
    first = book(f"title: A KPI, {CHECK}")
    other = first.replace("testing", "other").replace("section: unit", "section: plain")
    other = other.replace("/unit/", "/plain/").replace("order: 1", "order: 2")
    if recurs:
        first = first.replace("    lines:", "    every: week\n    lines:")
    place = Environment.model_validate(
        {
            "environment": "here",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(folder / "ledger.db")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(folder),
            **WAYS_OUT,
        }
    )
    sources = [source(folder, first), source(folder, other, "2.yaml")]
    checklist = build_checklist(sources, [], {"made.counted": Counted})
    return Opened(folder, checklist, place, None, no_release("shop"), folder, {})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    """The flow's ledger."""
    with closing(open_ledger(opened(tmp_path).environment.ledger)) as store:
        yield store


def told(ledger: Store) -> list[ev.ReviewsTold]:
    """What people were told."""
    return [event for event in map(read_event, ledger.read(CHAIN)) if isinstance(event, ev.ReviewsTold)]


def test_what_recurs_is_swept_and_nothing_else(tmp_path: Path, ledger: Store) -> None:
    """The sweep names its sections, so it says nothing of the whole system; then what is due is told."""
    (found,) = asyncio.run(review(opened(tmp_path), shown=False))

    assert found.state is DueState.DONE
    ended = [event for event in map(read_event, ledger.read(CHAIN)) if isinstance(event, ev.SweepEnded)]
    assert [(one.sections, one.ready) for one in ended] == [(("unit",), False)]
    seen = [event for event in map(read_event, ledger.read(ended[0].sweep)) if isinstance(event, ev.LinesSeen)]
    assert [one.ref for event in seen for one in event.lines] == ["shop/testing/unit/1"]
    (event,) = told(ledger)
    assert (event.done, event.lines, event.paged) == (1, (), ())


def test_overdue_is_told_beside_its_letters(tmp_path: Path, ledger: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A KPI that broke is overdue a week after it last held: a page and a message stand beside the event."""
    asyncio.run(review(opened(tmp_path), shown=False))
    later = now() + timedelta(days=8)

    monkeypatch.setattr("flows.reviews.now", lambda: later)
    monkeypatch.setattr(Counted, "there", 2)
    (found,) = asyncio.run(review(opened(tmp_path), shown=False))

    assert found.state is DueState.OVERDUE
    assert told(ledger)[-1].paged == ("engineering_lead",)
    head = ledger.head(CHAIN)
    assert head is not None
    letters = ledger.look("SELECT channel, key FROM outbox WHERE seq = :seq ORDER BY channel", {"seq": head.seq})
    year, week, _ = later.isocalendar()
    assert letters == [("pagerduty", f"{CHAIN}:reviews:engineering_lead"), ("slack", f"reviews-{year}-W{week:02}")]


def test_nothing_that_recurs_is_a_mistake(tmp_path: Path, ledger: Store) -> None:
    """It says what to write; nothing is swept or told."""
    with pytest.raises(UsageError, match="nothing of shop recurs: no section says `every: week`"):
        asyncio.run(review(opened(tmp_path, recurs=False), shown=False))
    assert ledger.chains() == []


def test_files_that_are_not_there_fail_the_run(tmp_path: Path) -> None:
    """In one sentence, as its state in Prefect."""
    state = asyncio.run(reviews.fn(str(tmp_path / "nowhere"), str(tmp_path / "environment.yaml")))
    assert state.is_failed()
    assert state.message is not None
    assert "there is no folder" in state.message
