"""PromQL cut into tokens, each with where it stands and how deep in brackets."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LONGEST = 10_000  # characters; an alert's expression is a line or two
_DEEPEST = 50  # brackets in brackets
_PAIRS = {")": "(", "]": "[", "}": "{"}
_OPENING = set(_PAIRS.values())
_TOKEN = re.compile(
    r"""
    (?P<space>\s+|\#[^\n]*)
  | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
  | (?P<number>0[xX][0-9a-fA-F]+
      | (?:\d+(?:ms|[smhdwy]))+(?![\w.])
      | (?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?(?![\w.]))
  | (?P<word>[^\W\d][\w:]*|:[\w:]*)
  | (?P<sign>==|!=|<=|>=|=~|!~|<|>|=)
  | (?P<mark>[-+*/%^@,(){}\[\]])
    """,
    re.VERBOSE,
)


class Unreadable(Exception):
    """A text that is no PromQL that we can read; the message says why."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Attributes:
        text: as written.
        kind: `string`, `number`, `word`, `sign` or `mark`.
        start: its place in the text; `end` is the place after it.
        depth: how many brackets it stands in; a bracket itself stands outside of what it encloses.
        grouped: whether all of those only group, as in `(a) > 1`, rather than call a function or select series.
    """

    text: str
    kind: str
    start: int
    end: int
    depth: int
    grouped: bool

    @property
    def word(self) -> str:
        """A keyword in small letters, since PromQL's may be written in any; "" for what is no word."""
        return self.text.lower() if self.kind == "word" else ""


def tokens(text: str) -> tuple[Token, ...]:
    """Cuts an expression; raises Unreadable for what is too long, has a strange character or unmatched brackets."""
    if len(text) > _LONGEST:
        raise Unreadable(f"it has {len(text)} characters, more than {_LONGEST}")
    found: list[Token] = []
    above: list[tuple[str, bool]] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise Unreadable(f"{text[place : place + 10]!r} is not understood")
        kind = str(match.lastgroup)
        start, place = place, match.end()
        if kind == "space":
            continue
        written = match.group()
        if written in _PAIRS and (not above or above.pop()[0] != _PAIRS[written]):
            raise Unreadable("its brackets do not match")
        found.append(_token(match, start, above))
        if written in _OPENING:
            above.append((written, written == "(" and _groups(found[:-1])))
        if len(above) > _DEEPEST:
            raise Unreadable(f"its brackets are more than {_DEEPEST} deep")
    if above:
        raise Unreadable("its brackets do not match")
    return tuple(found)


def _token(match: re.Match[str], start: int, above: Sequence[tuple[str, bool]]) -> Token:
    grouped = all(groups for _, groups in above)
    return Token(match.group(), str(match.lastgroup), start, match.end(), len(above), grouped)


_OPERATORS = {"and", "or", "unless", "bool", "atan2"}


def _groups(before: Sequence[Token]) -> bool:
    """Whether a round bracket after these tokens groups: at the start, and after an operator, not after a name."""
    if not before:
        return True
    last = before[-1]
    if last.text == ")":
        # `> on (job) (…)` groups, `sum by (job) (…)` calls: what stands before the earlier bracket tells.
        return _after_matching(before)
    return last.word in _OPERATORS if last.kind == "word" else last.text not in {"]", "}"}


_MATCHING = {"on", "ignoring", "group_left", "group_right"}


def _after_matching(before: Sequence[Token]) -> bool:
    depth = before[-1].depth
    opening = next(n for n in range(len(before) - 2, -1, -1) if before[n].depth == depth and before[n].text == "(")
    return opening > 0 and before[opening - 1].word in _MATCHING
