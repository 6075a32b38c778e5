"""A part of a checklist on its own: what is about security, and the lines that a launch book can be read beside."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from tminus.errors import BookError, UsageError
from tminus.readiness.account import Account
from tminus.readiness.book import Checklist, Section
from tminus.readiness.source import load_checklist
from tminus.runbook import Spec, Step

_SECURITY = "security"


def of_security(checklist: Checklist) -> list[Section]:
    """The sections that say so by their own name or title, or by their chapter's."""
    return [
        section
        for chapter, section in checklist.sections()
        if any(_SECURITY in said.lower() for said in (chapter.readiness, chapter.title, section.section, section.title))
    ]


def named(checklist: Checklist, names: Collection[str]) -> list[Section]:
    """The sections so named, in whatever chapter."""
    return [section for _, section in checklist.sections() if section.section in names]


def only_sections(account: Account) -> Account:
    """The account without chapters and sections that it has no line of."""
    chapters = (
        chapter.model_copy(update={"sections": tuple(section for section in chapter.sections if section.lines)})
        for chapter in account.chapters
    )
    return account.model_copy(update={"chapters": tuple(chapter for chapter in chapters if chapter.sections)})


def checks_beside(folder: Path, kinds: Mapping[str, type[Spec]]) -> Iterator[Step]:
    """Each check of the checklist in a folder, as a step called by its line's ref; none where there is no checklist.

    Raises BookError where its chapters have mistakes.
    """
    try:
        checklist = load_checklist(folder, kinds)
    except BookError:
        raise
    except UsageError:  # a folder with a launch book alone
        return
    for line in checklist.lines():
        for spec in line.checks:
            yield Step.model_construct(
                id=line.ref,
                title=line.title,
                owner=line.owner,
                does=spec,
                severity=line.severity,
                timeout=line.timeout,
                waivable=line.waivable,
            )
