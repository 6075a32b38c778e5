"""The written documents: runbooks, policies, the architecture, with links to each other and to the web."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.worlds.file_changes import changed, gone, replaced
from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.papers.pages import documents
from deployments.rehearsal.papers.reports import ago, write

_SOUND = {"present": "= yes", "sections": "= all", "placeholders": "= 0", "reviewed": "<= 90 d", "words": ">= 150"}
_REVIEW = "production-readiness.md"
_WEEKLY = "readiness-review.md"

_REMINDER = "to-do".replace("-", "").upper()  # what nobody may leave in this repository either


class Documents(World):
    """The pages themselves, and a web site that two of them link to; each fault rewrites one of the pages."""

    system: ClassVar[str] = "documents"
    real: ClassVar[bool] = True
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            check="document.page",
            given={"path": "runbook.md", "sections": ["Common issues", "kafkaconsumerlag", "Remedies"]},
            expect=_SOUND,
            broken_by=(
                ("page_missing", "runbook.md"),
                ("section_missing", "runbook.md", "KafkaConsumerLag"),
                ("section_empty", "runbook.md"),
                *(("section_says", "runbook.md", text) for text in (f"```\n{_REMINDER}\n```", "n/a", "Coming soon.")),
                ("out_of_date", "runbook.md", "91"),
                *(("blank", "runbook.md", text) for text in ("[Name]", "[DATE]", "TBD", "$(date +%F)", "Lorem ipsum")),
                ("shortened", "runbook.md"),
            ),
        ),
        Case(
            check="document.page",
            given={"path": "architecture.md"},
            expect={"links": "= all"},
            broken_by=(
                ("page_missing", "diagrams/overview.svg"),
                ("page_missing", "monitoring.md"),
                ("link_to", "monitoring.md", "../monitoring.md"),  # it leads out of the folder
                ("link_to", "#2-handover", "#handing-over"),
                ("link_to", "#10-order-flow", "#order-flow"),
            ),
        ),
        Case(
            check="document.page",
            given={"path": "links.md", "links": True},
            expect={"links": "= all"},
            broken_by=("answer_lost", "web_down"),
        ),
        Case(
            check="document.dates",
            given={"path": _REVIEW},
            expect={"present": "= all", "placeholders": "= 0", "updated": "<= 30 d", "next_review": ">= 0 d"},
            broken_by=(
                ("page_missing", _REVIEW),
                *(("dates_say", *change) for change in (("updated", "90"), ("review", "1"), ("status", "[APPROVED]"))),
                ("dates_say", "status", ""),
                ("dates_say", "next", "[DATE]"),
            ),
        ),
        Case(
            check="document.dates",
            given={"path": _WEEKLY},
            expect={"present": "= all", "placeholders": "= 0", "updated": "<= 7 d", "next_review": "<= 7 d"},
            broken_by=(
                ("label_says", _WEEKLY, "Last Updated", "8"),
                ("label_says", _WEEKLY, "Next Review", "-8"),
                ("label_says", _WEEKLY, "Status", "[IN PROGRESS / READY FOR REVIEW / APPROVED]"),
                ("label_gone", _WEEKLY, "Status"),
            ),
        ),
        Case(
            check="document.dates",
            given={"path": "launch-plan.md", "labels": ["Launch date"]},
            expect={"dated": "= all"},
            broken_by=(
                ("label_says", "launch-plan.md", "Launch date", "soon"),
                ("label_gone", "launch-plan.md", "Launch date"),
            ),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._answers = {"/guide": 200, "/moved": 301, "/private": 401}
        self._url = ""

    @property
    def _root(self) -> Path:
        return self.folder / "documents"

    @contextmanager
    def running(self) -> Iterator[None]:
        """The folder, and the web site for as long as the block lasts."""
        with served(Starlette(routes=[Route("/{page}", self._answer)])) as self._url:
            links = "\n".join(f"- [{path}]({self._url}{path}?from=runbook)" for path in self._answers)
            write(self._root, {**documents(), "links.md": f"# Links\n\n{links}\n"})
            yield

    def sections(self) -> Sections:
        """Where they are."""
        return {"documents": str(self._root)}

    async def _answer(self, request: Request) -> Response:
        return Response(status_code=self._answers.get(request.url.path, 404))

    @fault
    def page_missing(self, name: str) -> Iterator[None]:
        """A page or a picture is not there."""
        with gone(self._root / name):
            yield

    @fault
    def section_missing(self, name: str, title: str) -> Iterator[None]:
        """A section is not there; its words stand under another heading."""
        with replaced(self._root / name, title, "Something else"):
            yield

    @fault
    def section_empty(self, name: str) -> Iterator[None]:
        """The last section is a heading and nothing more."""
        text = (self._root / name).read_text("utf-8")
        with replaced(self._root / name, text.rpartition("Remedies\n")[2], ""):
            yield

    @fault
    def section_says(self, name: str, text: str) -> Iterator[None]:
        """The last section says that somebody has yet to write it."""
        written = (self._root / name).read_text("utf-8")
        with replaced(self._root / name, written.rpartition("Remedies\n")[2], f"\n{text}\n"):
            yield

    @fault
    def out_of_date(self, name: str, days: str) -> Iterator[None]:
        """A page was last reviewed so many days ago."""
        with replaced(self._root / name, str(ago(days=5).date()), str(ago(days=float(days)).date())):
            yield

    @fault
    def blank(self, name: str, text: str) -> Iterator[None]:
        """Something is yet to be filled in."""
        with replaced(self._root / name, "Ask the owner of the service", f"Ask {text}"):
            yield

    @fault
    def shortened(self, name: str) -> Iterator[None]:
        """Little more than the headings is left."""
        text = (self._root / name).read_text("utf-8")
        front, first, rest = text.partition("# ")
        headings = [line for line in f"{first}{rest}".splitlines() if line.startswith("#")]
        short = front + "\n\nWait.\n\n".join([*headings, ""])
        with replaced(self._root / name, text, short):
            yield

    @fault
    def link_to(self, old: str, new: str) -> Iterator[None]:
        """A link of the architecture's page leads where nothing is."""
        with replaced(self._root / "architecture.md", old, new):
            yield

    @fault
    def answer_lost(self) -> Iterator[None]:
        """A page of the web site is not there any more."""
        del self._answers["/guide"]
        yield
        self._answers["/guide"] = 200

    @fault
    def web_down(self) -> Iterator[None]:
        """The web site does not answer at all."""
        with replaced(self._root / "links.md", self._url, "http://127.0.0.1:1"):
            yield

    @fault
    def dates_say(self, what: str, said: str) -> Iterator[None]:
        """The page says something else of its update, its next review or its status, or has a blank there."""
        updated, following = str(ago(days=3).date()), str(ago(days=-27).date())
        day = str(ago(days=float(said)).date()) if said.isdecimal() else said
        changes = {"updated": (updated, day), "review": (following, day), "next": (following, said)}
        with replaced(self._root / _REVIEW, *changes.get(what, ("APPROVED", said))):
            yield

    @fault
    def label_says(self, name: str, label: str, said: str) -> Iterator[None]:
        """A page says something else under a label; a number is a day so many days ago, below 0 one to come."""
        said = str(ago(days=float(said)).date()) if said.removeprefix("-").isdecimal() else said
        with changed(self._root / name, self._labelled(name, label, rf"\g<sign> {said}\n")):
            yield

    @fault
    def label_gone(self, name: str, label: str) -> Iterator[None]:
        """A page says nothing of it."""
        with changed(self._root / name, self._labelled(name, label, "")):
            yield

    def _labelled(self, name: str, label: str, line: str) -> str:
        """The page's text with that line instead of the label's; raises ValueError where it has no such label."""
        text = (self._root / name).read_text("utf-8")
        made, lines = re.subn(rf"(?m)^(?P<sign>[*]*{label}:[*]*).*\n", line, text)
        if not lines:
            raise ValueError(f"{name} has no {label!r} to replace")
        return made
