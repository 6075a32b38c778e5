"""A checklist as its author wrote it: chapters of sections of lines, before anything is judged."""

from collections.abc import Iterator
from dataclasses import dataclass

from tminus.readiness.book import Holds


@dataclass(frozen=True)
class OutlineLine:
    """One line.

    Attributes:
        line: where it stands in the file, 1-based.
        title: as its author wrote it, as plain text.
        holds: what sort of line it is.
        claimed: whether its author ticked it.
        part: whether it stands under the line before.
        above: the texts that it stands under, the nearest last.
        ref: `system/chapter/section/number`.
    """

    line: int
    title: str
    holds: Holds = Holds.BOXES
    claimed: bool = False
    part: bool = False
    above: tuple[str, ...] = ()
    ref: str = ""


@dataclass(frozen=True)
class OutlineSection:
    """Lines under one heading.

    Attributes:
        name: its place in the refs of its lines, `chapter/section`; the chapter's alone where there is no such heading.
    """

    title: str
    name: str
    lines: tuple[OutlineLine, ...]


@dataclass(frozen=True)
class OutlineChapter:
    """A chapter.

    Attributes:
        name: its place in refs.
    """

    title: str
    name: str
    sections: tuple[OutlineSection, ...]


@dataclass(frozen=True)
class NotUnderstood:
    """Something in the file that became no line.

    Attributes:
        line: where it begins, 1-based.
        what: what it is, in a word or two.
        excerpt: how it begins.
    """

    line: int
    what: str
    excerpt: str = ""


@dataclass(frozen=True)
class Outline:
    """A whole file.

    Attributes:
        system: the first part of each ref.
        title: the document's own; "" where it has none.
    """

    system: str
    title: str
    chapters: tuple[OutlineChapter, ...]
    not_understood: tuple[NotUnderstood, ...]

    def lines(self) -> Iterator[OutlineLine]:
        """Every line, in the order of the file but for those about the checklist's own review, which stand together."""
        for chapter in self.chapters:
            for section in chapter.sections:
                yield from section.lines
