"""When recurring lines are due again: a period after they last held."""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tminus import events as ev
from tminus.outcome import Verdict
from tminus.readiness.book import Checklist, Every, Line
from tminus.readiness.judging import Judged
from tminus.readiness.standing import Standing

DUE_BEFORE = timedelta(days=3)
"""So long before its date a line is said to be due."""
_MONTHS: Mapping[Every, int] = {"month": 1, "quarter": 3}
_YEAR = 12


class DueState(StrEnum):
    """Where a recurring line stands."""

    DONE = "done"
    DUE = "due"
    OVERDUE = "overdue"
    NEVER = "never"


@dataclass(frozen=True)
class Recurring:
    """A recurring line, and when it is due.

    Attributes:
        judge: the line whose evidence judges it: itself, or the one it is the same as.
        held: when it last held; None where it never did.
        due: when it is due again.
    """

    judged: Judged
    judge: Line
    every: Every
    held: datetime | None
    due: datetime
    state: DueState

    @property
    def line(self) -> Line:
        """The line."""
        return self.judged.line

    @property
    def said(self) -> str:
        """`done until 2026-12-01`, and so on."""
        day = f"{self.due:%Y-%m-%d}"
        never = "never done, " if self.held is None else ""
        match self.state:
            case DueState.DONE:
                return f"done until {day}"
            case DueState.DUE:
                return f"{never}due within {DUE_BEFORE.days} days, on {day}"
            case DueState.OVERDUE:
                return f"{never}overdue since {day}"
            case DueState.NEVER:
                return f"never done; overdue from {day}"

    def told(self) -> ev.ReviewLine:
        """As the ledger has it; of a line that is done there is nothing to tell."""
        state = self.state
        if state is DueState.DONE:
            raise ValueError(f"{self.line.ref} is done")
        return ev.ReviewLine(
            ref=self.line.ref, owner=self.line.owner, state=state.value, due=self.due, digest=self.judge.digest
        )


def after(every: Every, at: datetime) -> datetime:
    """A period after a moment: seven days, or the same day one or three months on, at most the month's last."""
    if every == "week":
        return at + timedelta(days=7)
    months = at.month - 1 + _MONTHS[every]
    year, month = at.year + months // _YEAR, months % _YEAR + 1
    return at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1]))


def recurring(
    checklist: Checklist,
    judged: Sequence[Judged],
    held: Mapping[str, datetime],
    told: Sequence[ev.ReviewsTold],
    at: datetime,
) -> list[Recurring]:
    """Every line of a section that recurs, in the order of the checklist.

    A line that never held is overdue a period after it was first told as what the book asks now; what somebody
    accepted, signed, is not due before that ends.

    Args:
        checklist: all lines.
        judged: those that are asked about, as they stand now.
        held: ref → when the line last held; nothing of those that never did.
        told: what people were told before, the earliest first.
        at: the moment for which it is asked.
    """
    first: dict[tuple[str, str], datetime] = {}
    for one in told:
        for line in one.lines:
            first.setdefault((line.ref, line.digest), one.at)
    return [
        _recurring(one, judge, every, held.get(one.line.ref), first.get((one.line.ref, judge.digest), at), at)
        for one in judged
        if (every := one.section.every) is not None and (judge := checklist.judged_by(one.line))
    ]


def _recurring(
    judged: Judged, judge: Line, every: Every, held: datetime | None, first: datetime, at: datetime
) -> Recurring:
    due = after(every, held or first)
    accepted = judged.until if judged.verdict is Verdict.WAIVED else None
    if accepted is not None and accepted > due:
        due = accepted
    if due <= at:
        state = DueState.OVERDUE
    elif held is None and accepted is None:
        state = DueState.NEVER
    else:
        state = DueState.DUE if due - at <= DUE_BEFORE else DueState.DONE
    return Recurring(judged, judge, every, held, due, state)


def last_stated(checklist: Checklist, judged: Sequence[Judged], standing: Standing) -> dict[str, datetime]:
    """Ref → when the line was last stated, or came to a pass by what a launch or a sign-off says."""
    found: dict[str, datetime] = {}
    for one in judged:
        judge = checklist.judged_by(one.line)
        wanted, said = judge.attestation, standing.lapsed(judge.ref)
        if said is not None and wanted is not None and (said.role, said.statement) == (wanted.role, wanted.statement):
            found[one.line.ref] = said.at
        elif one.verdict is Verdict.PASS and (times := [seen.at for seen in one.outcomes if seen.at is not None]):
            found[one.line.ref] = min(times)
    return found
