"""One section of a file while it is read: its headings, and what gathers from it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tminus.importing.outline import NotUnderstood, OutlineLine
from tminus.importing.plain_text import LONGEST
from tminus.readiness.book import Holds

_EXCERPT = 60  # characters
_REVIEW = re.compile(
    r"^(last updated?|last review(?:ed)?|next review(?: date)?|review date)\b[^:]{0,20}:", re.IGNORECASE
)
_DATED = re.compile(r"\b(?:updated?|reviewe?d?)\b", re.IGNORECASE)
_BESIDE_REVIEW = re.compile(r"^(status|version|reviewed by|document owner)\s*:", re.IGNORECASE)


@dataclass
class Place:
    """Where the reader is.

    Attributes:
        headings: the chapter's and the section's, in order.
        topic: what the headings say that plain lists hold.
        front: whether it is text around the checklist, such as an overview.
        boxed: whether the file has boxes, so that a plain bullet without one is a note.
        plain: Markdown as plain text.
        lines: what was found to be a line.
        reviews: what says when the checklist itself was reviewed; it stands in a chapter of its own.
        notes: what was not understood.
    """

    headings: tuple[str, ...]
    topic: Holds | None
    front: bool
    boxed: bool
    plain: Callable[[str], str]
    lines: list[OutlineLine] = field(default_factory=list)
    reviews: list[OutlineLine] = field(default_factory=list)
    notes: list[NotUnderstood] = field(default_factory=list)

    def note(self, line: int, what: str, text: str = "") -> None:
        """Notes what was not understood."""
        self.notes.append(NotUnderstood(line, what, excerpt(text)))

    def add(
        self,
        line: int,
        text: str,
        holds: Holds,
        *,
        claimed: bool = False,
        above: tuple[str, ...] = (),
        part: bool = False,
        literal: bool = False,
    ) -> str:
        """Takes a text as a line; returns its title, "" where it has none and so is none.

        Args:
            line: where it stands.
            text: Markdown; not so where `literal`.
            holds: what sort of line it is.
            claimed: whether it is ticked.
            above: what it stands under, beside the headings.
            part: whether it stands under the line before.
            literal: whether it is kept letter by letter, as a command is.
        """
        if len(text) > LONGEST:
            self.note(line, f"text of {len(text):,} characters, too long for a line", text)
            return ""
        title = " ".join(text.split()) if literal else self.plain(text).strip()
        if not any(letter.isalnum() for letter in title):
            self.note(line, "a line without words", text)
            return ""
        self.lines.append(OutlineLine(line, title, holds, claimed, part, (*self.headings, *above)))
        return title

    def review(self, texts: list[tuple[int, str]]) -> set[int]:
        """Takes what a run of texts says about the checklist's own review, if any of it does; which lines those are.

        A status counts as such only beside a date: alone it is a chapter's.
        """
        if not any(_DATED.search(text[:LONGEST]) for _, text in texts):
            return set()
        said = [(line, self.plain(text[:LONGEST])) for line, text in texts]
        if not any(_REVIEW.match(text) for _, text in said):
            return set()
        taken = [(line, text) for line, text in said if _REVIEW.match(text) or _BESIDE_REVIEW.match(text)]
        self.reviews += [OutlineLine(line, text, Holds.REVIEW, above=("Review",)) for line, text in taken]
        return {line for line, _ in taken}


def excerpt(text: str) -> str:
    """How a text begins, on one line."""
    said = " ".join(text[: 4 * _EXCERPT].split())
    return said if len(said) <= _EXCERPT else f"{said[: _EXCERPT - 1]}…"
