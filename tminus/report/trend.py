"""How a number went over time, as a small chart: the same drawing as the watch's, with other values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from tminus.report.axis import Axis, Stretch, Tick
from tminus.report.chart import Chart, Dot, Frame, Level, path, round_steps

# Beside the last value there is room for its date.
SMALL = Frame(width=520, left=70, right=448, plot=84, apart=80)
LARGE = Frame(width=1000, left=64, right=928, plot=120, apart=90)
_HEAD = 14.0
_FOOT = 40.0  # for two lines of times
_ROOM = 1.08  # above the highest value


@dataclass(frozen=True)
class Value:
    """A number at a moment; none cuts the line. `bad` draws its point in another shape."""

    at: datetime
    value: float | None
    bad: bool = False


def draw_trend(
    values: Sequence[Value], limit: float | None, unit: str, frame: Frame = SMALL, called: str = "limit"
) -> Chart:
    """The chart of some values, the earliest first; at least one of them is a number. `called` names the limit."""
    known = [one.value for one in values if one.value is not None]
    reference = [] if limit is None else [limit]
    highest, lowest = max(0.0, *known, *reference), min(0.0, *known, *reference)
    levels = _levels(lowest, highest)
    axis = _axis(values, frame)
    top, bottom = _HEAD, _HEAD + frame.plot
    whole = levels[-1] - levels[0]

    def y(value: float) -> float:
        return bottom - frame.plot * (value - levels[0]) / whole

    runs = _runs(values)
    lines = [[(axis.x(one.at), y(one.value)) for one in run if one.value is not None] for run in runs]
    return Chart(
        frame=frame,
        top=top,
        bottom=bottom,
        height=bottom + _FOOT,
        lines=tuple(path(line) for line in lines if len(line) > 1),
        areas=(),
        old_lines=(),
        dots=tuple(Dot(axis.x(one.at), y(one.value), one.bad) for one in values if one.value is not None),
        levels=tuple(Level(y(step), f"{step:g} {unit}".strip()) for step in (levels[0], levels[-1], *_zero(levels))),
        limit=None if limit is None else Level(y(limit), f"{called} {limit:.6g} {unit}".strip()),
        before=None,
        ticks=tuple(_ticks([Tick(one.at, axis.x(one.at)) for one in values], frame.apart)),
        flags=(),
        bands=(),
    )


def _levels(lowest: float, highest: float) -> list[float]:
    """Round values from at most `lowest` to at least `highest`, 0 among them."""
    above = round_steps(highest * _ROOM) if highest > 0 or lowest == 0 else [0.0]
    below = [-step for step in reversed(round_steps(-lowest * _ROOM))] if lowest < 0 else [0.0]
    return [*below[:-1], *above]


def _zero(levels: Sequence[float]) -> list[float]:
    return [0.0] if levels[0] < 0 < levels[-1] else []


def _axis(values: Sequence[Value], frame: Frame) -> Axis:
    first, last = values[0].at, values[-1].at
    return Axis((Stretch(first, max(last, first + timedelta(seconds=1)), frame.left, frame.right),))


def _ticks(every: Sequence[Tick], apart: float) -> list[Tick]:
    """The first, the last, and what of those between has room for its name."""
    first, last = every[0], every[-1]
    found = [first]
    for one in every:
        if one.x - found[-1].x >= apart and last.x - one.x >= apart:
            found.append(one)
    return [*found, last] if last.x - found[-1].x >= apart else found


def _runs(values: Sequence[Value]) -> list[list[Value]]:
    """The values between those that could not be observed."""
    gaps = [-1, *(place for place, one in enumerate(values) if one.value is None), len(values)]
    return [list(values[before + 1 : after]) for before, after in pairwise(gaps) if after - before > 1]
