"""The marks by which people say that something is done, or is not, or is still to be filled in."""

import re

_BOX = re.compile(r"^\s*\\?\[([ xX✓✔✅*-]?)\\?\](?!\(|\[|:)\s*")
_DONE = re.compile(r"^\s*(?:✅|☑|✔|✓|☒|🟢|:white_check_mark:|:heavy_check_mark:)\ufe0f?\s*")
_OPEN = re.compile(r"^\s*(?:❌|✗|✘|✖|⬜|☐|🔲|🔳|◻|◽|🚧|⏳|🟡|🔴|🟠|⚪|:x:|:white_large_square:)\ufe0f?\s*")
_UNFILLED = re.compile(
    r"\[[^\]\d\s][^\]]*\]|<[^<>@:=\s\d][^<>@:]*>|\$[({]|\{\{"
    r"|\b(?:tbd|tbc|tba|to-?do|fix-?me|fill in|lorem ipsum|your (?:name|company|number))\b|\?{3}|_{4}",
    re.IGNORECASE,
)
_YES = re.compile(
    r"^(?:yes|y|x|done|completed?|passe[ds]|pass|ok|ready|true|implemented|finished|verified|met|100 ?%)\.?$",
    re.IGNORECASE,
)
_STATE_WORDS = re.compile(
    r"^(?:no|n|n/?a|false|open|pending|in progress|wip|to ?do|not (?:done|started|ready|met)|fail(?:ed)?|partial(?:ly)?"
    r"|planned|blocked|missing|tbd|[-\u2013\u2014?])\.?$",
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


def to_be_filled_in(text: str) -> bool:
    """Whether something in a text stands for what nobody has written yet: `[Name]`, `<date>`, `$(date)`, `TBD`."""
    return _UNFILLED.search(text) is not None
