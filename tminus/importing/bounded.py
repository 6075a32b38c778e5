"""A file as text that is safe to read: its bounds, its encoding, and what stands before the Markdown."""

import re

from tminus.errors import UsageError

MOST_BYTES = 2 * 1024 * 1024
MOST_LINES = 20_000
_MOST_FRONT_MATTER = 200  # lines
_KEY = re.compile(r"^\s*(?:[\w.-]+\s*:(?:\s|$)|-\s|#|$)")
# Letters that YAML cannot hold or that steer a terminal; tabs and line ends are spaces to Markdown.
_UNSHOWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")


def text_of(raw: bytes, name: str) -> str:
    r"""The text of a Markdown file, its lines ended by `\\n`, without a byte order mark.

    Control characters are replaced by the character that stands for what cannot be shown, U+FFFD.

    Args:
        raw: the file's bytes.
        name: what the file is called, for errors.

    Raises UsageError where it is longer than 2 MiB or 20,000 lines, is not UTF-8, or holds nothing.
    """
    if len(raw) > MOST_BYTES:
        raise UsageError(
            f"{name} has {len(raw):,} bytes; {MOST_BYTES:,} are the most (2 MiB). Split it, or cut it down"
        )
    if b"\0" in raw:
        raise UsageError(f"{name} is no text: byte {raw.index(0)} is zero; save the checklist as Markdown in UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise UsageError(f"{name} is not text in UTF-8 (byte {e.start}); save it in UTF-8 and try again") from e
    text = showable(text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = text.count("\n") + 1
    if lines > MOST_LINES:
        raise UsageError(f"{name} has {lines:,} lines; {MOST_LINES:,} are the most. Split it, or cut it down")
    if not text.strip():
        raise UsageError(f"{name} is empty; there is nothing to import")
    return text


def showable(text: str) -> str:
    """A text without control characters; U+FFFD stands for each."""
    return _UNSHOWN.sub("\N{REPLACEMENT CHARACTER}", text)


def without_front_matter(text: str) -> tuple[str, int]:
    """The text with its YAML front matter blanked, so that line numbers stay; and how many lines that was.

    Markdown would read it as a rule and a heading.
    """
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return text, 0
    for number, line in enumerate(lines[1:_MOST_FRONT_MATTER], start=1):
        if line.rstrip() in {"---", "..."}:
            return "\n".join([""] * (number + 1) + lines[number + 1 :]), number + 1 if number > 1 else 0
        if not _KEY.match(line):
            break
    return text, 0
