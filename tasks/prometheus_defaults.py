"""What is left of PromQL without its defaults: `… or vector(0)` is a number also where nothing is measured."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tasks.prometheus_expression import unwrapped
from tasks.prometheus_tokens import Token, Unreadable, tokens

_FREE = {"vector", "time", "absent", "absent_over_time"}  # functions that give a number without any series
_KEYWORDS = {"bool", "offset", "inf", "nan"}
_LABELS_FOLLOW = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_Part = Sequence[Token]


def without_defaults(expression: str) -> str:
    """The expression without alternatives that need no series, where it is a number whatever is there.

    Where nothing is left it is "". `(rate(x[5m]) or vector(0)) / rate(y[5m])` stays as it is, since without `y` it is
    no number.
    """
    try:
        part = tokens(expression)
        if not _needs_nothing(part):
            return expression
        left = unwrapped(tuple(_stripped(part)))
        return "" if _needs_nothing(left) else _written(left, expression)
    except Unreadable:
        return expression


def _needs_nothing(part: _Part) -> bool:
    """Whether it is a number though no series is there."""
    branches = list(_between(part, {"or"}))
    if len(branches) > 1:
        return any(_needs_nothing(branch) for branch in branches)
    at = 0
    while at < len(part):
        token, inner, beyond = part[at], _inside(part, at), _after(part, at)
        at = beyond
        if token.word in _LABELS_FOLLOW:
            at = _after(part, at) if at < len(part) and part[at].text == "(" else at
        elif token.text in {"{", "["}:
            return False
        elif token.text == "(":
            if not all(_needs_nothing(argument) for argument in _between(inner, {","})):
                return False
        elif token.word in _FREE:
            at = _after(part, at) if at < len(part) else at
        elif token.kind == "word" and not _is_called(part, at) and token.word not in _KEYWORDS | {"and", "unless"}:
            return False
    return True


def _stripped(part: _Part) -> Iterator[Token]:
    branches = list(_between(part, {"or"}))
    if len(branches) > 1:
        left = [tuple(_stripped(branch)) for branch in branches]
        joint = next(token for token in part if token.word == "or")
        for number, branch in enumerate([one for one in left if not _needs_nothing(one)] or left[:1]):
            yield from ([joint] if number else [])
            yield from branch
        return
    at = 0
    while at < len(part):
        inner, beyond = _inside(part, at), _after(part, at)
        yield part[at]
        if part[at].text == "(":
            commas = [token for token in inner if token.text == "," and token.depth == inner[0].depth]
            for number, argument in enumerate(_between(inner, {","})):
                yield from ([commas[number - 1]] if number else [])
                yield from _stripped(argument)
            yield part[beyond - 1]
        else:
            yield from part[at + 1 : beyond]
        at = beyond


def _written(part: _Part, text: str) -> str:
    """As written, where nothing between two tokens was taken out."""
    pairs = pairwise(part)
    spaces = (between if not (between := text[one.end : two.start]).strip() else " " for one, two in pairs)
    return part[0].text + "".join(space + token.text for space, token in zip(spaces, part[1:], strict=True))


def _is_called(part: _Part, at: int) -> bool:
    """Whether what stands there are a function's arguments, or the labels that it groups by."""
    return at < len(part) and (part[at].text == "(" or part[at].word in _LABELS_FOLLOW)


def _between(part: _Part, marks: set[str]) -> Iterator[_Part]:
    """The parts between these, in no brackets of their own."""
    begin = 0
    for n, token in enumerate(part):
        if token.depth == part[0].depth and (token.word in marks or token.text in marks):
            yield part[begin:n]
            begin = n + 1
    yield part[begin:]


def _after(part: _Part, at: int) -> int:
    """The place after a token, or after the brackets that it opens."""
    closing = _CLOSING.get(part[at].text)
    if closing is None:
        return at + 1
    same = (n for n in range(at + 1, len(part)) if part[n].depth == part[at].depth and part[n].text == closing)
    return next(same) + 1


def _inside(part: _Part, at: int) -> _Part:
    return part[at + 1 : _after(part, at) - 1] if part[at].text in _CLOSING else ()
