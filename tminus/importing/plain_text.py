"""The text inside a block as people read it: emphasis gone, code and links kept as text."""

import re
from collections.abc import Sequence

from markdown_it.token import Token

from tminus.importing.blocks import parser
from tminus.importing.bounded import showable

LONGEST = 2_000  # characters; what is longer is a text and no line of a checklist
_MOST_MARKS = 100  # to pair more of them takes the parser time that grows with their square
_MARKS = re.compile(r"[\[\]<*_`]")
_TAG = re.compile(r"^</?\s*([a-zA-Z][a-zA-Z0-9]*)")
_KNOWN_TAG = re.compile(
    r"a|b|big|br|code|del|details|div|em|font|i|img|input|ins|kbd|label|li|mark|p|pre|q|s|samp|small|span|strike|strong"
    r"|sub|summary|sup|u|ul"
)


def plain(text: str, references: dict[str, object]) -> str:
    """Markdown within one block as one line of plain text.

    `**bold**` loses its stars, `` `code` `` keeps its backticks, a link is its text with its address in brackets.
    Text with more than 100 such marks is kept as it is written.
    """
    if len(_MARKS.findall(text)) > _MOST_MARKS:
        return " ".join(text.split())
    tokens: list[Token] = []
    parser().inline.parse(text[:LONGEST], parser(), references, tokens)
    return " ".join(showable(_said(tokens)).split())  # an entity such as `&#xFEFF;` is a character only now


def _said(tokens: Sequence[Token]) -> str:
    found: list[str] = []
    links: list[tuple[str, int]] = []
    for token in tokens:
        match token.type:
            case "code_inline":
                found.append(f"`{token.content}`")
            case "softbreak" | "hardbreak":
                found.append(" ")
            case "html_inline":
                found.append(_of_html(token.content))
            case "image":
                found.append(token.content)
            case "link_open":
                links.append((str(token.attrGet("href") or ""), len(found)))
            case "link_close" if links:
                address, begun = links.pop()
                if address.startswith("http") and "".join(found[begun:]) not in {address, address.rstrip("/")}:
                    found.append(f" ({address})")
            case _:
                found.append(token.content)
    return "".join(found)


def _of_html(tag: str) -> str:
    """`<br>` is a space; `<service>` is no HTML but stands for a name, and is kept."""
    named = _TAG.match(tag)
    return " " if tag.startswith("<!") or (named and _KNOWN_TAG.fullmatch(named[1].lower())) else tag
