"""A launch in the terminal: a live view of one screen, and plain lines where stdout is no terminal."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from textwrap import wrap

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tminus import events as ev
from tminus.clock import now as clock_now
from tminus.frozen import Frozen
from tminus.headline import Awaited, awaited, headline
from tminus.offers import Offer
from tminus.record import Record
from tminus.runbook import Phase, Step
from tminus.sentence import found_said, gist
from tminus.spoken import countdown_said, counted, day_said, length_said, person_said, time_said
from tminus.standing import (
    FAILED,
    NOT_BEGUN,
    PASSED,
    RUNNING,
    UNDONE,
    UNKNOWN,
    WAIVED,
    Mark,
    Tone,
    due,
    held_until,
    mark_of,
)
from tminus.telling import event_said

_STYLES: dict[Tone, str] = {"good": "green", "bad": "bold red", "warn": "yellow", "live": "cyan", "quiet": "dim"}
_FRAME = 7  # lines of a screen for the clock, what stands between, and a verdict of three lines


def render(
    frozen: Frozen,
    record: Record,
    now: datetime,
    rows: int | None = None,
    columns: int | None = None,
    *,
    first: Sequence[Awaited] = (),
) -> RenderableType:
    """One screen: the clock, the phases with the steps that matter now, who is awaited, and last the verdict.

    A phase that is over or to come takes one line; what did not pass is always shown. What is to be typed stands whole
    on a line of its own, however long: print it uncropped, or say how many columns there are.

    Args:
        frozen: what was launched.
        record: what happened so far.
        now: the present, for the clock.
        rows: how many lines the screen has; where that is too few, steps that passed are left out first.
        columns: how wide a screen is that shows no longer lines; a longer command goes on behind a backslash.
        first: whom it waits for before all others, by what its own record cannot tell.
    """
    waiting = [*_awaited([*first, *awaited(frozen, record, now)], columns), *_unless(frozen, record, now)]
    taken = sum(one.plain.count("\n") + 1 for one in waiting)
    spare = None if rows is None else rows - len(frozen.runbook.phases) - taken - _FRAME
    parts: list[RenderableType] = [_clock(frozen, record, now), Text()]
    for phase in frozen.runbook.phases:
        parts.append(_phase_line(frozen, record, phase, now))
        if shown := _fitting(record, _steps_worth_showing(record, phase), spare):
            parts.append(_steps(frozen, record, shown, now))
    return Group(*parts, Text(), *waiting, _verdict(frozen, record))


def show_live(console: Console, frozen: Frozen, refresh: Callable[[], Record], pause: float) -> Record:
    """Keeps one screen up to date until the launch is over; returns its record.

    Args:
        console: a terminal.
        frozen: what was launched.
        refresh: reads what was appended since.
        pause: seconds between two looks.
    """
    with Live(console=console, auto_refresh=False) as live:
        while True:
            record = refresh()
            shown = render(frozen, record, clock_now(), console.height, console.width)
            live.update(shown, refresh=True)
            if record.closed is not None:
                return record
            time.sleep(pause)


def lines(frozen: Frozen, record: Record, after: int = 0) -> Iterator[str]:
    """One plain line for each event worth telling that came after number `after`: when, on both clocks, and what.

    The end is left out: the caller prints the verdict last.
    """
    for stored, event in zip(record.stored, record.events, strict=True):
        if stored.seq > after and (said := event_said(frozen, event)) is not None:
            yield f"{event.at:%H:%M:%S}  {countdown_said(frozen, event.at):<9}  {said}"


def _clock(frozen: Frozen, record: Record, now: datetime) -> RenderableType:
    at = record.closed.at if record.closed is not None else now
    grid = Table.grid(expand=True)
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="right", no_wrap=True)
    title = Text(frozen.created.title, style="bold")
    grid.add_row(title, Text(f"{countdown_said(frozen, at)}   {time_said(at)}", style="bold"))
    grid.add_row(Text(frozen.created.launch, style="dim"), Text(frozen.created.environment_name, style="dim"))
    return grid


def _phase_line(frozen: Frozen, record: Record, phase: Phase, now: datetime) -> Text:
    mark = _mark_of_phase(record, phase)
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{mark.symbol} {phase.phase:<6}", style=f"bold {_STYLES[mark.tone]}")
    line.append(f" {_when(record, phase.phase, due(frozen, phase), now)}   ", style="dim" if mark is NOT_BEGUN else "")
    return line.append(_tally(record, phase), style="dim")


def _mark_of_phase(record: Record, phase: Phase) -> Mark:
    if phase.phase not in record.phases_started:
        return NOT_BEGUN
    marks = [mark_of(record, step.id) for step in phase.steps]
    for worst in (FAILED, UNKNOWN, UNDONE, WAIVED):
        if worst in marks:
            return worst
    return PASSED if phase.phase in record.phases_ended else RUNNING


def _when(record: Record, name: str, at: datetime, now: datetime) -> str:
    if ended := record.phases_ended.get(name):
        return f"over at {time_said(ended.at)}"
    if started := record.phases_started.get(name):
        return f"since {time_said(started.at)}"
    if record.closed is not None:
        return f"{'is' if now < at else 'was'} due at {time_said(at)}"
    if now < at:
        return f"at {time_said(at)}, in {length_said(at - now)}"
    return f"due at {time_said(at)}, {length_said(now - at)} ago"


def _tally(record: Record, phase: Phase) -> str:
    marks = [mark_of(record, step.id) for step in phase.steps]
    passed = sum(1 for mark in marks if mark is PASSED)
    whole = counted(len(marks), "step")
    return whole if phase.phase not in record.phases_started else f"{passed} of {whole} passed"


def _steps_worth_showing(record: Record, phase: Phase) -> list[Step]:
    started, over = phase.phase in record.phases_started, phase.phase in record.phases_ended
    if started and not over and record.closed is None:
        return list(phase.steps)
    quiet = {PASSED, NOT_BEGUN}
    return [step for step in phase.steps if mark_of(record, step.id) not in quiet]


def _fitting(record: Record, steps: list[Step], spare: int | None) -> list[Step]:
    """As many steps as there is room for: those that passed make room, the first of them first."""
    kept = list(steps)
    for step in steps:
        if spare is None or len(kept) <= spare:
            break
        if mark_of(record, step.id) is PASSED:
            kept.remove(step)
    return kept


def _steps(frozen: Frozen, record: Record, steps: list[Step], now: datetime) -> Table:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=14, no_wrap=True)
    grid.add_column(width=24, no_wrap=True, overflow="ellipsis")
    grid.add_column(ratio=1)
    for step in steps:
        mark = mark_of(record, step.id)
        shown = Text(f"  {mark}", style=_STYLES[mark.tone])
        short = mark not in {FAILED, UNKNOWN, WAIVED}  # the reason of what did not pass is shown whole
        said = Text(_gist(frozen, record, step, now), "dim" if short else "", no_wrap=short, overflow="ellipsis")
        grid.add_row(shown, step.id, said)
    return grid


def _gist(frozen: Frozen, record: Record, step: Step, now: datetime) -> str:
    state = record.steps.get(step.id)
    if state is None:
        return step.title
    waived = record.waivers.get(step.id)
    if waived is not None and mark_of(record, step.id) is WAIVED:
        until = f" until {day_said(waived.until)}" if waived.until else ""
        return f"waived by {person_said(frozen, waived.person)}{until}: {gist(waived.reason)}"
    if state.started is None and state.attempt and state.outcome is None:
        return "waits to be observed again"
    if state.undone is not None:
        return gist(state.undone.summary)
    if state.outcome is not None:
        return gist(found_said(state.outcome))
    if record.watch is not None and record.watch.step == step.id and record.watch_decided is None:
        return _watched(record)
    since = f", {length_said(now - state.started)} so far" if state.started else ""
    return f"{gist(state.intended.does if state.intended else step.title)}{since}"


def _watched(record: Record) -> str:
    samples: list[ev.Sample] = record.samples[record.watched_from :]
    failed, requests = sum(one.failed for one in samples), sum(one.requests for one in samples)
    p95 = next((f", p95 {one.p95_ms} ms" for one in reversed(samples) if one.p95_ms is not None), "")
    return f"{failed} of {requests} requests failed{p95}"


def _awaited(waiting: Sequence[Awaited], columns: int | None) -> Iterator[Text]:
    """Who may do the same thing in the same way stands under one line that says what and how."""
    for (what, how, ways), some in groupby(waiting, key=lambda one: (one.what, one.how, one.ways)):
        yield Text.assemble((f"◇ waits for somebody to {what}", f"bold {_STYLES['live']}"))
        for one in some:
            yield Text(f"  {one.who}")
        for way in ways:
            yield Text(_typed(way, columns), style="dim", no_wrap=True, overflow="ignore")
        if not ways:
            yield Text(f"  {how}", style="dim")
    if waiting:
        yield Text()


def _unless(frozen: Frozen, record: Record, now: datetime) -> Iterator[Text]:
    """What becomes of a launch that is held where nobody says anything: it ends by itself, and when."""
    until = held_until(frozen, record)
    if until is None or record.closed is not None or record.must_roll_back or record.scrubbed is not None:
        return
    back = record.change_began or record.rolled_back is not None
    ends = "it closes as held, and nothing is rolled back by itself" if back else "it ends as a no-go"
    at = f"{time_said(until)} ({countdown_said(frozen, until)})"
    when = f"If nobody ends the hold by {at}" if now <= until else f"Nobody ended the hold by {at}"
    yield Text(f"{when}, {ends}.")
    yield Text()


def _typed(way: Offer, columns: int | None) -> str:
    """A command on a line of its own, what it is for behind it; it can be pasted as it stands."""
    what = f"  # {way.does}" if way.does else ""
    whole = f"  {way.command}{what}"
    if columns is None or len(whole) <= columns:
        return whole
    parts = wrap(way.command, columns - 6, break_long_words=False, break_on_hyphens=False)
    return "\n".join(filter(None, (what, "  " + " \\\n    ".join(parts))))


def _verdict(frozen: Frozen, record: Record) -> Text:
    now = headline(frozen, record)
    return Text(f"{now.mark.symbol} {now.sentence}", style=_STYLES[now.mark.tone])
