"""Markdown as a tree of blocks, each with the line that it begins in; what is nested too deep is named, not lost."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

_DEEPEST = 100  # levels of the parser, two for each list
_DEFINITION = re.compile(r"^\s{0,3}(?:>\s?)*\[[^\]]+\]:")
_DELIMITERS = re.compile(r"^[\s>|:+*=_-]*$")


@dataclass(frozen=True)
class Heading:
    """A heading; `text` is still Markdown, as in all blocks."""

    line: int
    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Text, line by line."""

    line: int
    text: str


@dataclass(frozen=True)
class Code:
    """A fenced or indented block.

    Attributes:
        first: the line of its first command.
    """

    line: int
    first: int
    language: str
    text: str


@dataclass(frozen=True)
class Html:
    """A block of HTML."""

    line: int
    text: str


@dataclass(frozen=True)
class Row:
    """A row of a table."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table with its header."""

    line: int
    header: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Item:
    """An item of a list, with the blocks in it."""

    line: int
    inside: tuple["Block", ...]


@dataclass(frozen=True)
class Listed:
    """A list of bullets or of numbers."""

    line: int
    numbered: bool
    items: tuple[Item, ...]


Block = Heading | Paragraph | Code | Html | Table | Listed


@dataclass(frozen=True)
class Document:
    """A Markdown text.

    Attributes:
        blocks: in order; what stands in a quotation stands here as if it were not quoted.
        lost: the first line of each stretch that is nested deeper than the parser goes.
        references: what `[text][name]` may lead to, as the parser keeps it.
    """

    blocks: tuple[Block, ...]
    lost: tuple[int, ...] = ()
    references: dict[str, object] = field(default_factory=dict)


@cache
def parser() -> MarkdownIt:
    """CommonMark with tables; the text inside blocks is left alone."""
    made = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable("table")
    made.core.ruler.enableOnly(["normalize", "block"])
    return made


def read(text: str) -> Document:
    """The blocks of a text; reads anything."""
    references: dict[str, object] = {}
    tokens = parser().parse(text, references)
    return Document(tuple(_Blocks(tokens).until("")), tuple(_lost(text, tokens)), references)


class _Blocks:
    """One pass over the parser's tokens."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = iter(tokens)

    def until(self, end: str) -> Iterator[Block]:
        """The blocks up to the token that closes what is open."""
        for token in self._tokens:
            if token.type == end:
                return
            yield from self._block(token)

    def _block(self, token: Token) -> Iterator[Block]:
        line = _line(token)
        match token.type:
            case "heading_open":
                yield Heading(line, int(token.tag[1:]), self._text("heading_close"))
            case "paragraph_open":
                yield Paragraph(line, self._text("paragraph_close"))
            case "fence" | "code_block":
                yield Code(line, line + (token.type == "fence"), (token.info.split() or [""])[0].lower(), token.content)
            case "html_block":
                yield Html(line, token.content)
            case "blockquote_open":
                yield from self.until("blockquote_close")
            case "bullet_list_open" | "ordered_list_open":
                numbered = token.type == "ordered_list_open"
                yield Listed(line, numbered, tuple(self._items(token.type.replace("open", "close"))))
            case "table_open":
                yield self._table(line)
            case _:
                return

    def _text(self, end: str) -> str:
        content = ""
        for token in self._tokens:
            if token.type == end:
                break
            content += token.content
        return content

    def _items(self, end: str) -> Iterator[Item]:
        for token in self._tokens:
            if token.type == end:
                return
            yield Item(_line(token), tuple(self.until("list_item_close")))

    def _table(self, line: int) -> Table:
        rows: list[tuple[int, list[str]]] = []
        for token in self._tokens:
            if token.type == "table_close":
                break
            if token.type == "tr_open":
                rows.append((_line(token), []))
            elif token.type == "inline":
                rows[-1][1].append(token.content)
        (_, header), *body = rows
        return Table(line, tuple(header), tuple(Row(number, tuple(cells)) for number, cells in body))


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1


def _lost(text: str, tokens: Sequence[Token]) -> Iterator[int]:
    """Lines with something on them that no block holds: the parser stops at a depth, and says nothing."""
    held = bytearray(text.count("\n") + 2)
    for token in tokens:
        if token.map and (token.nesting == 0 or token.type in {"heading_open", "tr_open", "paragraph_open"}):
            first, last = token.map
            held[first:last] = b"\1" * (min(last, len(held)) - first)
    before = False
    for number, line in enumerate(text.split("\n")):
        lost = not held[number] and not _DELIMITERS.match(line) and not _DEFINITION.match(line)
        if lost and not before:
            yield number + 1
        before = lost or (before and not line.strip())
