"""Who decided what and when, what did not count, and who is awaited."""

from datetime import datetime

from tminus import asking
from tminus import events as ev
from tminus.frozen import Frozen
from tminus.headline import awaited
from tminus.record import AskState, Record
from tminus.report.model import AnswerReport, AwaitedReport, DecisionReport, OrderReport, RefusalReport, SeatReport
from tminus.report.steps import shown
from tminus.report.watch_model import Shown
from tminus.spoken import person_said, role_said
from tminus.standing import ASKING, FAILED, PASSED, UNKNOWN, Mark

_ENDS = {
    "met": Mark("✓", "met", "good"),
    "rejected": Mark("✗", "rejected", "bad"),
    "expired": Mark("?", "expired", "warn"),
    "withdrawn": Mark("-", "withdrawn", "quiet"),
}
_KINDS = {
    "approval": "approval",
    "acknowledgement": "acknowledgement",
    "sign_off": "sign-off",
    "attestation": "attestation",
}
_VERBS = {"approve": "approved", "reject": "rejected", "acknowledge": "has read it", "attest": "stated it"}


def decisions(frozen: Frozen, record: Record) -> tuple[DecisionReport, ...]:
    """Every question that was asked, in the order of the asking."""
    return tuple(_decision(frozen, record, ask) for ask in record.asks.values())


def _decision(frozen: Frozen, record: Record, ask: AskState) -> DecisionReport:
    opened, ended = ask.opened, ask.ended
    step = frozen.runbook.step(opened.step)
    filled = asking.judge(ask, frozen.people).seating.filled
    counting = asking.standing(ask, frozen.people)
    return DecisionReport(
        step=opened.step,
        title=step.title if step else opened.text,
        kind=_KINDS[opened.kind],
        opened=_first_asked(record, opened),
        deadline=opened.deadline,
        ended=ended.at if ended else None,
        mark=_mark(record, ended),
        reason=ended.reason if ended else "",
        digest=opened.decision_digest,
        seats=tuple(
            SeatReport(
                role=role_said(role),
                wanted=wanted,
                people=tuple(person_said(frozen, person) for person in filled.get(role, ())),
            )
            for role, wanted in opened.roles.items()
        ),
        answers=tuple(_answer(frozen, answer, answer in counting) for answer in ask.answers),
    )


def _first_asked(record: Record, opened: ev.AskOpened) -> ev.Time:
    """A question whose digest changed is asked again; it was opened when it was asked first."""
    return next((e.at for e in record.events if isinstance(e, ev.AskOpened) and e.ask == opened.ask), opened.at)


def _mark(record: Record, ended: ev.AskEnded | None) -> Shown:
    if ended is not None:
        return shown(_ENDS[ended.result])
    return shown(ASKING if record.closed is None else Mark(UNKNOWN.symbol, "left open", "warn"))


def _answer(frozen: Frozen, answer: ev.Answered, counts: bool) -> AnswerReport:
    said = _VERBS[answer.answer]
    mark = FAILED if answer.answer == "reject" else PASSED
    return AnswerReport(
        at=answer.at,
        who=person_said(frozen, answer.person),
        said=said,
        mark=Shown(symbol=mark.symbol, word=said, tone=mark.tone),
        via=answer.via,
        reason=answer.reason,
        link=answer.link,
        counts=counts,
    )


def orders(frozen: Frozen, record: Record) -> tuple[OrderReport, ...]:
    """What people ordered, and where tminus itself held the launch."""
    found = []
    for event in record.events:
        if isinstance(event, ev.Ordered):
            until = f" until {event.until:%Y-%m-%d}" if event.until else ""
            what = f"{event.order} {event.step}".strip() + until
            who = person_said(frozen, event.person)
            found.append(OrderReport(at=event.at, who=who, what=what, why=event.reason, via=event.via))
        elif isinstance(event, ev.Held):
            what = f"hold {event.step}".strip()
            found.append(OrderReport(at=event.at, who="tminus", what=what, why=event.why, via=""))
    return tuple(found)


def refusals(frozen: Frozen, record: Record) -> tuple[RefusalReport, ...]:
    """What looked like an answer or a command and did not count."""
    return tuple(
        RefusalReport(at=event.at, who=person_said(frozen, event.who), what=event.what, why=event.why, via=event.via)
        for event in record.events
        if isinstance(event, ev.AnswerRefused)
    )


def all_awaited(frozen: Frozen, record: Record, at: datetime) -> tuple[AwaitedReport, ...]:
    """Everybody the launch waits for at the time `at`."""
    return tuple(AwaitedReport(who=one.who, what=one.what, how=one.how) for one in awaited(frozen, record, at))
