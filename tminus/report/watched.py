"""The watch and the way back, from the recorded samples."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import ceil

from tminus import events as ev
from tminus.frozen import Frozen
from tminus.record import Record
from tminus.report.steps import shown
from tminus.report.watch_model import Moment, Point, RollbackReport, Stage, VersionSpan, WatchReport
from tminus.sentence import cut_short, first_traffic
from tminus.spoken import person_said
from tminus.standing import FAILED, PASSED, RUNNING, UNKNOWN, Mark
from tminus.watch_tests import Limits, OldVersion

MOST_POINTS = 240  # a chart of more is no easier to read
_MARKS = {
    "good": Mark(PASSED.symbol, "good", "good"),
    "breach": Mark(FAILED.symbol, "breach", "bad"),
    "outside cause": Mark(UNKNOWN.symbol, "outside cause", "warn"),
    "no data": Mark(UNKNOWN.symbol, "no data", "warn"),
}

_CUT_SHORT = Mark(UNKNOWN.symbol, "no verdict", "warn")


def watched(frozen: Frozen, record: Record) -> WatchReport | None:
    """The last watch's numbers against their limits; None where there was none."""
    began = record.watch
    if began is None:
        return None
    samples = record.samples[record.watched_from :]
    step = frozen.runbook.step(began.step)
    decided = record.watch_decided
    limits, old = Limits.model_validate_json(began.limits), OldVersion.model_validate_json(began.baseline)
    return WatchReport(
        step=began.step,
        title=step.title if step else began.step,
        began=began.at,
        until=began.until,
        mark=shown(_MARKS[decided.verdict] if decided else _CUT_SHORT if cut_short(record) else RUNNING),
        why=decided.why if decided else cut_short(record),
        requests=sum(sample.requests for sample in samples),
        failed=sum(sample.failed for sample in samples),
        samples=len(samples),
        missing=sum(sample.missing for sample in samples),
        error_limit=None if limits.error_rate is None else limits.error_rate * 100,
        p95_limit=None if limits.slow_over is None else limits.slow_over * 1000,
        error_before=100 * old.failed / old.requests if old.requests else None,
        p95_before=old.slower_than * 1000 if old.slower_than else None,
        points=tuple(thinned(samples)),
        moments=watch_moments(frozen, record),
        versions=tuple(_versions(frozen, record, samples)),
    )


def thinned(samples: Sequence[ev.Sample], most: int = MOST_POINTS) -> Iterator[Point]:
    """At most so many points: neighbours are added up, and the worst p95 among them is kept."""
    size = max(1, ceil(len(samples) / most))
    for first in range(0, len(samples), size):
        yield _point(samples[first : first + size])


def _point(some: Sequence[ev.Sample]) -> Point:
    requests, failed = sum(one.requests for one in some), sum(one.failed for one in some)
    probes, probes_failed = sum(one.probes for one in some), sum(one.probes_failed for one in some)
    p95 = [one.p95_ms for one in some if one.p95_ms is not None]
    return Point(
        at=some[-1].at,
        requests=requests,
        failed=failed,
        error_percent=100 * failed / requests if requests else None,
        p95_ms=max(p95) if p95 else None,
        old_percent=100 * probes_failed / probes if probes else None,
        missing=all(one.missing for one in some),
    )


def launch_moments(frozen: Frozen, record: Record) -> tuple[Moment, ...]:
    """The lines across the whole countdown: customers meet the new version, the way back begins, and ends."""
    return tuple(moment for moment in _moments(frozen, record) if moment.kind not in {"onset", "decision"})


def watch_moments(frozen: Frozen, record: Record) -> tuple[Moment, ...]:
    """The lines across the charts."""
    return tuple(_moments(frozen, record))


def _moments(frozen: Frozen, record: Record) -> Iterator[Moment]:
    if (at := first_traffic(frozen, record)) is not None:
        yield Moment(at=at, kind="deploy", label="new version serves")
    decided = record.watch_decided
    if decided is not None and decided.onset is not None:
        yield Moment(at=decided.onset, kind="onset", label="first bad sample")
    if decided is not None:
        yield Moment(at=decided.decided_on, kind="decision", label=f"decided: {decided.verdict}")
    if record.rollback is not None:
        yield Moment(at=record.rollback.at, kind="rollback", label="rollback begins")
    if (back := traffic_back(record)) is not None:
        yield Moment(at=back, kind="back", label="old version serves")


def traffic_back(record: Record) -> datetime | None:
    """When the last change was taken back, so that the old version serves again; None before that.

    What ends harmlessly by itself, as a maintenance window does, is no change.
    """
    undone = (event for event in record.events if isinstance(event, ev.UndoEnded) and record.step(event.step).changed)
    return next((event.at for event in undone if event.outcome.verdict.final), None)


def _versions(frozen: Frozen, record: Record, samples: Sequence[ev.Sample]) -> Iterator[VersionSpan]:
    """Old, new, and after a rollback old again, as far as the samples and the way back reach."""
    switched, back = first_traffic(frozen, record), traffic_back(record)
    if switched is None or not samples:
        return
    last = max(samples[-1].at, record.rolled_back.at if record.rolled_back else samples[-1].at)
    lead = (last - switched) / 12
    new = ", ".join(f"{service.version}" for service in frozen.release.services.values())
    old = ", ".join(f"{service.rollback_to.version}" for service in frozen.release.services.values())
    yield VersionSpan(version=old, new=False, started=switched - lead, ended=switched)
    yield VersionSpan(version=new, new=True, started=switched, ended=back or last)
    if back is not None:
        yield VersionSpan(version=old, new=False, started=back, ended=last + lead)


def rollback(frozen: Frozen, record: Record) -> RollbackReport | None:
    """The way back: onset → decision → start → last bad request → old version serves → proven."""
    began, ended = record.rollback, record.rolled_back
    if began is None:
        return None
    return RollbackReport(
        why=began.why,
        by="tminus" if began.by == "tminus" else person_said(frozen, began.by),
        proven=ended.proven if ended else None,
        said=ended.said if ended else "",
        stages=tuple(_timed(sorted(_stages(record, began), key=lambda stage: stage[1]))),
    )


def _stages(record: Record, began: ev.RollbackBegan) -> Iterator[tuple[str, datetime]]:
    decided, ended = record.watch_decided, record.rolled_back
    if decided is not None and decided.verdict == "breach":
        if decided.onset is not None:
            yield "first bad sample", decided.onset
        yield "decided", decided.decided_on
    yield "rollback started", began.at
    if ended is not None and ended.last_bad is not None:
        yield "last bad request", ended.last_bad
    elif (bad := _last_bad_seen(record)) is not None and bad > began.at:
        yield "last bad sample", bad
    if (back := traffic_back(record)) is not None:
        yield "switched back", back
    if ended is not None:
        yield "proven" if ended.proven else "NOT proven", ended.at


def _last_bad_seen(record: Record) -> datetime | None:
    """The watch ends with its verdict, so later bad requests are not in its samples."""
    return next((one.at for one in reversed(record.samples) if one.failed), None)


def _timed(stages: Sequence[tuple[str, datetime]]) -> Iterator[Stage]:
    before: datetime | None = None
    for label, at in stages:
        yield Stage(label=label, at=at, after=None if before is None else (at - before).total_seconds())
        before = at
