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
        """Whether nothing stands in the way."""
        return self.blocking == 0

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
    keys = dict.fromkeys((one.chapter.title, one.section.title) for one in judged)
    return Score(
        counts={str(verdict): number for verdict, number in Counter(one.verdict for one in judged).items()},
        blocking=sum(one.blocks for one in judged),
        claimed=sum(one.line.claimed for one in judged),
        unproven=sum(one.unproven_claim for one in judged),
        sections=tuple(_section(key, [one for one in judged if _key(one) == key]) for key in keys),
    )


def _key(one: Judged) -> tuple[str, str]:
    return one.chapter.title, one.section.title


def _section(key: tuple[str, str], judged: Sequence[Judged]) -> SectionScore:
    green, blocking = sum(one.green for one in judged), sum(one.blocks for one in judged)
    return SectionScore(*key, green=green, lines=len(judged), blocking=blocking)


def sentence(system: str, found: Score) -> str:
    """`vatic is not ready: 212 of 210 lines hold; 41 that block do not …`."""
    named = ", ".join(f"{found.counts[name]} {said}" for name, said in _SAID.items() if found.counts.get(name))
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
