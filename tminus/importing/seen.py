"""A line as recognizers see it, and what they make of it: checks that would judge it, and what it promises."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import JsonValue

from tminus.importing.amounts import Amount, amounts
from tminus.importing.slugs import section_name, slug
from tminus.readiness.book import Holds


@dataclass(frozen=True)
class Seen:
    """One line with what stands around it.

    Attributes:
        title: the line.
        system: the system's name, which stands for names that cannot be known.
        file: the name of the checklist's own file.
        holds: what sort of line it is.
        above: headings and lines that it stands under, the nearest last.
        part: whether it stands under a line.
        document: the whole file in small letters, for which vendors it speaks of.
    """

    title: str
    system: str = "system"
    file: str = "checklist.md"
    holds: Holds = Holds.BOXES
    above: tuple[str, ...] = ()
    part: bool = False
    document: str = ""

    @cached_property
    def text(self) -> str:
        """The line in small letters."""
        return self.title.lower()

    @cached_property
    def parent(self) -> str:
        """The line that it stands under, in small letters; "" where it stands under none."""
        return self.above[-1].lower() if self.part and self.above else ""

    @cached_property
    def around(self) -> str:
        """Everything it stands under, in small letters."""
        return " / ".join(self.above).lower()

    @cached_property
    def amounts(self) -> tuple[Amount, ...]:
        """The numbers in it."""
        return amounts(self.title)

    def has(self, pattern: str) -> bool:
        """Whether the line says this, a regular expression in small letters."""
        return re.search(pattern, self.text) is not None

    def under(self, pattern: str) -> bool:
        """Whether the line, or what it stands under, says this."""
        return self.has(pattern) or re.search(pattern, self.around) is not None

    def speaks_of(self, word: str) -> bool:
        """Whether the file names this anywhere."""
        return word in self.document or self.under(word)

    def only(self, wanted: Callable[[Amount], bool]) -> Amount | None:
        """The number that is wanted; None also where there are several, since which of them is meant is not guessed."""
        found = [one for one in self.amounts if wanted(one)]
        return found[0] if len(found) == 1 else None

    def after(self, words: str) -> Amount | None:
        """The length of time that follows right after these words, a regular expression in small letters."""
        times = [one for one in self.amounts if one.is_time]
        return next((one for one in times if re.search(rf"\b(?:{words})\W*$", self.text[: one.start])), None)

    @property
    def time(self) -> Amount | None:
        """The only length of time."""
        return self.only(lambda one: one.is_time)

    @property
    def share(self) -> Amount | None:
        """The only share."""
        return self.only(lambda one: one.is_share)

    def named(self, *without: str) -> str:
        """The line as a name, without some of its words, its numbers and what stands in brackets."""
        plain = re.sub(r"\([^)]*\)|[<>≤≥=]?\s*(?<![A-Za-z])\d[\d.,]*\s*(?:%|ms\b|s\b)?", " ", self.title)
        words = section_name(slug(plain)).split("-")
        return "-".join(word for word in words if word and word not in without)


@dataclass(frozen=True)
class Check:
    """A check as it will stand in the file.

    Attributes:
        kind: of the vocabulary.
        given: its parameters.
        expect: measurement → what it must be.
    """

    kind: str
    given: Mapping[str, JsonValue]
    expect: Mapping[str, str]

    def raw(self) -> dict[str, JsonValue]:
        """As in a file: `check`, `with` where it has parameters, and `expect`."""
        given: dict[str, JsonValue] = {"with": dict(self.given)} if self.given else {}
        return {"check": self.kind, **given, "expect": dict(self.expect)}


@dataclass(frozen=True)
class Suggestion:
    """What a recognizer makes of a line.

    Attributes:
        checks: all of which must pass; none where the line only promises something.
        promises: as in a line's `promises`.
        known: whether all names in it are known, since they stand in the file itself.
        asks: why there is no check though a recognizer understands the line, as a question; "" where there is none.
    """

    checks: tuple[Check, ...] = ()
    promises: Mapping[str, str] = field(default_factory=dict)
    known: bool = False
    asks: str = ""


Recognizer = Callable[[Seen], Suggestion | None]
"""Looks at a line; None where it is about something else. `by_words` makes one of a pattern; the rest are functions."""


def suggest(kind: str, given: Mapping[str, JsonValue], expect: Mapping[str, str], **promises: str) -> Suggestion:
    """A suggestion of one check."""
    return Suggestion((Check(kind, given, expect),), promises)


def by_words(pattern: str, make: Callable[[Seen], Sequence[Check]], unless: str = "") -> Recognizer:
    """A recognizer of lines that say one thing, and not another; both are regular expressions in small letters."""

    def recognize(seen: Seen) -> Suggestion | None:
        if not seen.has(pattern) or (unless and seen.has(unless)):
            return None
        checks = tuple(make(seen))
        return Suggestion(checks) if checks else None

    return recognize
