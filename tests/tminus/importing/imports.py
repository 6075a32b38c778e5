"""Imports in memory, and what a sweep would read of them."""

from pathlib import Path

from tasks.vocabulary import KINDS
from tminus.importing.importer import Imported, import_checklist
from tminus.importing.outline import OutlineLine
from tminus.importing.seen import Seen, Suggestion
from tminus.readiness.book import Checklist
from tminus.readiness.source import build_checklist
from tminus.yaml_document import parse
from tminus.yaml_source import Source


def imported(text: str | bytes, file: str = "shop.md", **options: str) -> Imported:
    """What is made of a Markdown text."""
    raw = text if isinstance(text, bytes) else text.encode()
    return import_checklist(raw, file, KINDS, **{"owner": "engineering_lead", **options})


def lines_of(text: str) -> list[OutlineLine]:
    """The lines of a Markdown text."""
    return [one.line for one in imported(text).lines()]


def checklist_of(found: Imported) -> Checklist:
    """What `tminus readiness` reads of the files; raises BookError where it would refuse them."""
    return build_checklist([Source(Path(name), parse(text)) for name, text in found.files.items()], [], KINDS)


def seen(title: str, *above: str, part: bool = False, document: str = "") -> Seen:
    """A line under headings."""
    return Seen(title, "shop", "shop.md", above=above, part=part, document=document)


def checks_of(found: Suggestion) -> list[tuple[str, dict[str, str]]]:
    """The kinds suggested, and what is expected of each."""
    return [(check.kind, dict(check.expect)) for check in found.checks]
