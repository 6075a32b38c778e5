"""A sweep looks at every line once and writes down what it saw; what breaks or hangs in one place stops no other."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from flows.queues import AT_ONCE
from flows.readiness import sweep
from tasks.check import Check
from tasks.estate import Estate
from tests.tminus.readiness.room import book, source
from tminus import events as ev
from tminus.environment import Environment, Impact
from tminus.errors import CouldNotObserve, UsageError
from tminus.expectation import Measurement
from tminus.ledger.opening import open_ledger
from tminus.ledger.store import Store
from tminus.ledger.verifying import verify
from tminus.outcome import Observation, Verdict
from tminus.readiness.opened import Opened
from tminus.readiness.source import build_checklist
from tminus.record_parts import read_event
from tminus.release import no_release

EXPECT = 'expect: {count: "= 1"}'


class Loading(Check, frozen=True):
    """Makes load; says how many others were being looked at meanwhile."""

    kind: Literal["made.load"] = "made.load"
    impact: ClassVar[Impact] = Impact.LOAD
    measures: ClassVar[dict[str, str]] = {"count": ""}

    async def look(self, estate: Estate) -> Observation:
        """Takes a while."""
        beside = len(Made.looking)
        Made.looking.add("load")
        await asyncio.sleep(0.02)
        Made.looking.discard("load")
        return Observation(found=(Measurement.number("count", beside),))


class Made(Check, frozen=True):
    """Counts what a test says, breaks, cannot look, or hangs."""

    kind: Literal["made.counted"] = "made.counted"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[dict[str, str]] = {"count": ""}
    looking: ClassVar[set[str]] = set()
    most: ClassVar[int] = 0
    endpoint: str = "one"
    reads: Literal["", "artifacts", "command", "release"] = ""
    finds: Literal["one", "two", "nothing", "bug", "silence", "cancelled", "blocked", "thread"] = "one"

    async def look(self, estate: Estate) -> Observation:
        """As it was told."""
        match self.reads:
            case "artifacts":
                await asyncio.to_thread(estate.artifacts)
            case "command":
                assert estate.base.is_dir()
            case "release":
                assert estate.release.services == {}
            case _:
                pass
        if self.finds == "silence":
            await asyncio.sleep(3600)
        if self.finds == "nothing":
            raise CouldNotObserve("nobody there")
        if self.finds == "cancelled":
            raise asyncio.CancelledError
        if self.finds == "blocked":
            await asyncio.to_thread(time.sleep, 1.5)
        if self.finds == "thread":
            return await asyncio.to_thread(lambda: Observation(found=(Measurement.number("count", 1),)))
        if self.finds == "bug":
            raise ZeroDivisionError("a mistake in the check")
        type(self).most = max(self.most, len(self.looking) + 1)
        token = f"{time.monotonic_ns()}"
        self.looking.add(token)
        await asyncio.sleep(0.01)
        self.looking.discard(token)
        return Observation(found=(Measurement.number("count", {"one": 1, "two": 2}[self.finds]),))


def opened(folder: Path, *lines: str) -> Opened:
    """A checklist of these lines over an environment with a ledger of its own."""
    place = Environment.model_validate(
        {
            "environment": "here",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(folder / "ledger.db")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(folder),
            "artifacts": str(folder),
            "allows": ["none", "load"],
        }
    )
    kinds = {"made.counted": Made, "made.load": Loading}
    checklist = build_checklist([source(folder, book(*lines))], [], kinds)
    return Opened(folder, checklist, place, None, no_release("shop"), folder, {})


def line(finds: str, endpoint: str = "one", more: str = "") -> str:
    """A line whose check finds this."""
    return f"title: A, check: made.counted, with: {{finds: {finds}, endpoint: {endpoint}}}, {EXPECT}{more}"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    """The sweep's ledger, opened a second time."""
    store = open_ledger(opened(tmp_path, line("one")).environment.ledger)
    yield store
    store.close()


def verdicts(found: Opened, store: Store) -> list[Verdict]:
    """What each line came to, by the ledger alone."""
    return [one.verdict for one in found.judged_last(store)]


def test_every_line_is_seen_and_written_down(tmp_path: Path, ledger: Store) -> None:
    """Pass, fail, unknown and a fault of our own each stand where they belong, and the chain is whole."""
    found = opened(tmp_path, line("one"), line("two"), line("nothing"), line("bug"))

    scored = asyncio.run(sweep(found, shown=False))

    assert scored.counts == {"pass": 1, "fail": 1, "unknown": 2}
    assert verdicts(found, ledger) == [Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.UNKNOWN]
    for chain in ledger.chains():
        assert not verify(ledger, chain).faults
    ended = [event for event in map(read_event, ledger.read("readiness.shop.here")) if isinstance(event, ev.SweepEnded)]
    assert [(one.ready, one.blocking) for one in ended] == [(False, 3)]


def test_what_hangs_delays_only_itself(tmp_path: Path) -> None:
    """More lines than have a place hang at one system; those of another are all seen, and the hanging are unknown."""
    hanging = [line("silence", "stuck", ", timeout: 300ms")] * (AT_ONCE + 1)
    found = opened(tmp_path, *hanging, *[line("one")] * 3)

    scored = asyncio.run(sweep(found, shown=False))

    assert scored.counts == {"unknown": AT_ONCE + 1, "pass": 3}


def test_one_system_is_not_flooded(tmp_path: Path) -> None:
    """However many lines ask one system, only so many ask it at a time."""
    Made.most = 0
    asyncio.run(sweep(opened(tmp_path, *[line("one")] * (AT_ONCE * 2)), shown=False))

    assert 1 < Made.most <= AT_ONCE


def test_a_part_of_the_checklist_leaves_the_rest_as_it_was(tmp_path: Path, ledger: Store) -> None:
    """A sweep of one section looks at it alone, and says nothing of the whole system."""
    found = opened(tmp_path, line("one"))
    asyncio.run(sweep(found, shown=False))
    asyncio.run(sweep(found, ["unit"], shown=False))

    ended = [event for event in map(read_event, ledger.read("readiness.shop.here")) if isinstance(event, ev.SweepEnded)]
    assert [(one.ready, one.sections) for one in ended] == [(True, ()), (False, ("unit",))]
    assert verdicts(found, ledger) == [Verdict.PASS]


def with_sections_of_the_same(folder: Path, judge: str, *names: str) -> Opened:
    """A section `unit` with one line, and sections by these names whose two lines claim the same."""
    same = "title: Same, same_as: shop/JUDGE/1"
    sources = [source(folder, book(judge))]
    for number, name in enumerate(names, 2):
        text = book(same, same).replace("testing", name).replace("/unit/", f"/{name}/")
        text = text.replace("section: unit", f"section: {name}").replace("JUDGE", "testing/unit")
        sources.append(source(folder, text.replace("order: 1", f"order: {number}"), f"{number}.yaml"))
    return replace(opened(folder, judge), checklist=build_checklist(sources, [], {"made.counted": Made}))


def test_a_part_looks_at_what_judges_it_elsewhere(tmp_path: Path, ledger: Store) -> None:
    """A line that makes a claim of a section not swept is judged by a look at that claim, once, and not unknown."""
    found = with_sections_of_the_same(tmp_path, line("one"), "plain", "other")

    ended = asyncio.run(sweep(found, ["other", "plain"], shown=False))

    assert (ended.counts, ended.blocking) == ({"pass": 4}, 0)
    seen = [event for event in map(read_event, ledger.read(ended.sweep)) if isinstance(event, ev.LinesSeen)]
    assert [(one.section, [it.ref for it in one.lines]) for one in seen] == [
        ("shop/testing/unit", ["shop/testing/unit/1"])
    ]
    assert verdicts(found, ledger) == [Verdict.PASS] * 5


@pytest.mark.parametrize(
    ("reads", "counts"), [("artifacts", False), ("command", False), ("release", False), ("", True)]
)
def test_what_reads_a_release_counts_for_that_one(tmp_path: Path, ledger: Store, reads: str, counts: bool) -> None:
    """Whoever looks into the release or beside it, also from a thread, says nothing of the next release."""
    found = replace(opened(tmp_path, line("one"), line(f"one, reads: '{reads}'")), digests={"release": "A"})
    asyncio.run(sweep(found, shown=False))

    assert verdicts(found, ledger) == [Verdict.PASS] * 2
    assert verdicts(replace(found, digests={}), ledger) == [Verdict.PASS] * 2
    for_b = verdicts(replace(found, digests={"release": "B"}), ledger)
    assert for_b == [Verdict.PASS, Verdict.PASS if counts else Verdict.UNKNOWN]


def test_a_goal_freezes_its_baseline_once(tmp_path: Path, ledger: Store) -> None:
    """The first sweep of a quarter writes the baseline down; the next one compares with it."""
    wanted = ', baseline: {measurement: count, per: quarter, change: "<= 0 %"}'
    found = opened(tmp_path, line("one", more=wanted))
    for _ in range(2):
        assert asyncio.run(sweep(found, shown=False)).counts == {"pass": 1}

    frozen = [
        event for event in map(read_event, ledger.read("readiness.shop.here")) if isinstance(event, ev.BaselineFrozen)
    ]
    assert [str(one.value) for one in frozen] == ["1"]


def test_evidence_counts_only_for_what_the_book_then_asked(tmp_path: Path, ledger: Store) -> None:
    """Once a book expects something else, what was seen before says nothing: the line is unknown until looked at."""
    asyncio.run(sweep(opened(tmp_path, line("one")), shown=False))

    assert verdicts(opened(tmp_path, line("one")), ledger) == [Verdict.PASS]
    assert verdicts(opened(tmp_path, line("one").replace('"= 1"', '">= 1"')), ledger) == [Verdict.UNKNOWN]


def test_a_check_that_was_cancelled_from_inside_is_unknown(tmp_path: Path) -> None:
    """A client that gives up by cancelling ends its own look, not the sweep."""
    assert asyncio.run(sweep(opened(tmp_path, line("cancelled"), line("one")), shown=False)).counts == {
        "unknown": 1,
        "pass": 1,
    }


def test_clients_that_block_take_no_thread_from_another_system(tmp_path: Path) -> None:
    """A wait can be given up, its thread cannot: more of them than there are threads leave the others' looks alone."""
    blocked = [line("blocked", "stuck", ", timeout: 100ms")] * (AT_ONCE * 2)

    ended = asyncio.run(sweep(opened(tmp_path, *blocked, *[line("thread")] * 8), shown=False))

    assert ended.counts == {"unknown": AT_ONCE * 2, "pass": 8}


def test_load_comes_last_and_alone(tmp_path: Path) -> None:
    """What makes load begins when nothing else is being looked at, and one after another: it would disturb figures."""
    load = 'title: L, check: made.load, expect: {count: "= 0"}'

    assert asyncio.run(sweep(opened(tmp_path, load, load, *[line("one")] * 5), shown=False)).counts == {"pass": 7}


def test_an_unknown_section_is_no_sweep(tmp_path: Path, ledger: Store) -> None:
    """Nothing was looked at, so nothing is written that could look like an end."""
    with pytest.raises(UsageError, match="did you mean 'unit'"):
        asyncio.run(sweep(opened(tmp_path, line("one")), ["unti"], shown=False))
    assert ledger.chains() == []


async def test_sections_whose_refs_begin_alike_are_both_looked_at(tmp_path: Path) -> None:
    """No line is left out because another section has its place."""
    place = opened(tmp_path, line("one"), line("one", "two"))
    (chapter,) = place.checklist.chapters
    (whole,) = chapter.sections
    halves = tuple(whole.model_copy(update={"lines": (one,)}) for one in whole.lines)
    split = chapter.model_copy(update={"sections": halves})
    place = replace(place, checklist=place.checklist.model_copy(update={"chapters": (split,)}))

    ended = await sweep(place, shown=False)

    assert ended.counts == {Verdict.PASS: 2}
