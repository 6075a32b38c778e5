"""SQL's text cut into words, quoted names, strings and signs, as PostgreSQL and CockroachDB cut it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_SPACE = re.compile(r"\s+")
_LINE_COMMENT = re.compile(r"--[^\n\r]*")
_WORD = re.compile(r"[^\W\d][\w$]*")
_NUMBER = re.compile(r"\d[\w.]*|\.\d[\w.]*|\$\d+")
_DOLLAR = re.compile(r"\$(?:[^\W\d]\w*)?\$")
_PLAIN = re.compile(r"'(?:[^']|'')*'", re.DOTALL)
_ESCAPED = re.compile(r"'(?:[^'\\]|''|\\.)*'", re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"]|"")*"', re.DOTALL)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_ESCAPES = {"e"}
_PREFIXES = {"e", "b", "x", "n", "u&"}

Kind = Literal["word", "name", "string", "number", "sign"]


@dataclass(frozen=True, slots=True)
class Token:
    """One part of a statement; words are in capitals, comments and spaces are left out."""

    kind: Kind
    text: str


def tokens(sql: str) -> Iterator[Token]:
    """The parts of `sql` in their order; raises ValueError for a string or a comment that does not end.

    Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html
    """
    at = 0
    while at < len(sql):
        if skipped := _SPACE.match(sql, at) or _LINE_COMMENT.match(sql, at):
            at = skipped.end()
        elif sql.startswith("/*", at):
            at = _after_comment(sql, at)
        else:
            token, at = _token(sql, at)
            yield token


def _token(sql: str, at: int) -> tuple[Token, int]:
    if (string := _string(sql, at)) is not None:
        return Token("string", sql[at:string]), string
    if sql[at] == '"':
        return Token("name", sql[at : (end := _end(_QUOTED, sql, at, "a quoted name"))]), end
    if word := _WORD.match(sql, at):
        return Token("word", word.group().upper()), word.end()
    if number := _NUMBER.match(sql, at):
        return Token("number", number.group()), number.end()
    return Token("sign", sql[at]), at + 1


def _string(sql: str, at: int) -> int | None:
    """Where the string that begins here ends; None where none begins."""
    if dollar := _DOLLAR.match(sql, at):
        end = sql.find(dollar.group(), dollar.end())
        if end < 0:
            raise ValueError(f"a string that begins with {dollar.group()} does not end")
        return end + len(dollar.group())
    prefix = next((each for each in _PREFIXES if sql[at : at + len(each) + 1].lower() == f"{each}'"), "")
    quote = at + len(prefix)
    if not sql.startswith("'", quote):
        return None
    return _end(_ESCAPED if prefix in _ESCAPES else _PLAIN, sql, quote, "a string")


def _end(form: re.Pattern[str], sql: str, at: int, what: str) -> int:
    match = form.match(sql, at)
    if match is None:
        raise ValueError(f"{what} does not end")
    return match.end()


def _after_comment(sql: str, at: int) -> int:
    """Comments nest."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, at):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    raise ValueError("a comment does not end")
