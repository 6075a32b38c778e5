"""Grafana's dashboards as JSON: the panels wherever they are nested, and their queries as a browser would send them."""

import re
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict, Field, JsonValue

# `$name`, `${name}`, `${name:format}`, `[[name]]`: https://grafana.com/docs/grafana/latest/dashboards/variables/
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?:[.:][^}]*)?\}|\[\[(\w+?)(?::\w+)?\]\]")
_ALL = "$__all"
_OTHER_PANEL = "-- Dashboard --"  # shows what another panel has asked for


class DataSource(BaseModel):
    """Where a query goes."""

    model_config = ConfigDict(extra="allow", frozen=True)

    uid: str | None = None


class Target(BaseModel):
    """One query; what it holds besides depends on the data source, and is passed on as it is."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    ref_id: str = Field(alias="refId")
    hide: bool = False
    datasource: DataSource | str | None = None


class Panel(BaseModel, frozen=True):
    """A panel, or a row with panels in it."""

    title: str = ""
    datasource: DataSource | str | None = None
    targets: tuple[Target, ...] = ()
    panels: tuple["Panel", ...] = ()

    def flat(self) -> Iterator["Panel"]:
        """It and every panel in it."""
        yield self
        for panel in self.panels:
            yield from panel.flat()

    def source(self, target: Target) -> str | None:
        """The uid of the data source that a query goes to; None where only Grafana's default could be meant."""
        for source in (target.datasource, self.datasource):
            uid = source.uid if isinstance(source, DataSource) else source
            if uid and uid != "-- Mixed --":
                return uid
        return None

    @property
    def asks(self) -> bool:
        """Whether it sends queries of its own."""
        return any(not target.hide for target in self.targets) and all(
            self.source(target) != _OTHER_PANEL for target in self.targets
        )


class _Selected(BaseModel, frozen=True):
    value: str | tuple[str, ...] | None = None


class Variable(BaseModel, frozen=True):
    """A template variable and what is selected for it when the dashboard is opened."""

    name: str
    current: _Selected = _Selected()
    all_value: str | None = Field(alias="allValue", default=None)

    def text(self) -> str:
        """What Grafana puts in its place: several values become `(a|b)`, and All becomes `.*` unless it says what."""
        value = self.current.value or ""
        values = (value,) if isinstance(value, str) else value
        if _ALL in values:
            return self.all_value or ".*"
        return values[0] if len(values) == 1 else f"({'|'.join(values)})"


class _Templating(BaseModel, frozen=True):
    list: tuple[Variable, ...] = ()


class Dashboard(BaseModel, frozen=True):
    """A dashboard; `rows` is where panels were before Grafana 5."""

    uid: str
    title: str = ""
    panels: tuple[Panel, ...] = ()
    rows: tuple[Panel, ...] = ()
    templating: _Templating = _Templating()

    def asking(self) -> tuple[Panel, ...]:
        """Every panel that sends queries."""
        return tuple(panel for top in (*self.panels, *self.rows) for panel in top.flat() if panel.asks)

    def queries(self, panel: Panel) -> tuple[dict[str, JsonValue], ...]:
        """A panel's queries with variables filled in; hidden ones too, since others may build on them."""
        selected = {variable.name: variable.text() for variable in self.templating.list}
        return tuple(
            {
                **{key: _filled(value, selected) for key, value in (target.model_extra or {}).items()},
                "refId": target.ref_id,
                "datasource": {"uid": _filled(panel.source(target), selected)},
            }
            for target in panel.targets
        )


class Answer(BaseModel, frozen=True):
    """GET /api/dashboards/uid/{uid}."""

    dashboard: Dashboard


class _Column(BaseModel, frozen=True):
    type: str = ""


class _Schema(BaseModel, frozen=True):
    fields: tuple[_Column, ...] = ()


class _Data(BaseModel, frozen=True):
    values: tuple[tuple[JsonValue, ...], ...] = ()


class Frame(BaseModel, frozen=True):
    """A data frame: columns described by a schema, times in milliseconds since 1970."""

    frame_schema: _Schema = Field(alias="schema", default=_Schema())
    data: _Data = _Data()

    def newest(self) -> float | None:
        """The time of the newest row that holds a value (seconds since 1970); None where no row does."""
        columns = list(zip(self.frame_schema.fields, self.data.values, strict=False))
        times = next((values for column, values in columns if column.type == "time"), ())
        others = [values for column, values in columns if column.type != "time"]
        rows = [
            float(at) / 1000
            for row, at in enumerate(times)
            if isinstance(at, int | float) and any(row < len(values) and values[row] is not None for values in others)
        ]
        return max(rows, default=None)


class Result(BaseModel, frozen=True):
    """What one query came to: frames, or an error."""

    frames: tuple[Frame, ...] = ()
    error: str | None = None

    def newest(self) -> float | None:
        """The newest value in any frame (seconds since 1970)."""
        times = [at for frame in self.frames if (at := frame.newest()) is not None]
        return max(times, default=None)


class Results(BaseModel, frozen=True):
    """POST /api/ds/query: a result for each query's refId."""

    results: Mapping[str, Result]


def _filled(value: JsonValue, selected: Mapping[str, str]) -> JsonValue:
    """With the dashboard's variables replaced; Grafana's own (`$__rate_interval`) are left to its backend."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: selected.get(match[1] or match[2] or match[3], match[0]), value)
    if isinstance(value, list):
        return [_filled(entry, selected) for entry in value]
    if isinstance(value, dict):
        return {key: _filled(entry, selected) for key, entry in value.items()}
    return value
