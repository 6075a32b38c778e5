"""A line chart's geometry: from values to coordinates, so that a template only has to draw them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor, log10
from typing import Literal

from tminus.report.axis import Axis, Stretch, Tick
from tminus.report.watch_model import Moment, Point, WatchReport

Measure = Literal["error_percent", "p95_ms"]
_LABEL = 7.0  # the width of a character of a label
_ROW = 15.0  # between two rows of labels
_HEAD = 10.0
_FOOT = 40.0  # for two lines of times


@dataclass(frozen=True)
class Frame:
    """How large a chart is drawn: its width, where the plot begins and ends in it, and how high the plot is."""

    width: float
    left: float
    right: float
    plot: float
    apart: float


WIDE = Frame(width=1000, left=64, right=986, plot=168, apart=84)
NARROW = Frame(width=360, left=50, right=352, plot=160, apart=74)


@dataclass(frozen=True)
class Level:
    """A horizontal line and what it says."""

    y: float
    label: str


@dataclass(frozen=True)
class Flag:
    """A vertical line with its label in one of several rows, so that labels do not cover each other."""

    x: float
    kind: str
    label: str
    row: int
    anchor: Literal["start", "end"]


@dataclass(frozen=True)
class Band:
    """A shaded part of the plot."""

    left: float
    right: float
    label: str
    kind: Literal["old", "new", "missing"]


@dataclass(frozen=True)
class Dot:
    """One point; `over` when it lies above the limit, so that it is drawn in another shape."""

    x: float
    y: float
    over: bool


@dataclass(frozen=True)
class Chart:
    """Everything that is drawn, in coordinates of the frame; `top` and `bottom` are the plot's."""

    frame: Frame
    top: float
    bottom: float
    height: float
    lines: tuple[str, ...]
    areas: tuple[str, ...]
    old_lines: tuple[str, ...]
    dots: tuple[Dot, ...]
    levels: tuple[Level, ...]
    limit: Level | None
    before: Level | None
    ticks: tuple[Tick, ...]
    flags: tuple[Flag, ...]
    bands: tuple[Band, ...]


def draw(watch: WatchReport, measure: Measure, frame: Frame) -> Chart:
    """The chart of one measure of a watch; `missing` points cut the line, and are shaded."""
    limit, before = _references(watch, measure)
    values = [_value(point, measure) for point in watch.points]
    old = [point.old_percent if measure == "error_percent" else None for point in watch.points]
    highest = max(0.0, limit or 0, before or 0, *(value for value in (*values, *old) if value is not None))
    steps, axis = round_steps(highest * 1.08), _axis(watch, frame)
    flags = place_flags([(axis.x(moment.at), moment) for moment in watch.moments], frame.width)
    top = _HEAD + _ROW * (1 + max((flag.row for flag in flags), default=-1))
    bottom = top + frame.plot

    def y(value: float) -> float:
        return bottom - frame.plot * value / steps[-1]

    unit = "%" if measure == "error_percent" else "ms"
    runs = [[(axis.x(at), y(value)) for at, value in run] for run in _runs(watch.points, values)]
    old_runs = _runs(watch.points, old) if any(old) else []
    few = len(watch.points) <= _DOTTED
    over = bottom + 1 if limit is None else y(limit)
    return Chart(
        frame=frame,
        top=top,
        bottom=bottom,
        height=bottom + _FOOT,
        lines=tuple(path(run) for run in runs if len(run) > 1),
        areas=tuple(path([(run[0][0], bottom), *run, (run[-1][0], bottom)]) for run in runs if len(run) > 1),
        old_lines=tuple(path((axis.x(at), y(value)) for at, value in run) for run in old_runs if len(run) > 1),
        dots=tuple(
            Dot(x, at, limit is not None and at < over) for run in runs for x, at in run if few or len(run) == 1
        ),
        levels=tuple(Level(y(step), f"{plain(step)} {unit}") for step in steps),
        limit=None if limit is None else Level(y(limit), f"limit {plain(limit)} {unit}"),
        before=None if before is None else Level(y(before), f"before {plain(before, 2)} {unit}"),
        ticks=tuple(axis.ticks(frame.apart, frame.width)),
        flags=tuple(flags),
        bands=(*_versions(watch, axis), *_gaps(watch.points, axis)),
    )


def plain(value: float, significant: int = 6) -> str:
    """A number without an exponent: `150`, `0.00003`; behind the point no more digits than are `significant`."""
    digits = max(0, significant - 1 - floor(log10(abs(value)))) if value else 0
    said = f"{value:.{digits}f}"
    return said.rstrip("0").rstrip(".") if digits else said


_DOTTED = 80  # points up to which each is marked


def path(points: Iterable[tuple[float, float]]) -> str:
    """The `points` of an SVG polyline, to a tenth of a unit."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def round_steps(highest: float) -> list[float]:
    """Three to six round values from 0 to at least `highest`: 1, 2 or 5 times a power of ten apart."""
    if highest <= 0:
        return [0.0, 0.5, 1.0]
    power = 10.0**-6
    while True:
        for factor in (1, 2, 5):
            step = factor * power
            count = -int(-highest // step)
            if count <= 5:  # noqa: PLR2004 - more lines than that are no easier to read
                return [round(step * number, 9) for number in range(max(count, 2) + 1)]
        power *= 10


def _references(watch: WatchReport, measure: Measure) -> tuple[float | None, float | None]:
    if measure == "error_percent":
        return watch.error_limit, watch.error_before
    return watch.p95_limit, watch.p95_before


def _value(point: Point, measure: Measure) -> float | None:
    return point.error_percent if measure == "error_percent" else point.p95_ms


def _axis(watch: WatchReport, frame: Frame) -> Axis:
    times = [watch.began, *(point.at for point in watch.points), *(moment.at for moment in watch.moments)]
    times += [at for span in watch.versions for at in (span.started, span.ended)]
    end = max(*times, min(times) + timedelta(seconds=1))
    return Axis((Stretch(min(times), end, frame.left, frame.right),))


def _runs(points: Sequence[Point], values: Sequence[float | None]) -> list[list[tuple[datetime, float]]]:
    runs: list[list[tuple[datetime, float]]] = [[]]
    for point, value in zip(points, values, strict=True):
        if point.missing:
            runs.append([])
        elif value is not None:
            runs[-1].append((point.at, value))
    return [run for run in runs if run]


def _versions(watch: WatchReport, axis: Axis) -> list[Band]:
    return [
        Band(axis.x(span.started), axis.x(span.ended), f"version {span.version}", "new" if span.new else "old")
        for span in watch.versions
    ]


def _gaps(points: Sequence[Point], axis: Axis) -> list[Band]:
    bands: list[Band] = []
    for number, point in enumerate(points):
        if not point.missing:
            continue
        left = axis.x(points[number - 1].at if number else point.at)
        right = axis.x(point.at)
        if bands and bands[-1].right == left:
            bands[-1] = Band(bands[-1].left, right, "no data", "missing")
        else:
            bands.append(Band(left, right, "no data", "missing"))
    return bands


def place_flags(moments: Iterable[tuple[float, Moment]], width: float) -> list[Flag]:
    """Gives each label the first row in which it covers no other, turned inwards at the right edge."""
    rows: list[list[tuple[float, float]]] = []
    flags = []
    for x, moment in sorted(moments, key=lambda pair: pair[0]):
        length = len(moment.label) * _LABEL + 6
        anchor: Literal["start", "end"] = "end" if x + length > width else "start"
        reach = (x - length, x) if anchor == "end" else (x, x + length)
        row = next((n for n, taken in enumerate(rows) if all(_apart(reach, one) for one in taken)), len(rows))
        if row == len(rows):
            rows.append([])
        rows[row].append(reach)
        flags.append(Flag(x, moment.kind, moment.label, row, anchor))
    return flags


def _apart(one: tuple[float, float], two: tuple[float, float]) -> bool:
    return one[1] < two[0] or two[1] < one[0]
