"""From the bytes of somebody's Markdown file to readiness chapters, in memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tminus.importing.bounded import text_of
from tminus.importing.draft import DraftChapter, DraftLine, draft
from tminus.importing.outline import NotUnderstood
from tminus.importing.reading import outline
from tminus.importing.yaml_text import yaml_text
from tminus.runbook import Spec


@dataclass(frozen=True)
class Imported:
    """A checklist, imported.

    Attributes:
        system: the first part of each ref.
        title: the document's own; "" where it has none.
        chapters: what stands in the files.
        files: name → YAML text, in the order of the chapters.
        not_understood: what became no line, in the order of the file.
    """

    system: str
    title: str
    chapters: tuple[DraftChapter, ...]
    files: Mapping[str, str]
    not_understood: tuple[NotUnderstood, ...]

    def lines(self) -> Iterator[DraftLine]:
        """Every line, in order."""
        for chapter in self.chapters:
            yield from chapter.lines()


def import_checklist(
    raw: bytes, file: str, kinds: Mapping[str, type[Spec]], *, owner: str, system: str = ""
) -> Imported:
    """Reads a Markdown checklist and suggests what could judge its lines.

    Args:
        raw: the file's bytes.
        file: its name.
        kinds: the vocabulary; only what it has is suggested.
        owner: the role that states what nothing else judges.
        system: the first part of each ref; guessed from the title, or the file's name, where it is empty.

    Raises UsageError where the bytes are no such text, or hold no line of a checklist.
    """
    text = text_of(raw, file)
    found = outline(text, file, system)
    chapters = draft(found, text, file, owner, kinds)
    width = max(2, len(str(len(chapters))))
    files = {
        f"{chapter.order:0{width}d}-{chapter.name}.yaml": yaml_text(chapter, found.system, owner, file)
        for chapter in chapters
    }
    return Imported(found.system, found.title, tuple(chapters), files, found.not_understood)
