"""What each line comes to: the evidence of its checks, or people's statements, at a moment in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tminus.clock import show_duration
from tminus.outcome import Outcome, Verdict
from tminus.readiness.book import Bound, Chapter, Checklist, Line, Section
from tminus.readiness.standing import CLOCKS_DIFFER, WARN_BEFORE, Standing
from tminus.runbook import Spec
from tminus.spoken import length_said

_WORST_FIRST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.SKIPPED, Verdict.WAIVED, Verdict.PASS)
Evidence = Mapping[str, Sequence[Outcome]]


@dataclass(frozen=True)
class Judged:
    """A line and what it came to.

    Attributes:
        summary: why, in one sentence.
        outcomes: the evidence.
        at_launch: whether the launch observes it, itself or as the line that judges it: then it blocks nothing before.
        until: until when a statement or waiver holds that decided it.
        warning: what will soon be different; "" where nothing will.
    """

    chapter: Chapter
    section: Section
    line: Line
    verdict: Verdict
    summary: str
    outcomes: tuple[Outcome, ...] = ()
    at_launch: bool = False
    until: datetime | None = None
    warning: str = ""

    @property
    def green(self) -> bool:
        """Whether it holds, or was accepted."""
        return self.verdict.final

    @property
    def blocks(self) -> bool:
        """Whether the system is not ready because of it."""
        return self.line.blocking and not self.at_launch and not self.green

    @property
    def unproven_claim(self) -> bool:
        """Whether the checklist's author ticked it and nothing proves it."""
        return self.line.claimed and self.verdict is not Verdict.PASS


def bound_of(checklist: Checklist, line: Line, steps: Mapping[str, Spec]) -> Bound:
    """By what a line is judged; `steps` has what each step of the system's launch does, by its id."""
    judge = checklist.judged_by(line)
    specs = [*judge.checks, *(steps[name] for name in judge.at_launch if name in steps)]
    bounds = {
        str(getattr(spec, "bound", Bound.OBSERVED if hasattr(spec, "verb") else Bound.ATTESTED)) for spec in specs
    }
    return next((one for one in Bound if one in bounds), Bound.ATTESTED)


def judge_lines(
    checklist: Checklist, evidence: Evidence, standing: Standing, at: datetime, only: Section | None = None
) -> list[Judged]:
    """Every line, in the order of the checklist; of one section alone, where `only` names it.

    Args:
        checklist: the lines.
        evidence: ref → the outcomes of its checks, or of its steps at the launch.
        standing: what people said.
        at: the moment for which it is asked; evidence older than a line allows is no pass.
        only: the one section wanted.
    """
    return [
        _waived(
            _judged(checklist, chapter, section, line, evidence, standing, at),
            checklist.judged_by(line).digest,
            standing,
            at,
        )
        for chapter, section in checklist.sections()
        if only is None or section is only
        for line in section.lines
    ]


def _judged(
    checklist: Checklist,
    chapter: Chapter,
    section: Section,
    line: Line,
    evidence: Evidence,
    standing: Standing,
    at: datetime,
) -> Judged:
    judge = checklist.judged_by(line)
    if judge.attestation is not None:
        return _stated(Judged(chapter, section, line, Verdict.FAIL, ""), judge, standing, at)
    outcomes = tuple(evidence.get(judge.ref, ()))
    verdict, summary = _come_to(judge, outcomes, at)
    return Judged(chapter, section, line, verdict, summary, outcomes, at_launch=bool(judge.at_launch))


def _come_to(line: Line, outcomes: Sequence[Outcome], at: datetime) -> tuple[Verdict, str]:
    if not outcomes:
        if line.at_launch:
            return Verdict.SKIPPED, f"the launch observes it ({', '.join(line.at_launch)}), and none ended here yet"
        if line.sign_off:
            return Verdict.FAIL, f"no release was signed off by {line.sign_off.role}; `tminus sign-off` asks"
        return Verdict.UNKNOWN, "not looked at"
    worst = next(one for one in _WORST_FIRST if any(outcome.verdict is one for outcome in outcomes))
    said = "; ".join(dict.fromkeys(outcome.summary for outcome in outcomes if outcome.verdict is worst))
    oldest = min((outcome.at for outcome in outcomes if outcome.at is not None), default=None)
    if any(outcome.at is not None and outcome.at > at + CLOCKS_DIFFER for outcome in outcomes):
        return Verdict.UNKNOWN, "it says that it was seen in the future; are the clocks right?"
    if worst.final and oldest is not None and at - oldest > line.fresh_for:
        age, limit = length_said(at - oldest), show_duration(line.fresh_for)
        return Verdict.UNKNOWN, f"stale: it was seen {age} ago, and evidence counts for {limit}"
    return worst, said


def _stated(judged: Judged, line: Line, standing: Standing, at: datetime) -> Judged:
    wanted = line.attestation
    if wanted is None:
        return judged
    found = standing.attested(line.ref, wanted, at)
    if found is None:
        last = standing.lapsed(line.ref)
        lapsed = f"; the last statement held until {last.until:%Y-%m-%d}" if last else ""
        command = f"`tminus line attest {line.ref} --until DATE --link PROOF --environment FILE --people FILE`"
        return _with(judged, Verdict.FAIL, f"nobody states it as {wanted.role}{lapsed}; {command}")
    until = min(found.until, found.at + wanted.valid_for)
    if until <= at:
        return _with(judged, Verdict.FAIL, f"{found.person}'s statement held until {until:%Y-%m-%d}; state it anew")
    said = f"stated by {found.person} ({found.role}) on {found.at:%Y-%m-%d}: {found.link}"
    return replace(judged, verdict=Verdict.PASS, summary=said, until=until, warning=_soon(until, at))


def _waived(judged: Judged, digest: str, standing: Standing, at: datetime) -> Judged:
    if judged.green or not judged.line.waivable:
        return judged
    found = standing.waived(judged.line.ref, digest, judged.chapter.may_waive, at)
    if found is None:
        return judged
    said = f"accepted by {found.person} ({found.role}) until {found.until:%Y-%m-%d}: {found.reason}; {judged.summary}"
    return replace(judged, verdict=Verdict.WAIVED, summary=said, until=found.until, warning=_soon(found.until, at))


def _with(judged: Judged, verdict: Verdict, summary: str) -> Judged:
    return replace(judged, verdict=verdict, summary=summary)


def _soon(until: datetime, at: datetime) -> str:
    left = until - at
    return f"ends in {left.days} days, on {until:%Y-%m-%d}" if left <= WARN_BEFORE else ""
