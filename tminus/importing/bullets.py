"""Lists and paragraphs: which of their entries are lines of the checklist, and which are notes."""

import re

from tminus.importing.blocks import Block, Code, Heading, Html, Item, Listed, Paragraph, Table
from tminus.importing.marks import box, sign
from tminus.importing.place import Place
from tminus.readiness.book import Holds

_BOLD_LABEL = re.compile(
    r"^\s*(?:\*\*|__)([^*_]{1,80}?)\s*(?::\s*(?:\*\*|__)|(?:\*\*|__)\s*:)\s*(?=\S)(.+)$", re.DOTALL
)
_PLAIN_LABEL = re.compile(r"^\s*[^:]{1,60}:\s*(?=\S)(.+)$", re.DOTALL)
_STATE_LABELS = {
    "status",
    "state",
    "owner",
    "note",
    "notes",
    "date",
    "version",
    "author",
    "important",
    "warning",
    "tip",
}
_IMAGE = re.compile(r"^\s*(?:\[?!\[[^\]]*\]\([^)]*\)\]?(?:\([^)]*\))?\s*)+$")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_ONLY_LINK = re.compile(r"^\s*\[[^\]]*\]\(#[^)]*\)\s*$")


def take_list(place: Place, listed: Listed) -> None:
    """Takes a list at the top of a section."""
    heads = [(item.line, _head(item)) for item in listed.items]
    reviews = place.review([(line, text) for line, text in heads if box(text) is None])
    for item in listed.items:
        if item.line not in reviews:
            _take_item(place, item, numbered=listed.numbered, above=(), under_line=False)


def _take_item(place: Place, item: Item, *, numbered: bool, above: tuple[str, ...], under_line: bool) -> None:
    head = _head(item)
    taken = _as_line(place, head, numbered=numbered, nested=bool(above))
    title = ""
    if taken is None:
        _not_a_line(place, item.line, head)
    else:
        text, holds, claimed = taken
        title = place.add(item.line, text, holds, claimed=claimed, above=above, part=under_line)
    here = title or place.plain(head[:200])
    rest = item.inside[1:] if item.inside and isinstance(item.inside[0], Paragraph) else item.inside
    for block in rest:
        if isinstance(block, Listed):
            for inner in block.items:
                _take_item(
                    place,
                    inner,
                    numbered=block.numbered,
                    above=(*above, here)[-3:],
                    under_line=under_line or bool(title),
                )
        else:
            note_block(place, block, within="a list")


def _as_line(place: Place, head: str, *, numbered: bool, nested: bool) -> tuple[str, Holds, bool] | None:
    """What an entry is: its text, its sort, whether it is ticked; None where it is a note."""
    if (boxed := box(head)) is not None:
        claimed, text = boxed
        return text, Holds.BOXES, claimed
    if (signed := sign(head)) is not None and not place.front:
        claimed, text = signed
        if place.topic is Holds.CRITERIA:  # there a tick stands for a bullet: what counts as success is not yet so
            return text, Holds.CRITERIA, False
        return text, _measured(place, text) or Holds.BOXES, claimed
    if _ONLY_LINK.match(head) or _IMAGE.match(head) or not head.strip():
        return None
    if (holds := _measured(place, head)) is not None:
        return head, holds, False
    if place.topic in {Holds.CONTACTS, Holds.NEXT_STEPS, Holds.CRITERIA} and not nested:
        return head, place.topic, False
    if place.front or (place.boxed and not (numbered and not nested)):
        return None
    return head, Holds.BOXES, False


def _measured(place: Place, head: str) -> Holds | None:
    """METRICS where an entry is a name with what it should come to: `**Uptime**: 99.9%`."""
    bold = _BOLD_LABEL.match(head)
    if bold and bold[1].strip().lower() in _STATE_LABELS:
        return None
    if place.topic is Holds.METRICS:
        return Holds.METRICS if bold or _PLAIN_LABEL.match(head) else None
    return Holds.METRICS if bold and re.match(r"\s*(?:[<>≤≥=~]|\d)", bold[2]) and place.topic is None else None


def take_paragraph(place: Place, paragraph: Paragraph) -> None:
    """Takes a paragraph: boxes without bullets, metrics, the checklist's review; all else is text."""
    texts = [(paragraph.line + number, text) for number, text in enumerate(paragraph.text.split("\n"))]
    reviews = place.review(texts)
    rest = [(line, text) for line, text in texts if line not in reviews]
    found = [(line, _paragraph_line(place, text)) for line, text in rest]
    if not any(one for _, one in found):
        if rest:
            _not_a_line(place, rest[0][0], "\n".join(text for _, text in rest))
        return
    for (line, text), (_, taken) in zip(rest, found, strict=True):
        if taken is None:
            _not_a_line(place, line, text)
        else:
            place.add(line, taken[0], taken[1], claimed=taken[2])


def _paragraph_line(place: Place, text: str) -> tuple[str, Holds, bool] | None:
    if (boxed := box(text)) is not None:
        return boxed[1], Holds.BOXES, boxed[0]
    if (holds := _measured(place, text)) is not None and _BOLD_LABEL.match(text):
        return text, holds, False
    signed = sign(text)
    legend = place.front or not place.headings
    return (signed[1], Holds.BOXES, signed[0]) if signed is not None and not legend else None


def note_block(place: Place, block: Block, within: str = "") -> None:
    """Notes a block that holds no lines where it stands."""
    at = f" in {within}" if within else ""
    match block:
        case Paragraph():
            _not_a_line(place, block.line, block.text)
        case Code():
            place.note(block.line, f"code{at}", block.text)
        case Html() if _TAG.sub("", block.text).strip():
            place.note(block.line, "HTML", block.text)
        case Table():
            place.note(block.line, f"a table{at}", " | ".join(block.header[:8]))
        case Heading():
            place.note(block.line, f"a heading{at}", block.text)
        case Listed():
            place.note(block.line, "a list", _head(block.items[0]) if block.items else "")
        case _:  # HTML that only frames what stands in it, such as `<details>`
            return


def _not_a_line(place: Place, line: int, text: str) -> None:
    what = "an image" if _IMAGE.match(text) else "a bullet without words" if not text.strip() else "text"
    place.note(line, what, text)


def _head(item: Item) -> str:
    """What an entry says before anything that is nested in it."""
    first = item.inside[0] if item.inside else None
    return first.text if isinstance(first, Paragraph) else ""
