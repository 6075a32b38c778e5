"""What the check of dashboards makes of Grafana's own documents."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from tasks.grafana_dashboard import Dashboard, Frame
from tests.tasks.panels import Json, panel


def test_a_row_of_nothing_is_no_point() -> None:
    """Grafana fills gaps with nulls; the newest point is the newest that holds a value."""
    fields: list[JsonValue] = [{"name": "Time", "type": "time"}, {"name": "Value", "type": "number"}]
    frame = {"schema": {"fields": fields}, "data": {"values": [[1000, 2000, 3000], [1.5, 0, None]]}}
    assert Frame.model_validate(frame).newest() == 2.0
    empty = {"schema": {"fields": fields}, "data": {"values": [[1000], [None]]}}
    assert Frame.model_validate(empty).newest() is None


def test_several_values_and_all_become_what_grafana_makes_of_them() -> None:
    """Several selected values are an alternative, All is everything, and Grafana's own variables stay."""
    dashboard = Dashboard.model_validate(
        {
            "uid": "u",
            "panels": [panel('m{a=~"$two",b=~"[[all]]",c=~"$own"}[$__rate_interval]')],
            "templating": {
                "list": [
                    {"name": "two", "current": {"value": ["x", "y"]}},
                    {"name": "all", "current": {"value": ["$__all"]}},
                    {"name": "own", "current": {"value": "$__all"}, "allValue": "z.+"},
                ]
            },
        }
    )
    [query] = dashboard.queries(dashboard.asking()[0])
    assert query["expr"] == 'm{a=~"(x|y)",b=~".*",c=~"z.+"}[$__rate_interval]'


@given(st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=3), max_leaves=12))
def test_no_panel_is_lost_however_deep_the_rows(shape: list[object]) -> None:
    """Rows nested in rows in any way: every panel with a query is found, once."""
    count = 0

    def row(inside: list[object]) -> Json:
        nonlocal count
        if not inside:
            count += 1
            return panel(f"m{count}")
        return {"type": "row", "panels": [row(part) for part in inside if isinstance(part, list)]}

    dashboard = Dashboard.model_validate({"uid": "u", "panels": [row(shape)]})
    titles = [found.title for found in dashboard.asking()]
    assert len(titles) == len(set(titles)) == count
