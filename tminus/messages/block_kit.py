"""The parts of Slack's Block Kit that messages here are made of, each within Slack's limits.

Limits after docs.slack.dev/reference/block-kit: 150 characters in a header, 3,000 in a section, 255 in a block's id,
300 in the text of a confirmation, 50 blocks in a message.
"""

from collections.abc import Sequence
from hashlib import sha256

from tminus.messages.forms import Block

_HEADER = 150
_SECTION = 2900
_SECTIONS = 8  # of one long text; the rest is in the report
_IDENTITY = 255
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escaped(text: str) -> str:
    """The text as Slack's markup wants it: what somebody typed can neither ping a channel nor hide a link."""
    return text.translate(_ESCAPED)


def header(text: str) -> Block:
    """A title."""
    return {"type": "header", "text": plain(text, _HEADER)}


def sections(text: str) -> list[Block]:
    """A text in as many sections as it needs, cut between lines where it can be."""
    pieces = _pieces(text)
    if len(pieces) > _SECTIONS:
        pieces = [*pieces[: _SECTIONS - 1], "… and more; the report holds the whole text."]
    return [{"type": "section", "text": _markup(piece)} for piece in pieces]


def context(text: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [_markup(_pieces(text)[0])]}


def buttons(identity: str, elements: Sequence[Block]) -> Block:
    """A row of buttons; `identity` tells it from the others of its message."""
    if len(identity) > _IDENTITY:
        identity = sha256(identity.encode()).hexdigest()
    return {"type": "actions", "block_id": identity, "elements": [*elements]}


def button(label: str, action: str, value: str, style: str = "") -> Block:
    """A button; `value` comes back when it is pressed."""
    shown: Block = {"type": "button", "action_id": action, "text": plain(label, 75), "value": value}
    return {**shown, "style": style} if style else shown


def confirmed(shown: Block, title: str, text: str, yes: str) -> Block:
    """A button that asks back before a press counts."""
    dialog: Block = {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(yes, 30),
        "deny": plain("No", 30),
        "style": "danger",
    }
    return {**shown, "confirm": dialog}


def plain(text: str, limit: int) -> Block:
    """A text without markup, cut to what Slack takes there."""
    return {"type": "plain_text", "text": text if len(text) <= limit else f"{text[: limit - 1]}…"}


def _markup(text: str) -> Block:
    return {"type": "mrkdwn", "text": escaped(text)}


def _pieces(text: str) -> list[str]:
    """Pieces that are within a section's limit once they are escaped; at least one, none empty."""
    pieces = [""]
    for line in text.splitlines() or [""]:
        for part in _short(line):
            if pieces[-1] and len(escaped(f"{pieces[-1]}\n{part}")) > _SECTION:
                pieces.append(part)
            else:
                pieces[-1] = f"{pieces[-1]}\n{part}" if pieces[-1] else part
    return [piece for piece in pieces if piece.strip()] or ["-"]


def _short(line: str) -> list[str]:
    size = _SECTION // len("&amp;") if len(escaped(line)) > _SECTION else _SECTION
    return [line[begin : begin + size] for begin in range(0, len(line), size)] or [""]
