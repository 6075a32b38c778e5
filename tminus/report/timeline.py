"""The countdown's geometry: a lane a phase, a row a step, bars for attempts, diamonds for decisions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tminus.report.axis import Axis, Tick, axis
from tminus.report.chart import Flag, place_flags
from tminus.report.model import DecisionReport, PhaseReport, Report, Span, StepReport
from tminus.report.watch_model import Shown

_HEAD = 24.0  # a lane's own line
_FLAG_ROW = 15.0
_AXIS = 20.0  # a line of times
_LEAST_BAR = 3.0
_GAP = 8.0  # between two lanes
_PEOPLE = frozenset({"approval", "acknowledgement", "sign_off", "attestation", "paging"})


@dataclass(frozen=True)
class Layout:
    """How wide the drawing is, how much of it the labels take, and how high a row is.

    Attributes:
        over: whether a row's label stands over its bar rather than beside it.
    """

    width: float
    gutter: float
    row: float
    over: bool
    apart: float


WIDE = Layout(width=1000, gutter=232, row=22, over=False, apart=72)
NARROW = Layout(width=360, gutter=6, row=34, over=True, apart=70)


@dataclass(frozen=True)
class Bar:
    """A stretch of time; `kind` is attempt, again, undo, hold, or asking where people were waited for."""

    x: float
    width: float
    kind: str
    mark: Shown
    said: str


@dataclass(frozen=True)
class Diamond:
    """A decision of a person, or how a question ended; `big` for the latter."""

    x: float
    mark: Shown
    said: str
    big: bool


@dataclass(frozen=True)
class Row:
    """A step: its label, its bars and its diamonds."""

    y: float
    label: str
    mark: Shown
    bars: tuple[Bar, ...]
    diamonds: tuple[Diamond, ...]


@dataclass(frozen=True)
class Lane:
    """A phase; `note` says what is left out."""

    top: float
    height: float
    name: str
    note: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Timeline:
    """Everything that is drawn."""

    layout: Layout
    height: float
    top: float
    bottom: float
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    breaks: tuple[tuple[float, timedelta], ...]
    flags: tuple[Flag, ...]


def lay_out(report: Report, layout: Layout) -> Timeline:
    """The countdown from the first step to the last thing that happened."""
    across = axis(_spans(report), layout.gutter + 8, layout.width - 14)
    flags = place_flags([(across.x(moment.at), moment) for moment in report.moments], layout.width)
    rows = 1 + max((flag.row for flag in flags), default=-1)
    top = _AXIS * 2 + rows * _FLAG_ROW + 6
    lanes, y = [], top
    for lane in _lanes(report, across, layout):
        lanes.append(_moved(lane, y))
        y += lane.height + _GAP
    bottom = y - _GAP
    return Timeline(
        layout=layout,
        height=bottom + (_AXIS if layout.over and across.breaks else 8),
        top=top,
        bottom=bottom,
        lanes=tuple(lanes),
        ticks=tuple(across.ticks(layout.apart, layout.width)),
        breaks=tuple(across.breaks),
        flags=tuple(flags),
    )


def _spans(report: Report) -> Iterator[tuple[datetime, datetime]]:
    started = [phase.started for phase in report.phases if phase.started]
    end = report.drawn_up
    first = min(started, default=report.created)
    yield first, first + timedelta(seconds=1)
    for phase in report.phases:
        if phase.started:
            yield phase.started, phase.ended or phase.started
        for step in phase.steps:
            yield from ((span.started, span.ended or end) for span in step.spans)
    yield from ((hold.started, hold.ended or end) for hold in report.holds)
    yield from ((answer.at, answer.at) for decision in report.decisions for answer in decision.answers)
    yield from ((moment.at, moment.at) for moment in report.moments)
    if report.rollback is not None:
        yield report.rollback.stages[0].at, report.rollback.stages[-1].at


def _lanes(report: Report, across: Axis, layout: Layout) -> Iterator[Lane]:
    if report.holds or report.orders:
        yield _orders_lane(report, across, layout)
    for phase in report.phases:
        yield _phase_lane(report, phase, across, layout)


def _phase_lane(report: Report, phase: PhaseReport, across: Axis, layout: Layout) -> Lane:
    begun = [step for step in phase.steps if step.spans]
    rows = tuple(_row(report, step, number, across, layout) for number, step in enumerate(begun))
    left_out = len(phase.steps) - len(begun)
    note = "" if not left_out else f"{left_out} not begun" if begun else "not reached"
    return Lane(0, _HEAD + layout.row * len(rows) + (6 if rows else 2), phase.phase, note, rows)


def _row(report: Report, step: StepReport, number: int, across: Axis, layout: Layout) -> Row:
    asks = [decision for decision in report.decisions if decision.step == step.id]
    bars = tuple(_bar(span, across, report.drawn_up, asking=step.kind in _PEOPLE) for span in step.spans)
    diamonds = tuple(diamond for ask in asks for diamond in _diamonds(ask, across))
    return Row(_HEAD + layout.row * number, step.id, step.mark, bars, diamonds)


def _bar(span: Span, across: Axis, now: datetime, *, asking: bool) -> Bar:
    left, right = across.x(span.started), across.x(span.ended or now)
    width = max(right - left, _LEAST_BAR)
    kind = "asking" if asking and span.kind == "attempt" else span.kind
    return Bar(left, width, kind, span.mark, span.said)


def _diamonds(ask: DecisionReport, across: Axis) -> Iterator[Diamond]:
    for answer in ask.answers:
        said = f"{answer.who} {answer.said}{f': {answer.reason}' if answer.reason else ''}"
        yield Diamond(across.x(answer.at), answer.mark, said, big=False)


def _orders_lane(report: Report, across: Axis, layout: Layout) -> Lane:
    bars = tuple(_bar(hold, across, report.drawn_up, asking=False) for hold in report.holds)
    mark = Shown(symbol="◆", word="order", tone="live")
    diamonds = tuple(
        Diamond(
            across.x(order.at), mark, f"{order.who}: {order.what}{f': {order.why}' if order.why else ''}", big=False
        )
        for order in report.orders
        if order.who != "tminus"
    )
    held = Shown(symbol="‖", word="held", tone="warn") if bars else mark
    label = "holds and orders" if bars else "orders"
    return Lane(0, _HEAD + layout.row + 6, "People", "", (Row(_HEAD, label, held, bars, diamonds),))


def _moved(lane: Lane, y: float) -> Lane:
    rows = tuple(Row(row.y + y, row.label, row.mark, row.bars, row.diamonds) for row in lane.rows)
    return Lane(y, lane.height, lane.name, lane.note, rows)
