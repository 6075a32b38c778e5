"""By what each line of the checklists is judged: the list that `tminus coverage` prints."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from tminus.readiness.book import Bound, Checklist, Holds, Line
from tminus.readiness.judging import bound_of
from tminus.readiness.source import load_checklist, steps_beside
from tminus.runbook import Spec


class Covered(BaseModel, frozen=True):
    """One line: by what it is judged, and the kinds that judge it."""

    ref: str
    title: str
    bound: Bound
    check: str
    holds: Holds
    claimed: bool


def coverage(folders: Sequence[Path], kinds: Mapping[str, type[Spec]]) -> list[Covered]:
    """Every line of every system, in order. Raises BookError, UsageError."""
    return [line for folder in folders for line in _of(load_checklist(folder, kinds), steps_beside(folder, kinds))]


def _of(checklist: Checklist, steps: Mapping[str, Spec]) -> list[Covered]:
    return [
        Covered(
            ref=line.ref,
            title=line.title,
            bound=bound_of(checklist, line, steps),
            check=_judged_by(checklist, line, steps),
            holds=section.holds,
            claimed=line.claimed,
        )
        for _, section in checklist.sections()
        for line in section.lines
    ]


def _judged_by(checklist: Checklist, line: Line, steps: Mapping[str, Spec]) -> str:
    judge = checklist.judged_by(line)
    if judge.attestation is not None:
        return f"attestation by {judge.attestation.role}"
    if judge.sign_off is not None:
        return f"sign-off by {judge.sign_off.role}"
    kinds = [spec.kind for spec in judge.checks] or [steps[name].kind for name in judge.at_launch]
    said = ", ".join(dict.fromkeys(kinds))
    return said if judge is line else f"{said} (of {judge.ref})"


def shares(covered: Sequence[Covered], holds: Holds | None = None) -> dict[Bound, tuple[int, int]]:
    """Bound → how many lines of how many; of one sort of lines only where `holds` names it."""
    lines = [line for line in covered if holds is None or line.holds is holds]
    counts = Counter(line.bound for line in lines)
    return {bound: (counts[bound], len(lines)) for bound in Bound}
