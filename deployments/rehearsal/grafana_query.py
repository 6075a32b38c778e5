"""The little of PromQL that the rehearsal's dashboards use: `name`, `rate(name[1m])`, and `sum(…)` around either."""

import re
from collections import defaultdict
from dataclasses import dataclass

from deployments.rehearsal.grafana_series import Series, Store

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_PLAIN = re.compile(rf"(?P<name>{_NAME})")
_RATE = re.compile(rf"rate\(\s*(?P<name>{_NAME})\s*\[(?P<number>\d+)(?P<unit>[smh])\]\s*\)")
_SUM = re.compile(r"sum\(\s*(?P<inner>.*?)\s*\)", re.DOTALL)
_UNITS = {"s": 1, "m": 60, "h": 3600}


class BadQuery(Exception):
    """A query that this fake does not understand."""


@dataclass(frozen=True)
class Expression:
    """A metric by name; its rate per second over a window of so many seconds; summed over all labels."""

    name: str
    window: int | None
    summed: bool

    def evaluate(self, store: Store, start: float, end: float) -> list[Series]:
        """The series between two times, in seconds since 1970; none where nothing was seen."""
        series = store.select(self.name, start - (self.window or 0), end)
        if self.window is not None:
            series = [rate(one, self.window, start) for one in series]
        if self.summed:
            series = total(series)
        return [one for one in series if one.points]


def parse(text: str) -> Expression:
    """Read a query. Raises BadQuery."""
    inner = text.strip()
    summed = _SUM.fullmatch(inner)
    if summed:
        inner = summed["inner"]
    if found := _RATE.fullmatch(inner):
        return Expression(found["name"], int(found["number"]) * _UNITS[found["unit"]], summed is not None)
    if found := _PLAIN.fullmatch(inner):
        return Expression(found["name"], None, summed is not None)
    raise BadQuery(f'invalid parameter "query": this fake understands name, rate(name[1m]) and sum(…), not: {text!r}')


def rate(series: Series, window: int, start: float) -> Series:
    """The increase per second over the window before each point, a fall being a counter that began again at 0.

    Like Prometheus' rate() without its extrapolation to the window's edges; needs two points.
    """
    risen = 0.0
    grown: list[tuple[float, float]] = []  # (when, the counter without its restarts)
    before: float | None = None
    rates: list[tuple[float, float]] = []
    oldest = 0
    for at, value in series.points:
        if before is not None:
            risen += value - before if value >= before else value
        before = value
        grown.append((at, risen))
        while grown[oldest][0] < at - window:
            oldest += 1
        first, low = grown[oldest]
        if at > first and at >= start:
            rates.append((at, (risen - low) / (at - first)))
    return Series(series.labels, rates)


def total(series: list[Series]) -> list[Series]:
    """The sum over all series, at each scrape: all points of one scrape carry the same time."""
    sums: dict[float, float] = defaultdict(float)
    for one in series:
        for at, value in one.points:
            sums[at] += value
    return [Series({}, sorted(sums.items()))] if sums else []
