"""The marks by which people say that something is done, or is not: boxes, ticks, and words in a column."""

import re

_BOX = re.compile(r"^\s*\\?\[([ xX✓✔✅*-]?)\\?\](?!\(|\[|:)\s*")
_DONE = re.compile(r"^\s*(?:✅|☑|✔|✓|☒|🟢|:white_check_mark:|:heavy_check_mark:)\ufe0f?\s*")
_OPEN = re.compile(r"^\s*(?:❌|✗|✘|✖|⬜|☐|🔲|🔳|◻|◽|🚧|⏳|🟡|🔴|🟠|⚪|:x:|:white_large_square:)\ufe0f?\s*")
_YES = re.compile(
    r"^(?:yes|y|x|done|completed?|passe[ds]|pass|ok|ready|true|implemented|finished|verified|met|100 ?%)\.?$",
    re.IGNORECASE,
)
_STATE_WORDS = re.compile(
    r"^(?:no|n|n/?a|false|open|pending|in progress|wip|to ?do|not (?:done|started|ready|met)|fail(?:ed)?|partial(?:ly)?"
    r"|planned|blocked|missing|tbd|[-–—?])\.?$",
    re.IGNORECASE,
)


def box(text: str) -> tuple[bool, str] | None:
    """Whether a text's box is ticked, and the text after it; None where it has no box: `[ ]`, `[x]`, `[]`."""
    found = _BOX.match(text)
    return (found[1] not in {"", " ", "-"}, text[found.end() :]) if found else None


def sign(text: str) -> tuple[bool, str] | None:
    """Whether the sign that a text begins with says done, and the text after it; None where it has none: ✅, ❌, ⬜."""
    done = _DONE.match(text)
    found = done or _OPEN.match(text)
    return (done is not None, text[found.end() :]) if found else None


def state(cell: str) -> bool | None:
    """Whether a cell says that something is done; None where it speaks of something else. An empty one says no."""
    said = cell.strip().strip("*_` ")
    marked = box(said) or sign(said)
    if marked is not None:
        return marked[0]
    if _YES.match(said):
        return True
    return False if not said or _STATE_WORDS.match(said) else None
