"""A written page, in Markdown: its sections, its words, what it says of itself at its beginning, where it links to."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import JsonValue

from tasks.artifact_files import ArtifactFile
from tasks.artifact_yaml import read_yaml
from tasks.document_placeholders import placeholders, says_nothing
from tminus.errors import CouldNotObserve

LARGEST = 256 * 1024  # bytes; a page of so many letters is not one that people read
_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_NUMBERING = re.compile(r"^[\W_]*(?:\d+(?:\.\d+)*[.):]?\s+)?[\W_]*")
_HTML_ANCHOR = re.compile(r"""<[a-z]+\s[^>]{0,200}?\b(?:id|name)=["']([^"']{1,200})["']""", re.IGNORECASE)
_WORD = re.compile(r"\w[\w'\u2019-]*")


@dataclass(slots=True)
class Section:
    """A heading, and what stands under it, its own sections included.

    Attributes:
        level: 1 for the largest.
        words: how many stand under it, placeholders and `n/a` left out; one without any is not written yet.
    """

    title: str
    level: int
    words: int = 0

    @property
    def plain(self) -> str:
        """Its title without numbering, signs and capitals, as it is asked for."""
        return plain_title(self.title)


@dataclass(frozen=True, slots=True)
class Page:
    """A page as read.

    Attributes:
        front: what stands in its front matter; empty where there is none.
        texts: each paragraph, heading and table cell as plain text, code left out, since it is meant as it is.
        lines: the same line by line, with the code that stands in a line.
        blanks: paragraphs and blocks of code that hold nothing but placeholders, or `n/a`.
        links: the addresses of its links and images, as written.
        anchors: what a link may name after a `#`.
    """

    name: str
    front: Mapping[str, JsonValue]
    sections: tuple[Section, ...]
    texts: tuple[str, ...]
    lines: tuple[str, ...]
    blanks: tuple[str, ...]
    links: tuple[str, ...]
    anchors: frozenset[str]

    @property
    def words(self) -> int:
        """How many words it has."""
        return sum(count_words(text) for text in self.texts)


def read(file: ArtifactFile) -> Page:
    """Reads a page; raises CouldNotObserve where it is too long, or its front matter is no YAML."""
    if len(file.content) > LARGEST:
        raise CouldNotObserve(f"{file.name} has {len(file.content)} bytes, and of a page over {LARGEST} none is read")
    text = file.text()
    front = _FRONT.match(text)
    said = read_yaml(ArtifactFile(f"{file.name}'s front matter", front[1].encode(), file.written)) if front else None
    reading = _Reading()
    try:
        reading.read(MarkdownIt("commonmark").enable("table").parse(text[front.end() :] if front else text))
    except RecursionError as e:
        raise CouldNotObserve(f"{file.name} is nested deeper than any page, and is not read") from e
    return Page(
        name=file.name,
        front=said if isinstance(said, dict) else {},
        sections=tuple(reading.sections),
        texts=tuple(reading.texts),
        lines=tuple(reading.lines),
        blanks=tuple(reading.blanks),
        links=tuple(dict.fromkeys(reading.links)),
        anchors=frozenset(reading.anchors),
    )


def plain_title(title: str) -> str:
    """A heading without numbering, signs around it and capitals: `2. Rolling back` is `rolling back`."""
    return " ".join(_NUMBERING.sub("", title).lower().rstrip(" :.").split())


def count_words(text: str) -> int:
    """How many words stand in a text."""
    return len(_WORD.findall(text))


@dataclass(slots=True)
class _Reading:
    sections: list[Section] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    blanks: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    _open: list[Section] = field(default_factory=list)
    _named: Counter[str] = field(default_factory=Counter)

    def read(self, tokens: list[Token]) -> None:
        heading, cell = 0, False
        for token in tokens:
            if token.type == "heading_open":
                heading = int(token.tag[1:])
            elif token.type in {"th_open", "td_open"}:
                cell = True
            elif token.type == "inline":
                self._inline(token, heading, cell=cell)
                heading, cell = 0, False
            elif token.type in {"fence", "code_block"}:  # commands under a heading are what many a page is for
                self._say(token.content, code=True)
            elif token.type == "html_block":
                self.anchors.update(_HTML_ANCHOR.findall(token.content))

    def _inline(self, token: Token, heading: int, *, cell: bool) -> None:
        parts = list(_flat(token.children or []))
        self.links += [str(part.attrs[name]) for part in parts for name in ("href", "src") if part.attrs.get(name)]
        html = (part.content for part in parts if part.type == "html_inline")
        self.anchors.update(name for each in html for name in _HTML_ANCHOR.findall(each))
        line = "".join(_plain(part) or (part.content if part.type == "code_inline" else "") for part in parts)
        tags = (part.content for part in parts if part.type == "html_inline" and part.content[:2] not in {"<!", "</"})
        self.texts += ["".join(_plain(part) for part in parts), *tags]  # <your name> reads as a tag
        self.lines += line.split("\n")
        if heading:
            self._begin(Section(" ".join(line.split()), heading))
        elif cell:  # where n/a says something
            self._count(count_words(line))
        else:
            self._say(line)

    def _say(self, text: str, *, code: bool = False) -> None:
        if count_words(text) and says_nothing(text):
            self.blanks += [] if placeholders([text]) and not code else [text.strip()]
        else:
            self._count(count_words(text))

    def _begin(self, section: Section) -> None:
        self._open = [*(above for above in self._open if above.level < section.level), section]
        self.sections.append(section)
        slug = re.sub(r"[^\w\- ]", "", section.title.lower()).strip().replace(" ", "-")
        self.anchors.add(f"{slug}-{self._named[slug]}" if self._named[slug] else slug)
        self._named[slug] += 1

    def _count(self, words: int) -> None:
        for section in self._open:
            section.words += words


def _plain(part: Token) -> str:
    return part.content if part.type == "text" else "\n" if part.type in {"softbreak", "hardbreak"} else ""


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        if token.type == "image":  # its text stands in its children
            yield from token.children or []
