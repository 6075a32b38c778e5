"""A launch's end in one sentence, and a phase's evidence as a table's rows."""

from datetime import datetime

from tminus import asking
from tminus import events as ev
from tminus.frozen import Frozen
from tminus.outcome import Outcome, Verdict
from tminus.record import Record
from tminus.runbook import Phase, Step
from tminus.spoken import counted, length_said, listed, person_said, role_said, time_said
from tminus.standing import current_phase, mark_of

_PAST = {Verdict.FAIL: "failed", Verdict.UNKNOWN: "could not be observed", Verdict.SKIPPED: "was skipped"}
_CELL = 160  # characters of a table's cell that are still read
_REASON = 240  # characters of a reason that are still read in a sentence


def closing_sentence(frozen: Frozen, record: Record, result: ev.Result, why: str) -> str:
    """How the launch ended: what, when, by whom, why, and what state things are in.

    Args:
        frozen: what was launched.
        record: what happened, up to the end.
        result: how it ends.
        why: the reason, as whatever ended it gave it.
    """
    title, stands = frozen.created.title, what_stands(frozen, record)
    at = f"{title} at {current_phase(frozen, record).phase}"
    match result:
        case "launched":
            return f"GO {title} launched {_launched(frozen, record)}."
        case "no-go":
            return f"NO-GO {at}: {reason_said(frozen, record, why)}; {stands}."
        case "scrubbed":
            return f"SCRUBBED {at} {_by_whom(frozen, record, why)}; {stands}."
        case "held":
            return f"HELD {at}{_since(record)}: {_held(frozen, record, why)}"
        case "rolled back":
            return f"ROLLED BACK {title}{_rollback(frozen, record, why)}"


def first_traffic(frozen: Frozen, record: Record) -> datetime | None:
    """When the new version met its first customers: the end of the last change at T-0; None before that."""
    at_zero = {step.id for phase in frozen.runbook.phases if phase.turns_back for step in phase.steps}
    changes = [state for state in record.steps.values() if state.changed and state.step in at_zero]
    if not changes:
        return None
    last = max(changes, key=lambda state: state.undo.at if state.undo else frozen.created.t0)
    return next((ended.at for ended in last.history if ended.outcome.verdict is Verdict.PASS), None)


def cut_short(record: Record) -> str:
    """What ended the watch before it had decided; "" where it decided, still runs, or was never there."""
    if record.watch is None or record.watch_decided is not None:
        return ""
    if record.rollback is not None:
        return f"the way back began at {time_said(record.rollback.at)}, before the watch had decided"
    ended = record.closed
    return f"the launch ended at {time_said(ended.at)}, before the watch had decided" if ended else ""


def approvers(frozen: Frozen, record: Record) -> list[str]:
    """The roles whose approval let the launch go, in the book's order."""
    roles: dict[str, None] = {}
    for ask in record.asks.values():
        if ask.opened.kind == "approval" and ask.ended is not None and ask.ended.result == "met":
            seated = asking.judge(ask, frozen.people).seating.filled
            roles.update(dict.fromkeys(role_said(role) for role, people in seated.items() if people))
    return list(roles)


def _launched(frozen: Frozen, record: Record) -> str:
    at = time_said(first_traffic(frozen, record) or frozen.created.t0)
    by = approvers(frozen, record)
    approved = f", approved by {listed(by)}" if by else ""
    waived = f", with {counted(len(record.waivers), 'waived step')}" if record.waivers else ""
    return f"at {at}{approved}{waived}"


def reason_said(frozen: Frozen, record: Record, why: str) -> str:
    """Why a launch is held or over: the step or the person, without what `Awaited` says better."""
    hold = next((one for one in reversed(record.holding) if hold_said(one) == why), None)
    if isinstance(hold, ev.Held) and hold.step:
        step, outcome = frozen.runbook.step(hold.step), record.step(hold.step).outcome
        if step is not None and outcome is not None:
            return f"{step.id} {_PAST.get(outcome.verdict, '')}: {gist(outcome.summary)} ({role_said(step.owner)})"
    if isinstance(hold, ev.Ordered):
        return f"held by {person_said(frozen, hold.person)}: {gist(hold.reason) or 'no reason given'}"
    for ask in record.asks.values():
        if ask.opened.kind == "approval" and not ask.voided and ask.ended is not None and ask.ended.result != "met":
            return gist(ask.ended.reason)
    return gist(why)


def hold_said(hold: ev.Held | ev.Ordered) -> str:
    """Why a hold holds, as whatever ends by it gives the reason."""
    return hold.why if isinstance(hold, ev.Held) else f"held by {hold.person}: {hold.reason or 'no reason given'}"


def gist(text: str) -> str:
    """A reason as part of a sentence: on one line, without its full stop, and without its middle where it is long.

    A failed command begins with a whole command line and ends with what it came to; the record keeps all of it.
    """
    plain = " ".join(text.split()).rstrip(".")
    if len(plain) <= _REASON:
        return plain
    begins, end = plain[: _REASON // 3].rpartition(" "), plain[-_REASON * 2 // 3 :].partition(" ")
    return f"{begins[0] or begins[2]} … {end[2] or end[0]}"


def what_stands(frozen: Frozen, record: Record) -> str:
    """What state things are in: what was changed and not taken back, and whether customers meet the new version."""
    done = [state.step for state in record.steps.values() if state.wants_undo and state.changed]
    if not done:
        return "nothing was changed" if record.rollback is None else "what was changed was taken back"
    stand = f"{listed(done)} {'was' if len(done) == 1 else 'were'} begun and not taken back"
    return f"the new version serves customers; {stand}" if first_traffic(frozen, record) else stand


def _by_whom(frozen: Frozen, record: Record, why: str) -> str:
    order = record.scrubbed
    if order is None:
        return f"because of {gist(why)}"
    return f"by {person_said(frozen, order.person)}: {gist(order.reason) or 'no reason given'}"


def _since(record: Record) -> str:
    return f" since {time_said(record.held.at)}" if record.held is not None else ""


def _held(frozen: Frozen, record: Record, why: str) -> str:
    if record.rolled_back is not None and not record.rolled_back.proven:
        return f"{gist(why)}; somebody must look at what serves now."
    return f"{reason_said(frozen, record, why)}; {what_stands(frozen, record)}."


def _rollback(frozen: Frozen, record: Record, why: str) -> str:
    began, ended = record.rollback, record.rolled_back
    when = f" at {time_said(began.at)}" if began else ""
    by = f" by {person_said(frozen, began.by)}" if began and began.by != "tminus" else ""
    took = f" in {length_said(ended.at - began.at)}" if began and ended and ended.proven else ""
    reason = gist(began.why if began else why) or "no reason given"
    if ended is not None and ended.proven:
        return f"{when}{by}{took}: {reason}; the old version serves again (proven)."
    said = gist(ended.said) if ended else "it was not finished"
    return f"{when}{by}: {reason}; NOT PROVEN: {said}."


def evidence_rows(frozen: Frozen, record: Record, phase: Phase) -> list[dict[str, str]]:
    """A phase's steps as rows of short strings: step, title, verdict, expected, found, when, owner."""
    return [_row(record, step) for step in phase.steps if frozen.runbook.step(step.id)]


def _row(record: Record, step: Step) -> dict[str, str]:
    state = record.steps.get(step.id)
    outcome = state.outcome if state else None
    at = (outcome.at if outcome else None) or (state.ended if state else None)
    return {
        "step": step.id,
        "title": _short(step.title),
        "verdict": str(mark_of(record, step.id)),
        "expected": _short(expected_said(outcome)),
        "found": _short(found_said(outcome)),
        "when": time_said(at) if at else "",
        "owner": role_said(step.owner),
    }


def expected_said(outcome: Outcome | None) -> str:
    """`p95 < 200 ms, healthy = all`."""
    return ", ".join(f"{name} {limit}" for name, limit in outcome.expected.items()) if outcome else ""


def found_said(outcome: Outcome | None) -> str:
    """The summary, which says what was found; the measurements where it says nothing."""
    if outcome is None:
        return ""
    return outcome.summary or ", ".join(str(measurement) for measurement in outcome.found)


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _CELL else plain[: _CELL - 1] + "…"
