"""A judged checklist, ready to be shown: the verdict first, then what is claimed and not proven, then every line."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from pydantic import BaseModel

from tminus.foreign_text import printable
from tminus.outcome import Outcome, Verdict
from tminus.readiness.first import Fix, what_first
from tminus.readiness.history import History, by_ref
from tminus.readiness.judging import Judged, bound_of
from tminus.readiness.opened import Opened
from tminus.readiness.promises import contradictions
from tminus.readiness.score import Score, score, sentence
from tminus.readiness.standing import Standing
from tminus.standing import FAILED, PASSED, Mark, mark_of_verdict

_TREND = 30  # sweeps shown


class ShownLine(BaseModel, frozen=True):
    """One line, as every format shows it.

    Attributes:
        blocking: whether the book says that the system is not ready while it does not hold.
        blocked: whether it keeps the system from being ready now.
    """

    ref: str
    title: str
    verdict: Verdict
    summary: str
    owner: str
    bound: str
    blocking: bool
    blocked: bool
    claimed: bool
    part: bool
    expected: tuple[str, ...]
    found: tuple[str, ...]
    where: tuple[str, ...]
    details: tuple[str, ...]
    seen: datetime | None
    until: datetime | None
    warning: str
    why: str
    history: History | None = None

    @property
    def mark(self) -> Mark:
        """How its verdict is shown."""
        return mark_of_verdict(self.verdict)

    @property
    def unproven_claim(self) -> bool:
        """Whether it was ticked by the checklist's author, and nothing proves it."""
        return self.claimed and self.verdict is not Verdict.PASS


class ShownSection(BaseModel, frozen=True):
    """A section with its lines."""

    title: str
    holds: str
    lines: tuple[ShownLine, ...]

    @property
    def green(self) -> int:
        """How many hold."""
        return sum(line.verdict.final for line in self.lines)


class ShownChapter(BaseModel, frozen=True):
    """A chapter with its sections."""

    title: str
    sections: tuple[ShownSection, ...]


class Account(BaseModel, frozen=True):
    """A system's readiness, for people.

    Attributes:
        sentence: the verdict.
        unproven: what was ticked and is not proven.
        contradictions: promises of the checklist that cannot all be kept.
        first: what to mend first.
        trend: earlier sweeps: when, lines that hold, lines in all.
        doubtful: what people said and does not count.
    """

    system: str
    environment: str
    at: datetime
    ready: bool
    sentence: str
    counts: dict[str, int]
    claimed: int
    unproven: tuple[ShownLine, ...]
    ending: tuple[ShownLine, ...]
    contradictions: tuple[str, ...]
    first: tuple[Fix, ...]
    trend: tuple[tuple[datetime, int, int], ...]
    doubtful: tuple[str, ...]
    chapters: tuple[ShownChapter, ...]
    digest: str

    @property
    def mark(self) -> Mark:
        """How the verdict is shown."""
        return PASSED if self.ready else FAILED

    @property
    def lines(self) -> int:
        """All lines."""
        return sum(self.counts.values())

    @property
    def green(self) -> int:
        """Lines that hold or were accepted."""
        return sum(number for verdict, number in self.counts.items() if Verdict(verdict).final)


def account(
    opened: Opened,
    judged: list[Judged],
    standing: Standing,
    at: datetime,
    histories: Mapping[str, History] | None = None,
) -> Account:
    """Draws up the account of what was judged; `histories` has how each line's number went, by its ref."""
    found = score(judged)
    shown = {one.line.ref: _line(opened, one, histories or {}) for one in judged}
    return Account(
        system=opened.checklist.system,
        environment=opened.environment.environment,
        at=at,
        ready=found.ready,
        sentence=sentence(opened.checklist.system, found),
        counts=found.counts,
        claimed=found.claimed,
        unproven=tuple(line for line in shown.values() if line.unproven_claim),
        ending=tuple(line for line in shown.values() if line.warning),
        contradictions=tuple(f"{one.why} ({', '.join(one.refs)})" for one in contradictions(opened.checklist)),
        first=tuple(replace(fix, what=printable(fix.what)) for fix in what_first(judged)),
        trend=_trend(standing, found, at),
        doubtful=standing.doubtful(at),
        chapters=_chapters(opened, shown),
        digest=opened.digest,
    )


def _trend(standing: Standing, found: Score, at: datetime) -> tuple[tuple[datetime, int, int], ...]:
    whole = [ended for ended in standing.sweeps if not ended.sections][-_TREND:]
    past = [
        (ended.at, ended.counts.get("pass", 0) + ended.counts.get("waived", 0), sum(ended.counts.values()))
        for ended in whole
    ]
    return tuple(past) or ((at, found.green, found.lines),)


def _chapters(opened: Opened, shown: dict[str, ShownLine]) -> tuple[ShownChapter, ...]:
    return tuple(
        ShownChapter(
            title=chapter.title,
            sections=tuple(
                ShownSection(
                    title=section.title,
                    holds=section.holds,
                    lines=tuple(shown[line.ref] for line in section.lines if line.ref in shown),
                )
                for section in chapter.sections
            ),
        )
        for chapter in opened.checklist.chapters
    )


def _line(opened: Opened, one: Judged, histories: Mapping[str, History]) -> ShownLine:
    outcomes = one.outcomes
    return ShownLine(
        ref=one.line.ref,
        title=one.line.title,
        verdict=one.verdict,
        summary=printable(one.summary),
        owner=one.line.owner,
        bound=bound_of(opened.checklist, one.line, opened.steps),
        blocking=one.line.blocking,
        blocked=one.blocks,
        claimed=one.line.claimed,
        part=one.line.part,
        expected=tuple(f"{name} {wanted}" for outcome in outcomes for name, wanted in outcome.expected.items()),
        found=tuple(
            printable(str(measured))
            for outcome in outcomes
            for measured in outcome.found
            if _wanted(outcome, measured.name)
        ),
        where=tuple(dict.fromkeys(printable(outcome.where) for outcome in outcomes if outcome.where)),
        details=tuple(printable(detail) for outcome in outcomes for detail in outcome.details),
        seen=min((outcome.at for outcome in outcomes if outcome.at is not None), default=None),
        until=one.until,
        warning=one.warning,
        why=one.line.why,
        history=by_ref(histories, opened.checklist.judged_by(one.line).ref),
    )


def _wanted(outcome: Outcome, name: str) -> bool:
    return name in outcome.expected
