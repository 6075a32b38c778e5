"""What the team reads before a launch, drafted from the plan, and after it, drafted from the ledger."""

from collections.abc import Iterable
from datetime import datetime

from tminus import events as ev
from tminus.foreign_text import one_line
from tminus.frozen import Frozen
from tminus.outcome import Verdict
from tminus.plan import Crew, Plan, PlannedPhase, make_plan
from tminus.record import Record
from tminus.release import authors_of
from tminus.runbook import Approval, Phase
from tminus.sentence import approvers, cut_short, first_traffic
from tminus.spoken import counted, day_said, length_said, listed, person_said, role_said, time_said

LIMIT = 2800  # characters; Slack refuses a section of more than 3,000
_LINE = 240  # characters of one line that are still read
_MANY = 6  # lines of one list before the rest is only counted


def brief(frozen: Frozen, record: Record) -> str:
    """What is about to happen, for everybody on the launch; plain text of at most 2,800 characters."""
    clock, created = frozen.environment.clock, frozen.created
    plan = make_plan(
        frozen.runbook,
        Crew(frozen.people, created.started_by, authors_of(frozen.release)),
        clock,
        created.t0,
        created.at,
    )
    may = _may(frozen.runbook.may_roll_back)
    launch, started = frozen.created.launch, person_said(frozen, frozen.created.started_by)
    return _within(
        [
            f"*{frozen.created.title}*, {frozen.release.ticket}. T-0 is {day_said(frozen.created.t0)}.",
            f"Environment: {frozen.created.environment_name}. Started by: {started}.",
            *_what(frozen),
            "",
            "*When*",
            *(_phase_line(planned, frozen.created.t0) for planned in plan.phases),
            "",
            "*Who decides*",
            *_who(frozen, plan),
            "",
            "*To change its course*",
            f"Hold: `tminus hold {launch} --reason WHY`: no new step, but the watch goes on.",
            f"Go on: `tminus resume {launch}`.",
            f"End it: `tminus scrub {launch} --reason WHY`. After the first change that means the way back.",
            f"Back, after that change: `tminus rollback {launch} --reason WHY`, by one {may} on duty.",
            "",
            "*What tminus does by itself*",
            *_by_itself(frozen),
            *(["", f"*Known already*: {held}"] if (held := _held_now(record)) else []),
        ]
    )


def sign_off_asked(frozen: Frozen) -> str:
    """What a readiness sign-off asks about, as the brief says it; plain text of at most 2,800 characters."""
    release, created = frozen.release, frozen.created
    asked_by = person_said(frozen, created.started_by)
    return _within(
        [
            f"Is release {release.release} of {release.system} ready? {release.ticket}; asked by {asked_by}.",
            f"Environment: {created.environment_name}.",
            *_what(frozen),
        ]
    )


def debrief(frozen: Frozen, record: Record) -> str:
    """What happened, drafted from the ledger; plain text of at most 2,800 characters."""
    return _within(
        [
            _came_to(frozen, record),
            _how_long(frozen, record),
            _tally(record),
            *_section("Held", (_hold_line(frozen, hold) for hold in record.holds)),
            *_section("Did not pass at first sight", _failures(frozen, record)),
            *_section("Waived", (_waiver_line(frozen, step, order) for step, order in record.waivers.items())),
            *_section("The watch", _watch_lines(record)),
            *_section("Way back", _rollback_lines(frozen, record)),
            *_section("Follow-ups", (f"{role_said(one.owner)}: {one.what}" for one in record.follow_ups)),
        ]
    )


def _within(lines: Iterable[str]) -> str:
    text = "\n".join(_clipped(line) for line in lines).strip()
    return text if len(text) <= LIMIT else text[: LIMIT - 1].rsplit("\n", 1)[0] + "\n…"


def _clipped(line: str) -> str:
    plain = " ".join(line.split())
    return plain if len(plain) <= _LINE else plain[: _LINE - 1] + "…"


def _what(frozen: Frozen) -> list[str]:
    lines = []
    for name, service in frozen.release.services.items():
        back = service.rollback_to.version
        lines.append(f"{name} {back} → {service.version} (`{service.artifact[7:19]}`); the way back is {back}.")
    if frozen.release.commits:
        commits = frozen.release.commits
        by = "" if commits.authors is None else f", by {counted(len(set(commits.authors)), 'author')}"
        lines.append(f"Commits {commits.since} to {commits.until} of {commits.repository}{by}.")
    if frozen.release.migrations:
        lines.append(f"Migrations: {listed(frozen.release.migrations)}.")
    return lines


def _phase_line(planned: PlannedPhase, t0: datetime) -> str:
    when = time_said(planned.at) if planned.at.date() == t0.date() else day_said(planned.at)
    steps = counted(len(planned.phase.steps), "step")
    return f"• {planned.phase.phase} at {when}: {steps}, {_about(planned.phase)}"


def _about(phase: Phase) -> str:
    first = phase.steps[0].title
    return f"{first[0].lower()}{first[1:]}{', …' if len(phase.steps) > 1 else ''}"


def _who(frozen: Frozen, plan: Plan) -> list[str]:
    lines = []
    for planned in (step for phase in plan.phases for step in phase.steps):
        question, does = planned.question, planned.step.does
        if question is None or not isinstance(does, Approval):
            continue
        asked = [f"{count} {role_said(role)}" for role, count in question.roles.items()]
        no = f"; {listed(role_said(role) for role in does.veto)} may say no" if does.veto else ""
        until = f", until {time_said(question.until)}" if question.until else ""
        lines.append(f"{planned.step.title}: {listed(asked)}{until}{no}.")
    if not lines:
        lines.append("Nobody is asked for a go: what the book's checks say decides.")
    on_duty = [person.name for person in frozen.people.people if person.on_duty]
    return [*lines, f"On duty: {listed(on_duty) or 'nobody is named as on duty'}."]


def _may(roles: Iterable[str]) -> str:
    return " or ".join(role_said(role) for role in roles) or "person"


def _by_itself(frozen: Frozen) -> list[str]:
    lines = ["A blocking step that does not pass holds the launch and pages; nobody in time means no-go."]
    if any(phase.turns_back for phase in frozen.runbook.phases):
        lines.append(
            "At T-0 a failed step or a breached limit takes the change back, once, and proves it. "
            "Missing data, or a breach of the old version too, holds and pages instead."
        )
    late = ", ".join(f"{phase.phase} by {length_said(phase.late_by)}" for phase in frozen.runbook.phases)
    return [*lines, f"A phase later than allowed holds and asks ({late})."]


def _held_now(record: Record) -> str:
    if record.held is None:
        return ""
    return record.held.why if isinstance(record.held, ev.Held) else one_line(record.held.reason)


def _came_to(frozen: Frozen, record: Record) -> str:
    if record.closed is not None:
        return record.closed.sentence
    title, traffic = f"*{frozen.created.title}*", first_traffic(frozen, record)
    if record.rollback is not None:
        return f"{title} was rolled back at {time_said(record.rollback.at)}: {record.rollback.why}"
    if traffic is None:
        return f"{title} has changed nothing so far."
    by = approvers(frozen, record)
    return f"{title} has served since {time_said(traffic)}{f', approved by {listed(by)}' if by else ''}."


def _how_long(frozen: Frozen, record: Record) -> str:
    if not record.events:
        return ""
    length = record.events[-1].at - frozen.created.at
    phases = counted(len(record.phases_ended), "phase")
    scale = f", an hour of the countdown in {length_said(frozen.environment.clock.hour)}"
    clock = scale if frozen.environment.clock.compressed else ""
    return f"From its creation at {day_said(frozen.created.at)} it took {length_said(length)}{clock}; {phases} ended."


def _tally(record: Record) -> str:
    outcomes = [state.outcome.verdict for state in record.steps.values() if state.outcome is not None]
    passed = sum(1 for verdict in outcomes if verdict is Verdict.PASS)
    answers = sum(len(ask.answers) for ask in record.asks.values())
    refused = sum(1 for event in record.events if isinstance(event, ev.AnswerRefused))
    return (
        f"{passed} of {counted(len(outcomes), 'step')} passed, {counted(len(record.holds), 'hold')}, "
        f"{counted(len(record.waivers), 'waiver')}, {counted(answers, 'answer')} ({refused} refused)."
    )


def _section(title: str, lines: Iterable[str]) -> list[str]:
    found = list(lines)
    rest = [f"• and {len(found) - _MANY} more"] if len(found) > _MANY else []
    return ["", f"*{title}*", *(f"• {line}" for line in found[:_MANY]), *rest] if found else []


def _hold_line(frozen: Frozen, hold: ev.Held | ev.Ordered) -> str:
    if isinstance(hold, ev.Held):
        return f"{time_said(hold.at)} by tminus: {hold.why}"
    return f"{time_said(hold.at)} by {person_said(frozen, hold.person)}: {one_line(hold.reason) or 'no reason given'}"


def _failures(frozen: Frozen, record: Record) -> list[str]:
    return [
        f"{step.id} {ended.outcome.verdict.value} at {time_said(ended.at)}: {ended.outcome.summary}"
        for step in frozen.runbook.steps()
        if (state := record.steps.get(step.id)) is not None
        for ended in state.history
        if not ended.outcome.verdict.final
    ]


def _waiver_line(frozen: Frozen, step: str, order: ev.Ordered) -> str:
    until = f" until {order.until:%Y-%m-%d}" if order.until else ""
    return f"{step} by {person_said(frozen, order.person)}{until}: {one_line(order.reason)}"


def _watch_lines(record: Record) -> list[str]:
    if record.watch is None:
        return []
    requests = sum(sample.requests for sample in record.samples)
    failed = sum(sample.failed for sample in record.samples)
    seen = f"{counted(len(record.samples), 'sample')}, {failed} of {requests} requests failed"
    decided = record.watch_decided
    return [f"{seen}; {decided.verdict}: {decided.why}" if decided else f"{seen}; {_undecided(record)}"]


def _undecided(record: Record) -> str:
    return f"no verdict: {why}" if (why := cut_short(record)) else "no verdict yet"


def _rollback_lines(frozen: Frozen, record: Record) -> list[str]:
    began, ended = record.rollback, record.rolled_back
    if began is None:
        return []
    by = "tminus" if began.by == "tminus" else person_said(frozen, began.by)
    lines = [f"begun {time_said(began.at)} by {by}: {began.why}"]
    if ended is not None:
        proven = "proven" if ended.proven else "NOT PROVEN"
        lines.append(f"ended {time_said(ended.at)}, {length_said(ended.at - began.at)} later, {proven}: {ended.said}")
    return lines
