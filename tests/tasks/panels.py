"""A panel of a dashboard, as Grafana keeps it."""

from pydantic import JsonValue

SOURCE: dict[str, JsonValue] = {"type": "prometheus", "uid": "rehearsal-prometheus"}
Json = dict[str, JsonValue]


def panel(expr: str, **more: JsonValue) -> Json:
    """A panel with one query."""
    query: Json = {"refId": "A", "expr": expr, "datasource": SOURCE}
    return {"type": "timeseries", "title": f"shows {expr}", "datasource": SOURCE, "targets": [query], **more}
