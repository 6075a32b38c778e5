"""How a line's number went: read from the sweeps' chains, drawn with its limit, and nothing drawn that is not there."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from defusedxml import ElementTree

from tests.tminus.readiness.room import AT, CHECK, checklist
from tminus import events as ev
from tminus.environment import Environment
from tminus.expectation import Expectation, Measurement
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry, Store
from tminus.outcome import Observation, Outcome, judge
from tminus.readiness.account import account
from tminus.readiness.history import SHOWN, History, by_ref, histories
from tminus.readiness.judging import judge_lines
from tminus.readiness.opened import Opened
from tminus.readiness.showing import shown_as
from tminus.readiness.standing import Standing
from tminus.release import no_release
from tminus.report.trend import Value, draw_trend

REF = "shop/testing/unit/1"
LIMIT = Expectation("< 200 ms")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty ledger."""
    with closing(SqliteStore(tmp_path / "ledger.db")) as opened:
        yield opened


def swept(store: Store, *outcomes: Outcome | None) -> Standing:
    """One sweep a day that saw the line so, the last at AT; one of another section for None."""
    events: list[ev.Event] = []
    for number, outcome in enumerate(outcomes):
        at = AT - timedelta(days=len(outcomes) - 1 - number)
        chain = f"sweep-shop-here-{number:04}"
        sections = () if outcome else ("other",)
        ref = REF if outcome else "shop/testing/other/1"
        seen = ev.LineSeen(ref=ref, digest="d", outcomes=((outcome or took(1)).model_copy(update={"at": at}),))
        store.open_chain(chain, Entry(chain, ev.write(ev.LinesSeen(at=at, section="unit", lines=(seen,)))))
        began = ev.SweepBegan(
            at=at, sweep=chain, system="shop", environment="here", digests={}, lines=1, sections=sections
        )
        ended = ev.SweepEnded(
            at=at, sweep=chain, sections=sections, counts={"pass": 1}, blocking=0, ready=True, sentence="s"
        )
        events += [began, ended]
    return Standing("readiness-shop-here", events, None)


def took(value: float, unit: str = "ms", of: int | None = None, limit: Expectation = LIMIT) -> Outcome:
    """The line's number, judged."""
    return judge({"lag": limit}, Observation(found=(Measurement.number("lag", value, unit, of=of),)))


def test_a_number_is_read_sweep_by_sweep(store: Store) -> None:
    """The earliest first, in the unit it is measured in now, each with whether it held; silence is a gap."""
    standing = swept(store, took(0.1, "s"), Outcome.unknown("silent"), took(250), took(150))
    found = histories(store, standing)[REF]
    assert [(one.value, one.held) for one in found.values] == [(100, True), (None, False), (250, False), (150, True)]
    assert (found.measurement, found.unit, found.limit, found.expected) == ("lag", "ms", 200.0, "< 200 ms")


def test_only_the_last_sweeps_are_shown(store: Store) -> None:
    """However many there were."""
    standing = swept(store, *(took(number) for number in range(SHOWN + 5)))
    assert [one.value for one in histories(store, standing)[REF].values] == list(range(5, SHOWN + 5))


def test_a_number_that_is_no_longer_observed_ends_in_gaps(store: Store) -> None:
    """Silence since the last number is shown: its last value must not look like today's."""
    silent = Outcome.unknown("silent")
    found = histories(store, swept(store, took(100), silent, took(150), silent, silent))[REF]
    assert [one.value for one in found.values] == [100, None, 150, None, None]


def test_sweeps_of_other_sections_hide_no_number(store: Store) -> None:
    """What counts is how often the line was looked at, not how often anything was."""
    found = histories(store, swept(store, took(100), took(150), *[None] * (SHOWN + 5)))
    assert [one.value for one in found[REF].values] == [100, 150]
    assert len(found["shop/testing/other/1"].values) == SHOWN


def test_all_of_a_number_is_its_limit(store: Store) -> None:
    """`= all` draws how many there are."""
    wanted = Expectation("= all")
    found = histories(store, swept(store, took(2, "", 3, wanted), took(3, "", 3, wanted)))[REF]
    assert (found.limit, [one.held for one in found.values]) == (3.0, [False, True])


def test_a_word_and_a_single_number_are_no_curve(store: Store) -> None:
    """Nothing is drawn of a word, of one value, or of what was measured in another dimension before."""
    word = Outcome.passed("on").model_copy(
        update={"expected": {"lag": Expectation("= on")}, "found": (Measurement(name="lag", word="on"),)}
    )
    assert by_ref(histories(store, swept(store, word, word)), REF) is None


def test_another_dimension_before_is_no_point(store: Store) -> None:
    """A line that was bound to a check of bytes has no curve of milliseconds from then."""
    found = histories(store, swept(store, took(5, "B", limit=Expectation("< 9 B")), took(100)))
    assert [one.value for one in found[REF].values] == [None, 100]
    assert by_ref(found, REF) is None


def test_a_chart_keeps_its_values_and_its_limit_within(store: Store) -> None:
    """Whatever the values: each point and the limit lie in the plot, a gap cuts the line, what broke is marked."""
    del store
    for numbers, limit in (([100, None, 300, 150], 200.0), ([-30, -10, -25], -20.0), ([0, 0], None), ([1e9, 3], 5.0)):
        values = [
            Value(AT + timedelta(days=day), None if one is None else float(one), one is not None and one > 200)
            for day, one in enumerate(numbers)
        ]
        drawn = draw_trend(values, limit, "ms")
        places = [dot.y for dot in drawn.dots] + ([drawn.limit.y] if drawn.limit else [])
        assert all(drawn.top <= y <= drawn.bottom for y in places)
        assert all(drawn.frame.left <= dot.x <= drawn.frame.right for dot in drawn.dots)
        assert len(drawn.dots) == sum(one is not None for one in numbers)
        assert [dot.over for dot in drawn.dots] == [one.bad for one in values if one.value is not None]
    assert (
        len(draw_trend([Value(AT + timedelta(days=n), v) for n, v in enumerate((1.0, 2.0, None, 3.0))], None, "").lines)
        == 1
    )


def test_the_page_draws_each_number_and_the_trend(tmp_path: Path, store: Store) -> None:
    """Inline, well-formed, with the limit and a title for those who cannot see it; the JSON has the values."""
    standing = swept(store, took(100), took(250))
    book = checklist(tmp_path, f"title: Lag & co, {CHECK}", f"title: Other, {CHECK}")
    place = Environment.model_validate(
        {
            "environment": "here",
            "kind": "rehearsal",
            "ledger": {"sqlite": "x"},
            "prefect": {"api": "http://127.0.0.1:1"},
            "state": "s",
        }
    )
    opened = Opened(tmp_path, book, place, None, no_release("shop"), tmp_path, {})
    judged = judge_lines(book, {REF: [took(250)]}, standing, AT)
    drawn = account(opened, judged, standing, AT, histories(store, standing))

    page = shown_as("html", drawn)
    pictures = [ElementTree.fromstring(f"<svg{one.partition('</svg>')[0]}</svg>") for one in page.split("<svg")[1:]]
    assert len(pictures) == 2
    small, whole = (ElementTree.tostring(one, encoding="unicode") for one in pictures)
    assert "limit 200 ms" in small
    assert "Lag &amp; co" in small
    assert small.count('class="dot over"') == 1
    assert "all 1" in whole
    assert '"value":250.0' in shown_as("json", drawn).replace(" ", "")


def test_a_history_is_data() -> None:
    """It goes into the JSON and comes back the same."""
    found = History(measurement="lag", unit="ms", expected="< 200 ms", limit=200.0, values=())
    assert History.model_validate_json(found.model_dump_json()) == found


def test_dates_below_a_chart_do_not_cover_each_other() -> None:
    """The first and the last are there, however many values; each has room for its name within the drawing."""
    for count in (2, 7, 30):
        drawn = draw_trend([Value(AT + timedelta(days=day), day) for day in range(count)], None, "")
        places = [tick.x for tick in drawn.ticks]
        assert (places[0], places[-1]) == (drawn.dots[0].x, drawn.dots[-1].x)
        assert all(after - before >= drawn.frame.apart for before, after in pairwise(places))
        assert places[-1] + 70 <= drawn.frame.width
