"""A checklist with what judges each line, ready to be written: what was suggested, what people state, what is asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from tminus.importing.marks import to_be_filled_in
from tminus.importing.outline import Outline, OutlineChapter, OutlineLine, OutlineSection
from tminus.importing.questions import question
from tminus.importing.recognizers import recognize
from tminus.importing.seen import Seen, Suggestion
from tminus.importing.slugs import Taken, section_name, slug
from tminus.readiness.book import Holds
from tminus.runbook import Spec


@dataclass(frozen=True)
class DraftLine:
    """One line with what judges it.

    Attributes:
        line: as its author wrote it.
        suggestion: what judges it; without checks a person does.
        role: who states or signs it, where a person does.
        asks: what has to be known about it; "" where nothing is open.
    """

    line: OutlineLine
    suggestion: Suggestion
    role: str
    asks: str

    @property
    def suggested(self) -> bool:
        """Whether a check is suggested for it."""
        return bool(self.suggestion.checks)

    @property
    def signed_off(self) -> bool:
        """Whether it is a yes in the release's sign-off."""
        return self.line.holds is Holds.SIGN_OFFS

    @property
    def placeholder(self) -> bool:
        """Whether something in it is still to be filled in: `[Name]`, `[DATE]`, `$(date)`."""
        return to_be_filled_in(self.line.title)


@dataclass(frozen=True)
class DraftSection:
    """Lines of one sort under one heading.

    Attributes:
        name: unique in the chapter.
    """

    name: str
    title: str
    holds: Holds
    lines: tuple[DraftLine, ...]


@dataclass(frozen=True)
class DraftChapter:
    """One file.

    Attributes:
        name: unique in the system.
        order: its place among the chapters, from 1.
    """

    name: str
    title: str
    order: int
    sections: tuple[DraftSection, ...]

    def lines(self) -> Iterator[DraftLine]:
        """Its lines, in order."""
        for section in self.sections:
            yield from section.lines


def draft(outline: Outline, text: str, file: str, owner: str, kinds: Mapping[str, type[Spec]]) -> list[DraftChapter]:
    """Every chapter with what judges its lines.

    Args:
        outline: the checklist.
        text: the whole file, for which vendors it speaks of.
        file: its name.
        owner: the role that states what nothing else judges.
        kinds: the vocabulary.
    """
    taken, document = Taken(), text.lower()

    def drafted(line: OutlineLine) -> DraftLine:
        seen = Seen(line.title, outline.system, file, line.holds, line.above, line.part, document)
        if line.holds is Holds.SIGN_OFFS:
            return DraftLine(line, Suggestion(), slug(line.title).replace("-", "_").replace("+", "") or owner, "")
        found = recognize(seen, kinds)
        return DraftLine(line, found, owner, question(seen, found))

    return [
        DraftChapter(
            taken.name(_without_number(chapter.name) or f"chapter-{order}"),
            chapter.title,
            order,
            tuple(_sections(chapter, {id(line): drafted(line) for part in chapter.sections for line in part.lines})),
        )
        for order, chapter in enumerate(outline.chapters, start=1)
    ]


def _without_number(name: str) -> str:
    """`1-testing` is the chapter `testing`: its place is said by its order."""
    plain = section_name(name)
    number, _, rest = plain.partition("-")
    return rest if number.isdigit() and rest else plain


def _sections(chapter: OutlineChapter, drafted: Mapping[int, DraftLine]) -> Iterator[DraftSection]:
    taken = Taken()
    for section in chapter.sections:
        for number, (holds, lines) in enumerate(groupby(section.lines, key=lambda line: line.holds)):
            name = _name(section, chapter)
            yield DraftSection(
                taken.name(name if number == 0 else f"{name}-{holds}"),
                section.title if number == 0 else f"{section.title}: {str(holds).replace('-', ' ')}",
                holds,
                tuple(drafted[id(line)] for line in lines),
            )


def _name(section: OutlineSection, chapter: OutlineChapter) -> str:
    if section.name == chapter.name:
        return _without_number(chapter.name) or "lines"
    return section_name(section.name.rpartition("/")[2]) or "lines"
