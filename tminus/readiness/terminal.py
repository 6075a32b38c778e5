"""A readiness account on a terminal: the verdict, what is claimed and not proven, and what does not hold."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tminus.readiness.account import Account, ShownLine, ShownSection
from tminus.standing import Mark, Tone

STYLES: dict[Tone, str] = {"good": "green", "bad": "red", "warn": "yellow", "live": "blue", "quiet": "dim"}
"""Tone → how rich shows it."""
_FIRST = 5  # fixes named
_UNPROVEN = 10  # claims named


def whole_list(system: str) -> str:
    """Where everything to mend is said."""
    return f"`tminus next {system} --environment FILE` has the whole list."


def render(account: Account, *, everything: bool) -> Iterator[RenderableType]:
    """The account, block by block; every line where `everything`, else only what does not hold."""
    yield _marked(account.mark, account.sentence, bold=True)
    yield from _claims(account)
    yield from _list("Lines that contradict one another", account.contradictions)
    yield from _list("Statements that do not count", account.doubtful)
    yield from _list("Ends soon", [f"{line.ref}: {line.warning}" for line in account.ending])
    for chapter in account.chapters:
        for section in chapter.sections:
            lines = [line for line in section.lines if everything or not line.verdict.final]
            if lines:
                yield ""
                yield _heading(chapter.title, section)
                yield _table(lines)
    if account.first:
        yield ""
        yield Text("What first", style="bold")
        for fix in account.first[:_FIRST]:
            yield Text(f"  {fix.lines}, {fix.of_which}  {', '.join(fix.owners)}: {fix.what}")
        yield Text(f"  {whole_list(account.system)}", style="dim")


def _claims(account: Account) -> Iterator[RenderableType]:
    if not account.unproven:
        return
    said = f"Claimed done, not proven: {len(account.unproven)} of the {account.claimed} ticked lines"
    yield ""
    yield Text(said, style="bold yellow")
    for line in account.unproven[:_UNPROVEN]:
        yield Text(f"  {line.mark.symbol} {line.title}: {line.summary}", overflow="ellipsis", no_wrap=True)
    if len(account.unproven) > _UNPROVEN:
        yield Text(f"  and {len(account.unproven) - _UNPROVEN} more", style="dim")


def _list(title: str, said: "list[str] | tuple[str, ...]") -> Iterator[RenderableType]:
    if said:
        yield ""
        yield Text(title, style="bold yellow")
        yield from (Text(f"  {one}") for one in said)


def _heading(chapter: str, section: ShownSection) -> Text:
    heading = Text(f"{chapter} / {section.title}  ", style="bold")
    heading.append(f"{section.green} of {len(section.lines)} hold", style="dim")
    return heading


def _table(lines: list[ShownLine]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(ratio=2)
    table.add_column(ratio=3)
    for line in lines:
        title = f"{'  ' if line.part else ''}{line.title}{'' if line.blocking else ' (advisory)'}"
        table.add_row(_marked(line.mark, line.mark.word), Text(title), Text(line.summary, style=STYLES[line.mark.tone]))
    return table


def _marked(mark: Mark, said: str, *, bold: bool = False) -> Text:
    return Text(f"  {mark.symbol} {said}" if not bold else f"{mark.symbol} {said}", style=STYLES[mark.tone])
