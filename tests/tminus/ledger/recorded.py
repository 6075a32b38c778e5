"""Events as a launch's record takes them up, in a few words."""

from collections.abc import Iterator
from datetime import UTC, datetime

from tminus import events as ev
from tminus.ledger.chain import GENESIS, Stored, link
from tminus.outcome import Outcome
from tminus.record import Record

LAUNCH = "tradesense-2-0-0"


AT = datetime(2026, 11, 22, 2, 31, tzinfo=UTC)


def record_of(*events: ev.Event) -> Record:
    """The record of these events."""
    record = Record()
    record.add(stored(*events))
    return record


def stored(*events: ev.Event) -> Iterator[Stored]:
    """These events as a chain."""
    previous = GENESIS
    for seq, event in enumerate(events, start=1):
        body = ev.write(event)
        previous = link(LAUNCH, seq, previous, body)
        yield Stored(LAUNCH, seq, body, previous)


def order(what: ev.Order, step: str = "", until: datetime | None = None) -> ev.Ordered:
    """A person's order."""
    return ev.Ordered(order=what, person="devops-1", via="slack", reason="because", step=step, until=until, at=AT)


def ended(step: str, outcome: Outcome, at: datetime = AT) -> ev.StepEnded:
    """A step's outcome."""
    return ev.StepEnded(step=step, attempt=1, outcome=outcome, at=at)


def intent(step: str, undo: str | None = "back", at: datetime = AT) -> ev.StepIntended:
    """An action that is about to act."""
    way = {"undo": {"to": undo}, "undo_summary": undo} if undo else {}
    return ev.StepIntended(step=step, attempt=1, token=1, deadline=AT, does="x", before="y", at=at, **way)


def asked(digest: str = "d1") -> ev.AskOpened:
    """The go/no-go."""
    return ev.AskOpened(
        ask="go", step="go", kind="approval", roles={"ceo": 1}, text="?", decision_digest=digest,
        evidence_digest="e", deadline=AT,
    )  # fmt: skip


def answered(digest: str = "d1", person: str = "ceo-1") -> ev.Answered:
    """A yes."""
    return ev.Answered(ask="go", person=person, answer="approve", digest=digest, via="slack")


MET = ev.AskEnded(ask="go", result="met", reason="everybody said yes")
