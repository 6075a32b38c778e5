"""What the charts of a dashboard are about: one chart for each thing that is asked for."""

import pytest

from bench.worlds.estates import check_of
from bench.worlds.world import Case
from tasks.chart_subjects import chart_text, unmatched
from tasks.datadog_records import Layout


@pytest.mark.parametrize(
    ("about", "charts", "lacking"),
    [
        (("latency", "errors"), ["Latency", "Errors"], []),
        (("latency", "errors"), ["Latency and errors"], ["errors"]),
        (("requests", "total"), ["requests_total", "Requests"], []),  # the first must make way for the second
        (("requests", "requests"), ["Requests"], ["requests"]),
        (("latency",), [], ["latency"]),
        ((), ["Weather"], []),
    ],
)
def test_each_wants_a_chart_of_its_own(about: tuple[str, ...], charts: list[str], lacking: list[str]) -> None:
    """And gets one wherever all can."""
    assert unmatched(about, charts, "here") == lacking


def test_queries_are_read_too() -> None:
    """Every text in them, however deep; numbers are none."""
    said = chart_text("p95", [{"queries": [{"query": "p95:trace.http.request{*}", "limit": 5}]}])
    assert said == "p95\np95:trace.http.request{*}"


def test_widgets_say_what_they_ask() -> None:
    """Those in a group too; a note does not count, whatever it says."""
    chart = {"type": "timeseries", "requests": [{"q": "sum:orders{*}"}]}
    group = {"type": "group", "title": "Errors", "widgets": [{"definition": chart}]}
    note = {"type": "note", "title": "Errors"}
    layout = Layout.model_validate({"widgets": [{"definition": group}, {"definition": note}]})
    assert [text for widget in layout.widgets for text in widget.texts()] == ["\nsum:orders{*}"]


@pytest.mark.parametrize(
    ("kind", "named"), [("grafana.dashboard", {"uid": "x"}), ("datadog.dashboard", {"title": "x"})]
)
def test_what_it_must_be_about_is_expected(kind: str, named: dict[str, str]) -> None:
    """Also where the book names it under `about` alone; and to expect it without naming it is a mistake."""
    check = check_of(Case(kind, {**named, "about": ["latency"]}, {"present": "= yes"}))
    assert str(check.expect["unmatched"]) == "= 0"
    with pytest.raises(ValueError, match="about"):
        check_of(Case(kind, {**named}, {"unmatched": "= 0"}))
