"""Definitions as PostgreSQL prints them, in a form that a dump and a restore do not change. Pure.

What PostgreSQL prints it does not always print again once it has read it, as a restore does:

- `status IN ('a', 'b')` on a varchar column is printed as `(ARRAY['a'::character varying, …])::text[]`. Read again, the
  cast goes to each element (transformArrayExpr in parse_expr.c): `ARRAY[('a'::character varying)::text, …]`.
- `x BETWEEN 1 AND 9 AND y` is printed as `((x >= 1) AND (x <= 9)) AND y`. Read again, an AND on the left of an AND is
  one with it (makeAndExpr in gram.y), and so is an OR: other parentheses.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

_CAST_ARRAY = "(ARRAY["
_CAST = re.compile(r"\]\)::((?:[\w\".]+(?: varying| precision| with(?:out)? time zone)?)(?:\(\d+(?:,\d+)?\))?)\[\]")
_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[()\s]+|[^'"()\s]+|.""", re.DOTALL)
_QUOTES = frozenset("'\"")


def comparable(definition: str) -> str:
    """The same for every form in which PostgreSQL prints one definition.

    Without its parentheses, after the casts of its arrays went to their elements. So two that differ only in how AND
    and OR are put in parentheses are taken for one.
    """
    tokens = (token for token in _TOKEN.findall(as_restored(definition)) if token.strip("() \t\r\n"))
    return " ".join(tokens)


def as_restored(definition: str) -> str:
    """The definition as it comes back; one that is in that form already stays as it is."""
    start = definition.find(_CAST_ARRAY)
    while start >= 0:
        if (replaced := _pushed_down(definition, start)) is not None:
            definition = replaced
        start = definition.find(_CAST_ARRAY, start + 1)
    return definition


def _pushed_down(text: str, start: int) -> str | None:
    """With the cast of the array that begins there on its elements; None where it has none."""
    inside = start + len(_CAST_ARRAY)
    places = list(_top_level(text, inside))
    if not places:
        return None
    end = places[-1]
    cast = _CAST.match(text, end)
    if cast is None:
        return None
    bounds = [inside - 1, *places]
    elements = [text[one + 1 : other].strip() for one, other in pairwise(bounds)]
    if elements == [""]:
        return None
    pushed = ", ".join(f"({as_restored(element)})::{cast[1]}" for element in elements)
    return f"{text[:start]}ARRAY[{pushed}]{text[cast.end() :]}"


def _top_level(text: str, at: int) -> Iterator[int]:
    """Where the array's commas are, and its closing bracket last; nothing where it does not close."""
    depth, found = 0, []
    while at < len(text):
        letter = text[at]
        if letter in _QUOTES:
            at = _after_quoted(text, at)
            continue
        if letter in "([":
            depth += 1
        elif letter in ")]":
            if depth == 0:
                found.append(at)
                yield from found
                return
            depth -= 1
        elif letter == "," and depth == 0:
            found.append(at)
        at += 1


def _after_quoted(text: str, at: int) -> int:
    """Where a literal or a quoted name ends; a doubled quote is part of it."""
    quote = text[at]
    at += 1
    while at < len(text):
        if text[at] == quote:
            if text[at + 1 : at + 2] != quote:
                return at + 1
            at += 1
        at += 1
    return at
