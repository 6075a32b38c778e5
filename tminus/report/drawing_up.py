"""From a launch's record to its report."""

from collections.abc import Iterator
from datetime import datetime

from tminus.errors import UsageError
from tminus.frozen import Frozen
from tminus.headline import headline
from tminus.ledger.chain import Head, faults
from tminus.record import Record
from tminus.report.model import AnchorReport, Fact, FollowUpReport, Provenance, Report
from tminus.report.people import all_awaited, decisions, orders, refusals
from tminus.report.steps import hold_spans, phases, shown
from tminus.report.watched import launch_moments, rollback, watched
from tminus.sentence import first_traffic
from tminus.spoken import length_said, person_said, role_said, time_said
from tminus.standing import PASSED, mark_of


def draw_up(frozen: Frozen, record: Record, at: datetime) -> Report:
    """The report of a launch, also of one that is still under way, as it stands at the time `at`.

    Raises UsageError where the chain holds no launch.
    """
    created = frozen.created
    if record.created is None:
        raise UsageError(f"{created.launch!r} has no events to report on; `tminus status` lists the launches")
    now = headline(frozen, record)
    return Report(
        launch=created.launch,
        title=created.title,
        system=created.system,
        environment=created.environment_name,
        environment_kind=frozen.environment.kind.value,
        ticket=frozen.release.ticket,
        started_by=person_said(frozen, created.started_by),
        t0=created.t0,
        hour_seconds=frozen.environment.clock.hour.total_seconds(),
        created=created.at,
        drawn_up=at,
        over=record.closed is not None,
        mark=shown(now.mark),
        sentence=now.sentence,
        facts=tuple(_facts(frozen, record, at)),
        moments=launch_moments(frozen, record),
        holds=hold_spans(record),
        watch=watched(frozen, record),
        rollback=rollback(frozen, record),
        decisions=decisions(frozen, record),
        orders=orders(frozen, record),
        refusals=refusals(frozen, record),
        awaited=all_awaited(frozen, record, at),
        phases=phases(frozen, record),
        follow_ups=tuple(
            FollowUpReport(what=one.what, owner=role_said(one.owner), source=one.source) for one in record.follow_ups
        ),
        provenance=_provenance(frozen, record),
    )


def _facts(frozen: Frozen, record: Record, at: datetime) -> Iterator[Fact]:
    created, end = frozen.created, record.closed.at if record.closed else at
    yield Fact(name="T-0 planned", value=time_said(created.t0))
    if (traffic := first_traffic(frozen, record)) is not None:
        yield Fact(name="Customers switched", value=time_said(traffic))
    yield Fact(name="Took" if record.closed else "Under way for", value=length_said(end - created.at))
    steps = list(frozen.runbook.steps())
    passed = sum(1 for step in steps if mark_of(record, step.id) is PASSED)
    yield Fact(name="Steps passed", value=f"{passed} of {len(steps)}")
    if record.waivers:
        yield Fact(name="Waived", value=str(len(record.waivers)))
    if record.holds:
        yield Fact(name="Holds", value=str(len(record.holds)))
    if record.samples:
        failed, requests = sum(one.failed for one in record.samples), sum(one.requests for one in record.samples)
        yield Fact(name="Failed requests", value=f"{failed:,} of {requests:,}")
    if record.rollback is not None and record.rolled_back is not None:
        yield Fact(name="Rolled back in", value=length_said(record.rolled_back.at - record.rollback.at))
    yield Fact(name="Follow-ups", value=str(len(record.follow_ups)))


def _provenance(frozen: Frozen, record: Record) -> Provenance:
    launch, last = frozen.created.launch, record.stored[-1]
    return Provenance(
        digests=frozen.created.digests,
        events=len(record.stored),
        head=str(Head(launch, last.seq, last.hash)),
        anchors=tuple(
            AnchorReport(at=anchor.at, seq=anchor.seq, hash=anchor.hash, where=anchor.where)
            for anchor in record.anchors
        ),
        unanchored=last.seq - max((anchor.seq for anchor in record.anchors), default=0),
        faults=tuple(faults(record.stored)),
        command=f"tminus ledger verify {launch} --environment FILE",
    )
