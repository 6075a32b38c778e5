"""Whether what must be written down is written down, and kept up to date. Nobody here reads whether it is true."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from tasks import document_links, document_pages
from tasks.artifact_evidence import some
from tasks.artifact_files import Folder, Inside, shown
from tasks.check import Check
from tasks.document_dates import filled, read_date, said_of
from tasks.document_pages import Page, plain_title
from tasks.document_placeholders import placeholders
from tasks.estate import Estate
from tminus.clock import now
from tminus.environment import Impact, Kind
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.expectation import Measurement
from tminus.outcome import Observation

_REVIEWED = ("reviewed", "last reviewed", "last review")
_UPDATED = ("last updated", "updated", "last update", *_REVIEWED)
_NEXT_REVIEW = ("next review", "review by", "next reviewed")


class DocumentPage(Check, frozen=True):
    """Whether a page is there, has its sections, is reviewed, has no blanks, and links to what exists (Markdown).

    A section counts where its heading is there, in any capitals and on any level, and words stand under it; a number
    before the heading does not matter. `reviewed` is the days since `reviewed:` in the front matter, or a line such as
    `Last reviewed: 2026-11-01`; without one it is not measured, and expecting it makes the outcome unknown.
    `placeholders` are blanks that somebody has yet to fill: [Name], [DATE], TBD, $(date), lorem ipsum, and paragraphs
    of `n/a` alone; code is not searched, but a block of nothing else is a blank too, and neither makes a section.
    `links` are those to files and headings of the folder, and with `links: true` those to the web, of which a redirect
    and one that asks who we are count as alive. Where one leads to a private address, none is asked but in a rehearsal,
    and the outcome is unknown. A page that is not there is `present: no`, with no words.

    Attributes:
        path: in the environment's `documents`.
        sections: headings that must be there.
        links: whether links to the web are asked too; the environment must then allow the impact `probe`.
    """

    impact: ClassVar[Impact] = Impact.NONE
    bound: ClassVar[str] = "document"
    measures: ClassVar[Mapping[str, str]] = {
        "present": "word",
        "sections": "",
        "reviewed": "d",
        "links": "",
        "placeholders": "",
        "words": "",
    }

    kind: Literal["document.page"] = "document.page"
    path: Inside
    sections: tuple[str, ...] = ()
    links: bool = False

    async def look(self, estate: Estate) -> Observation:
        """Reads the page; asks the web only where it is told to."""
        if self.links and Impact.PROBE not in estate.environment.allows:
            raise NotConfigured("links: true asks the web, and the environment does not allow the impact probe")
        folder = Folder(estate.documents(), "documents")
        page = await asyncio.to_thread(_page, folder, self.path)
        if page is None:
            return _absent(self.path, Measurement.number("sections", 0, of=len(self.sections)))
        dead = await asyncio.to_thread(document_links.dead_files, page, self.path, folder)
        if self.links:
            local = estate.environment.clock.compressed
            inside = estate.environment.kind is Kind.REHEARSAL
            dead += await document_links.dead_addresses(page, estate.http, only_local=local, inside=inside)
        return self._seen(page, dead)

    def _seen(self, page: Page, dead: Sequence[str]) -> Observation:
        blanks = placeholders([*page.texts, *(str(value) for value in page.front.values() if isinstance(value, str))])
        blanks += [shown(" ".join(blank.split())) for blank in page.blanks]
        missing = [title for title in self.sections if not _written(page, title)]
        links = document_links.count(page.links, with_addresses=self.links)
        found = [
            Measurement(name="present", word="yes"),
            Measurement.number("sections", len(self.sections) - len(missing), of=len(self.sections)),
            Measurement.number("links", links - len(dead), of=links),
            Measurement.number("placeholders", len(blanks)),
            Measurement.number("words", page.words),
        ]
        if reviewed := _first_date(page, _REVIEWED):
            found.append(Measurement.number("reviewed", _days_since(reviewed, page.name), "d"))
        wrong = [
            *(f"no section {title!r} with words in it" for title in missing),
            *(f"blank: {blank}" for blank in blanks),
            *(f"dead link: {link}" for link in dead),
        ]
        return Observation(
            found=tuple(found),
            where=f"documents {self.path}",
            details=some(wrong),
            because=shown(wrong[0]) if wrong else "",
        )


class DocumentDates(Check, frozen=True):
    """Whether a page says when it was updated, when it is reviewed next, and where it stands, and not with a blank.

    Each label is looked for in the front matter, in a line (`Last Updated: 2026-11-01`, `**Status:** approved`) and in
    a table's row. `present` are those that are said and are no placeholder; `placeholders` those where one stands;
    `dated` those under which a date stands. Dates are ISO 8601 or have the month by name; 01/11/2026 is none, since it
    may mean two days. `updated` is the days since the last update, `next_review` the days until the next review,
    negative where it is overdue; where the page does not say, they are not measured.

    Attributes:
        path: in the environment's `documents`.
        labels: what the page must say.
    """

    impact: ClassVar[Impact] = Impact.NONE
    bound: ClassVar[str] = "document"
    measures: ClassVar[Mapping[str, str]] = {
        "present": "",
        "placeholders": "",
        "dated": "",
        "updated": "d",
        "next_review": "d",
    }

    kind: Literal["document.dates"] = "document.dates"
    path: Inside
    labels: tuple[str, ...] = Field(default=("Last Updated", "Next Review", "Status"), min_length=1)

    async def look(self, estate: Estate) -> Observation:
        """Reads the page."""
        folder = Folder(estate.documents(), "documents")
        page = await asyncio.to_thread(_page, folder, self.path)
        if page is None:
            return _absent(self.path, Measurement.number("present", 0, of=len(self.labels)))
        said = {label: said_of(page, label) for label in self.labels}
        missing = [label for label, text in said.items() if not filled(text)]
        blanks = [label for label, text in said.items() if text and placeholders([text])]
        found = [
            Measurement.number("present", len(said) - len(missing), of=len(said)),
            Measurement.number("placeholders", len(blanks)),
            Measurement.number("dated", sum(read_date(text) is not None for text in said.values()), of=len(said)),
        ]
        if updated := _first_date(page, _UPDATED):
            found.append(Measurement.number("updated", _days_since(updated, page.name), "d"))
        if following := _first_date(page, _NEXT_REVIEW):
            found.append(Measurement.number("next_review", (following - now().date()).days, "d"))
        return Observation(
            found=tuple(found),
            where=f"documents {self.path}",
            details=some([f"{label}: {said[label] or 'nothing'}" for label in missing]),
            because=", ".join(f"{label} is {shown(said[label] or 'not there')}" for label in missing[:2]),
        )


def _page(folder: Folder, path: str) -> Page | None:
    file = folder.find(path)
    return document_pages.read(file) if file else None


def _absent(path: str, nothing: Measurement) -> Observation:
    """What a page comes to that is not there; of `DocumentDates` only the count is measured."""
    absent = (Measurement(name="present", word="no"),) if nothing.name != "present" else ()
    return Observation(found=(*absent, nothing), where=f"documents {path}", because=f"{path} is not there")


def _written(page: Page, title: str) -> bool:
    wanted = plain_title(title)
    return any(section.plain == wanted and section.words for section in page.sections)


def _first_date(page: Page, labels: Sequence[str]) -> date | None:
    dates = (read_date(said_of(page, label)) for label in labels)
    return next((found for found in dates if found), None)


def _days_since(day: date, name: str) -> int:
    """Days; raises CouldNotObserve for a day to come, but for tomorrow, which it is already in some places."""
    days = (now().date() - day).days
    if days < -1:
        raise CouldNotObserve(f"{name} is said to be of {day}, a day to come")
    return max(0, days)
