"""From a Markdown text to the outline of a checklist: headings become chapters and sections, entries become lines."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import PurePath

from tminus.errors import UsageError
from tminus.importing.blocks import Block, Code, Document, Heading, Listed, Paragraph, Table, read
from tminus.importing.bounded import without_front_matter
from tminus.importing.bullets import note_block, take_list, take_paragraph
from tminus.importing.command_lines import take_code
from tminus.importing.marks import box
from tminus.importing.outline import NotUnderstood, Outline, OutlineChapter, OutlineLine, OutlineSection
from tminus.importing.place import Place
from tminus.importing.plain_text import LONGEST, plain
from tminus.importing.slugs import Taken, slug, system_of, without_state
from tminus.importing.tables import take_table
from tminus.importing.topics import is_front, topic

MOST_ITEMS = 5_000
_REVIEW = "Review"


@dataclass
class _Stretch:
    """What stands under one heading, up to the next.

    Attributes:
        chapter: the chapter's heading; "" before the first.
        below: the headings under it, the nearest last.
    """

    chapter: str
    below: tuple[str, ...]
    chapter_number: int
    blocks: list[Block] = field(default_factory=list)


def outline(text: str, file: str, system: str = "") -> Outline:
    """The outline of a Markdown text that `text_of` returned.

    Args:
        text: the file's text.
        file: the file's name, from which the system is guessed where the title does not tell.
        system: the first part of each ref; guessed where it is empty.

    Raises UsageError where it holds no line at all, or more than 5,000.
    """
    name = PurePath(file).stem
    body, front = without_front_matter(text)
    document = read(body)
    said = partial(plain, references=document.references)
    title, stretches = _stretches(document, said)
    boxed = any(_has_box(block) for block in document.blocks)
    places = [(one, _taken(one, boxed=boxed, said=said)) for one in stretches]
    _bounded(sum(len(place.lines) + len(place.reviews) for _, place in places), file)
    notes = [note for _, place in places for note in place.notes]
    notes += [NotUnderstood(line, "what is nested too deep to be read") for line in document.lost]
    notes += [NotUnderstood(1, f"front matter of {front} lines")] if front else []
    found = system or system_of(title or _first_title(document, said), name)
    return Outline(found, title, tuple(_chapters(found, title or name, places)), tuple(sorted(notes, key=_by_line)))


def _first_title(document: Document, said: "partial[str]") -> str:
    """The first heading of a file that has several of the highest level, where it says that it is a checklist's."""
    first = next((said(one.text[:LONGEST]) for one in document.blocks if isinstance(one, Heading)), "")
    return first if re.search(r"checklist|readiness", first, re.IGNORECASE) else ""


def _by_line(note: NotUnderstood) -> int:
    return note.line


def _bounded(lines: int, file: str) -> None:
    if lines == 0:
        raise UsageError(
            f"{file} holds nothing that looks like a line of a checklist: no `- [ ] …`, no numbered list, "
            "no table with items, no metric. Write each line as `- [ ] what must hold`"
        )
    if lines > MOST_ITEMS:
        raise UsageError(
            f"{file} holds {lines:,} lines of a checklist; {MOST_ITEMS:,} are the most. Split it by chapter"
        )


def _stretches(document: Document, said: "partial[str]") -> tuple[str, list[_Stretch]]:
    """The document's title, and what stands under each heading."""
    title, level = _levels(document, said)
    stretches = [_Stretch("", (), 0)]
    open_: list[tuple[int, str]] = []
    skipped_title = not title
    for block in document.blocks:
        if not isinstance(block, Heading):
            stretches[-1].blocks.append(block)
            continue
        if not skipped_title and block.level < level:
            skipped_title = True
            continue
        heading = said(block.text[:LONGEST])
        open_ = [*((depth, one) for depth, one in open_ if depth < block.level), (block.level, heading)]
        number = stretches[-1].chapter_number + (len(open_) == 1)
        stretches.append(_Stretch(open_[0][1], tuple(one for _, one in open_[1:]), number))
    return title, stretches


def _levels(document: Document, said: "partial[str]") -> tuple[str, int]:
    """The title, where the first heading alone has its level and others stand under it; and the chapters' level."""
    headings = [block for block in document.blocks if isinstance(block, Heading)]
    if not headings:
        return "", 1
    first, rest = headings[0], headings[1:]
    under = [heading.level for heading in rest]
    if rest and min(under) > first.level:
        return said(first.text[:LONGEST]), min(under)
    return "" if rest else said(first.text[:LONGEST]), min(first.level, *under, 6)


def _has_box(block: Block) -> bool:
    if not isinstance(block, Listed):
        return False
    return any(
        any(_has_box(one) for one in item.inside)
        or (bool(item.inside) and isinstance(item.inside[0], Paragraph) and box(item.inside[0].text) is not None)
        for item in block.items
    )


def _taken(stretch: _Stretch, *, boxed: bool, said: "partial[str]") -> Place:
    headings = tuple(one for one in (stretch.chapter, *stretch.below) if one)
    place = Place(headings, topic(headings), is_front(headings), boxed, said)
    for block in stretch.blocks:
        match block:
            case Listed():
                take_list(place, block)
            case Paragraph():
                take_paragraph(place, block)
            case Table():
                take_table(place, block)
            case Code():
                take_code(place, block)
            case _:
                note_block(place, block)
    return place


def _chapters(system: str, title: str, places: Sequence[tuple[_Stretch, Place]]) -> Iterator[OutlineChapter]:
    """The chapters that have lines, in the order of the file; what is about reviews has one where the first stands."""
    taken, reviews = Taken(), [line for _, place in places for line in place.reviews]
    for number, own in groupby(places, key=lambda one: one[0].chapter_number):
        yield from _chapter(system, title, number, list(own), taken, reviews)


def _chapter(
    system: str,
    title: str,
    number: int,
    own: Sequence[tuple[_Stretch, Place]],
    taken: Taken,
    reviews: list[OutlineLine],
) -> Iterator[OutlineChapter]:
    """One chapter where it has lines, and after it that of the reviews, where this chapter is the first with any."""
    heading = own[0][0].chapter or title
    if any(place.lines for _, place in own):
        name = taken.name(slug(heading) or f"chapter-{number or 1}")
        yield OutlineChapter(without_state(heading), name, tuple(_sections(system, name, own, heading)))
    if reviews and any(place.reviews for _, place in own):
        name = taken.name(slug(_REVIEW))
        yield OutlineChapter(_REVIEW, name, (OutlineSection(_REVIEW, name, tuple(_placed(system, name, reviews))),))
        reviews.clear()


def _sections(
    system: str, chapter: str, own: Sequence[tuple[_Stretch, Place]], heading: str
) -> Iterator[OutlineSection]:
    taken = Taken()
    for number, (stretch, place) in enumerate(own):
        if not place.lines:
            continue
        part = taken.name(slug(" ".join(stretch.below)) or f"section-{number}") if stretch.below else ""
        below = " / ".join(map(without_state, stretch.below)).strip(" /")
        title = (below if stretch.below else without_state(heading)) or part or chapter
        for nth, (holds, lines) in enumerate(groupby(place.lines, key=lambda line: line.holds)):
            inside = part if nth == 0 else taken.name("-".join(one for one in (part, holds) if one))
            name = f"{chapter}/{inside}" if inside else chapter
            said = title if nth == 0 else f"{title}: {str(holds).replace('-', ' ')}"
            yield OutlineSection(said, name, tuple(_placed(system, name, list(lines))))


def _placed(system: str, name: str, lines: Sequence[OutlineLine]) -> Iterator[OutlineLine]:
    for number, line in enumerate(lines, start=1):
        yield replace(line, ref=f"{system}/{name}/{number}")
