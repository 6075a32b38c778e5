"""A system's readiness in numbers and in one sentence."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tminus.outcome import Verdict
from tminus.readiness.judging import Judged


@dataclass(frozen=True)
class SectionScore:
    """How many of a section's lines hold."""

    chapter: str
    section: str
    green: int
    lines: int
    blocking: int


@dataclass(frozen=True)
class Score:
    """How a checklist stands.

    Attributes:
        counts: verdict → lines.
        blocking: lines that keep the system from being ready.
        unproven: claimed lines that nothing proves.
    """

    counts: dict[str, int]
    blocking: int
    claimed: int
    unproven: int
    sections: tuple[SectionScore, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing stands in the way; of nothing at all that cannot be said."""
        return self.blocking == 0 and self.lines > 0

    @property
    def green(self) -> int:
        """Lines that hold or were accepted."""
        return self.counts.get(Verdict.PASS, 0) + self.counts.get(Verdict.WAIVED, 0)

    @property
    def lines(self) -> int:
        """All lines."""
        return sum(self.counts.values())


def score(judged: Sequence[Judged]) -> Score:
    """The numbers of a judged checklist."""
    sections: dict[tuple[str, str, str], list[Judged]] = {}
    for one in judged:
        sections.setdefault((one.chapter.title, one.section.title, one.section.place), []).append(one)
    return Score(
        counts={str(verdict): number for verdict, number in Counter(one.verdict for one in judged).items()},
        blocking=sum(one.blocks for one in judged),
        claimed=sum(one.line.claimed for one in judged),
        unproven=sum(one.unproven_claim for one in judged),
        sections=tuple(_section(chapter, section, lines) for (chapter, section, _), lines in sections.items()),
    )


def _section(chapter: str, section: str, judged: Sequence[Judged]) -> SectionScore:
    green, blocking = sum(one.green for one in judged), sum(one.blocks for one in judged)
    return SectionScore(chapter, section, green=green, lines=len(judged), blocking=blocking)


def sentence(system: str, found: Score, sections: Sequence[str] = ()) -> str:
    """`vatic is not ready: 3 lines block, 233 of 236 hold (…)`; of some sections it says nothing of the system."""
    named = ", ".join(f"{found.counts[name]} {said}" for name, said in _SAID.items() if found.counts.get(name))
    if sections:
        return f"{', '.join(sections)} of {system}: {found.green} of {found.lines} lines hold ({named})"
    if found.ready:
        return f"{system} is ready: {found.green} of {found.lines} lines hold ({named})"
    return f"{system} is not ready: {found.blocking} lines block, {found.green} of {found.lines} hold ({named})"


_SAID = {
    "pass": "pass",
    "waived": "waived",
    "fail": "fail",
    "unknown": "unknown",
    "skipped": "skipped",
}
