"""The phases of a report: every step with its evidence, and when it was tried."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from tminus import events as ev
from tminus.frozen import Frozen
from tminus.record import Record
from tminus.report.model import PhaseReport, Span, StepReport
from tminus.report.watch_model import Shown
from tminus.runbook import Phase, Step
from tminus.sentence import found_said
from tminus.spoken import person_said, role_said
from tminus.standing import RUNNING, UNDONE, Mark, blocks, due, mark_of, mark_of_verdict

_HELD = Mark("‖", "held", "warn")


def shown(mark: Mark) -> Shown:
    """A mark as the report keeps it."""
    return Shown(symbol=mark.symbol, word=mark.word, tone=mark.tone)


def phases(frozen: Frozen, record: Record) -> tuple[PhaseReport, ...]:
    """Every phase of the book, also those that were never reached."""
    spans = list(step_spans(record.events))
    return tuple(_phase(frozen, record, phase, spans) for phase in frozen.runbook.phases)


def _phase(frozen: Frozen, record: Record, phase: Phase, spans: list[Span]) -> PhaseReport:
    started, ended = record.phases_started.get(phase.phase), record.phases_ended.get(phase.phase)
    first = next((e.at for e in record.events if isinstance(e, ev.PhaseStarted) and e.phase == phase.phase), None)
    return PhaseReport(
        phase=phase.phase,
        slug=phase.slug,
        due=due(frozen, phase),
        started=first or (started.at if started else None),
        ended=ended.at if ended else None,
        steps=tuple(_step(frozen, record, step, spans) for step in phase.steps),
    )


def _step(frozen: Frozen, record: Record, step: Step, spans: list[Span]) -> StepReport:
    state = record.steps.get(step.id)
    outcome = state.outcome if state else None
    expected = outcome.expected if outcome and outcome.expected else getattr(step.does, "expect", {})
    return StepReport(
        id=step.id,
        title=step.title,
        owner=role_said(step.owner),
        kind=step.does.kind,
        refs=step.refs,
        blocking=step.blocking,
        mark=shown(mark_of(record, step.id)),
        expected=tuple(f"{name} {limit}" for name, limit in expected.items()),
        found=tuple(str(measurement) for measurement in outcome.found) if outcome else (),
        summary=found_said(outcome),
        where=outcome.where if outcome else "",
        details=outcome.details if outcome else (),
        at=(outcome.at if outcome else None) or (state.ended if state else None),
        took_ms=outcome.took_ms if outcome else 0,
        spans=tuple(span for span in spans if span.at_step == step.id),
        blocked=blocks(record, step),
        waiver=_waiver(frozen, record.waivers.get(step.id)),
    )


def _waiver(frozen: Frozen, order: ev.Ordered | None) -> str | None:
    if order is None:
        return None
    until = f" until {order.until:%Y-%m-%d}" if order.until else ""
    return f"waived by {person_said(frozen, order.person)}{until}: {order.reason or 'no reason given'}"


def step_spans(events: Iterable[ev.Event]) -> Iterable[Span]:
    """When each step was tried, looked at again, and taken back; what has no end yet goes on."""
    began: dict[tuple[str, str], datetime] = {}
    for event in events:
        match event:
            case ev.StepStarted():
                began.setdefault(("attempt", event.step), event.at)
            case ev.UndoIntended():
                began.setdefault(("undo", event.step), event.at)
            case ev.StepEnded():
                kind = "again" if event.again and ("attempt", event.step) not in began else "attempt"
                looked = event.at - timedelta(milliseconds=event.outcome.took_ms)
                yield Span(
                    kind=kind,
                    at_step=event.step,
                    started=began.pop(("attempt", event.step), looked),
                    ended=event.at,
                    mark=shown(mark_of_verdict(event.outcome.verdict)),
                    said=found_said(event.outcome),
                )
            case ev.UndoEnded():
                yield Span(
                    kind="undo",
                    at_step=event.step,
                    started=began.pop(("undo", event.step), event.at),
                    ended=event.at,
                    mark=shown(UNDONE if event.outcome.verdict.final else mark_of_verdict(event.outcome.verdict)),
                    said=found_said(event.outcome),
                )
            case _:
                pass
    for (kind, step), at in began.items():
        going_on = "undo" if kind == "undo" else "attempt"
        yield Span(kind=going_on, at_step=step, started=at, ended=None, mark=shown(RUNNING), said="")


def hold_spans(record: Record) -> tuple[Span, ...]:
    """When the launch was held, by whom, and until when: replayed, since what ends a hold is the record's to say."""
    replayed, spans = Record(), []
    open_hold: ev.Held | ev.Ordered | None = None
    for stored, event in zip(record.stored, record.events, strict=True):
        replayed.add([stored])
        over = isinstance(event, ev.LaunchClosed)
        if open_hold is not None and (over or replayed.held is not open_hold):
            spans.append(_hold(open_hold, event.at))
            open_hold = None
        if not over and open_hold is None:
            open_hold = replayed.held
    if open_hold is not None:
        spans.append(_hold(open_hold, None))
    return tuple(spans)


def _hold(held: ev.Held | ev.Ordered, ended: datetime | None) -> Span:
    why = held.why if isinstance(held, ev.Held) else held.reason
    return Span(kind="hold", at_step=held.step, started=held.at, ended=ended, mark=shown(_HELD), said=why)
