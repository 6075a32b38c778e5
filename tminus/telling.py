"""One event in one plain line: for logs, and for the report's account of what happened."""

from datetime import timedelta

from tminus import events as ev
from tminus.frozen import Frozen
from tminus.outcome import Outcome
from tminus.paging import paged_said
from tminus.sentence import found_said
from tminus.spoken import counted, day_said, length_said, listed, person_said, role_said, time_said
from tminus.standing import ASKING, UNDONE, mark_of_verdict

_DOES = 120  # characters of an action's own words
_ASKED = {
    "approval": "asked to approve",
    "sign_off": "asked to sign off",
    "acknowledgement": "asked to read",
    "attestation": "asked to state",
}
_SAID = {"approve": "approved", "reject": "said NO to", "acknowledge": "has read", "attest": "stated"}


def event_said(frozen: Frozen, event: ev.Event) -> str | None:  # noqa: C901, PLR0912 - one arm an event reads better
    """What happened, in plain words on one line; None for what only machines need.

    The end itself is not told here: whoever prints events prints the verdict last.
    """
    match event:
        case ev.LaunchCreated():
            said = f"{event.title} created by {person_said(frozen, event.started_by)}; T-0 is {day_said(event.t0)}"
            if event.outside:
                said += f", outside the calendar ({event.outside}), which they override: {event.override_reason}"
        case ev.PhaseScheduled():
            said = f"{event.phase} is scheduled for {time_said(event.due)}"
        case ev.PhaseStarted():
            said = f"{event.phase} begins"
        case ev.PhaseEnded():
            said = f"{event.phase} is over"
        case ev.StepIntended():
            said = f"▸ {event.step} begins: {_clipped(event.does)}"
        case ev.StepEnded():
            said = _step(event.step, event.outcome, again=event.again)
        case ev.UndoEnded():
            said = f"{UNDONE} {event.step}: {event.outcome.summary}"
        case ev.AskOpened():
            who = listed(role_said(role) for role in event.roles)
            said = f"{ASKING.symbol} {event.step}: {_ASKED[event.kind]}: {who}, until {time_said(event.deadline)}"
        case ev.AskEnded():
            said = f"{ASKING.symbol} {event.ask} {event.result}: {event.reason}"
        case ev.Reminded():
            said = f"{ASKING.symbol} {event.ask} is not answered: {_reminded(frozen, event)}"
        case ev.Answered():
            reason = f": {event.reason}" if event.reason else ""
            said = f"{person_said(frozen, event.person)} {_SAID[event.answer]} {event.ask}, by {event.via}{reason}"
        case ev.AnswerRefused():
            said = f"refused: {event.who}, {event.what}, by {event.via}: {event.why}"
        case ev.Ordered():
            said = _order(frozen, event)
        case ev.Held():
            said = f"HELD: {event.why}"
        case ev.WatchBegan():
            said = f"▸ {event.step} watches until {time_said(event.until)}"
        case ev.WatchSampled():
            return _samples(event)
        case ev.WatchDecided():
            said = f"the watch says {event.verdict}: {event.why}"
        case ev.RollbackBegan():
            by = "" if event.by == "tminus" else f" by {person_said(frozen, event.by)}"
            said = f"ROLLING BACK{by}: {event.why}"
        case ev.RollbackEnded():
            said = f"rollback {'proven' if event.proven else 'NOT PROVEN'}: {event.said}"
        case _:
            return _aside(event)
    return " ".join(said.split())


def _reminded(frozen: Frozen, event: ev.Reminded) -> str:
    who = listed(person_said(frozen, person) for person in event.people) or "nobody, since nobody could answer"
    return paged_said(frozen, event) or f"reminded: {who}"


def _clipped(does: str) -> str:
    """What an action is about to do may be a whole difference of files; the ledger keeps all of it."""
    plain = " ".join(does.split())
    return plain if len(plain) <= _DOES else plain[: _DOES - 1] + "…"


def _aside(event: ev.Event) -> str | None:
    match event:
        case ev.FollowUp():
            return f"follow-up for {role_said(event.owner)}: {event.what}"
        case ev.HeadAnchored():
            return f"the record's head #{event.seq} is written down in {event.where}"
        case ev.JournalMerged():
            return f"{counted(len(event.lines), 'line')} of the local journal merged"
        case _:
            return None


def _step(step: str, outcome: Outcome, *, again: bool) -> str:
    took = f" ({length_said(timedelta(milliseconds=outcome.took_ms))})" if outcome.took_ms else ""
    looked = " again" if again else ""
    return f"{mark_of_verdict(outcome.verdict)}{looked} {step}: {found_said(outcome)}{took}"


def _order(frozen: Frozen, event: ev.Ordered) -> str:
    until = f" until {event.until:%Y-%m-%d}" if event.until else ""
    reason = f": {event.reason}" if event.reason else ""
    what = f"{event.order} {event.step}".strip()
    return f"{person_said(frozen, event.person)} ordered {what}{until}, by {event.via}{reason}"


def _samples(event: ev.WatchSampled) -> str | None:
    failed, missing = sum(one.failed for one in event.samples), sum(one.missing for one in event.samples)
    if not failed and not missing:
        return None
    requests = sum(one.requests for one in event.samples)
    gone = f", {missing} missing" if missing else ""
    return f"{counted(len(event.samples), 'sample')}: {failed} of {requests} requests failed{gone}"
